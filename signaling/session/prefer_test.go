package session

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/encode"
)

// TestPrefer: a preference moves all of its viewer's seats that can, at once and
// with a key frame, and nobody else's.
func TestPrefer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full, h264, vp8 := &works{codec: encode.H264444}, &works{codec: encode.H264}, &works{codec: encode.VP8}
		s, fanouts := gallery(t, brisk, h264, vp8, full)
		s.SetOrder(fanouts[:2])
		v, other := join(t, s, Owner), join(t, s, Controller)
		socket, _ := see(t, v, encode.VP8, encode.H264)
		webrtc, shown := see(t, v, encode.VP8, encode.H264, encode.H264444)
		bystander, rest := see(t, other, encode.VP8, encode.H264, encode.H264444)
		shown.SetBitrate(3_000_000)
		shown.Show()
		time.Sleep(keyed)
		follows(t, s, shown, nil, nil)

		for _, step := range []struct {
			prefers          encode.Codec
			socket, webrtc   []encode.Codec
			leads            int // the fan-out that the shown seat leads
			notices          []Notice
			encoding, follow encode.Codec
		}{
			{prefers: encode.VP8, socket: []encode.Codec{encode.H264, encode.VP8}, webrtc: []encode.Codec{encode.H264, encode.VP8}, leads: 1},
			{prefers: encode.H264444, socket: []encode.Codec{encode.VP8, encode.H264}, webrtc: []encode.Codec{encode.VP8, encode.H264444}, leads: 2},
			{prefers: "AV1", socket: []encode.Codec{encode.H264}, webrtc: []encode.Codec{encode.H264444, encode.H264}, leads: 0,
				notices: []Notice{{CodecMissing, "AV1", encode.H264}}},
			{prefers: encode.H264, socket: []encode.Codec{encode.H264}, webrtc: []encode.Codec{encode.H264}, leads: 0},
			{prefers: encode.JPEG, socket: []encode.Codec{encode.H264}, webrtc: []encode.Codec{encode.H264}, leads: 0,
				notices: []Notice{{CodecMissing, encode.JPEG, encode.H264}}},
			{prefers: "", socket: []encode.Codec{encode.H264}, webrtc: []encode.Codec{encode.H264}, leads: 0},
		} {
			v.Prefer(step.prefers)
			time.Sleep(keyed)
			socket.shows(t, step.socket...)
			webrtc.shows(t, step.webrtc...)
			bystander.shows(t, encode.H264)
			noticed(t, v, step.notices...)
			s.mu.Lock()
			if s.driving[step.leads] != shown {
				t.Errorf("prefers %s: it does not lead where it is", step.prefers)
			}
			if shown.fanout != 0 && s.driving[0] == nil {
				t.Errorf("prefers %s: nobody leads the others", step.prefers)
			}
			s.mu.Unlock()
		}
		noticed(t, other)

		// One that fails is passed over although it is preferred.
		v.Prefer(encode.H264444)
		time.Sleep(time.Second)
		full.breaks(errBroken, errBroken, 0)
		time.Sleep(time.Second)
		noticed(t, v, Notice{EncoderFailed, encode.H264444, encode.H264})
		rest.Leave()
	})
}

// TestChangesOfMind: one who prefers another codec again and again, and does not
// lead, costs who does no more key frames than any other request.
func TestChangesOfMind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h264, vp8 := &works{codec: encode.H264}, &works{codec: encode.VP8}
		s, _ := gallery(t, brisk, h264, vp8)
		steady, _ := see(t, join(t, s, Owner))
		fickle := join(t, s, Controller)
		k, _ := see(t, fickle)
		time.Sleep(10 * time.Second)
		for n := range 200 {
			fickle.Prefer([]encode.Codec{encode.VP8, encode.H264}[n%2])
			time.Sleep(100 * time.Millisecond)
		}
		steady.shows(t, encode.H264)
		steady.mu.Lock()
		if steady.keys > 12 {
			t.Errorf("%d key frames in 30 s, want one in 2 s at most", steady.keys)
		}
		steady.mu.Unlock()
		time.Sleep(2 * time.Second)
		k.mu.Lock()
		if last := k.codecs[len(k.codecs)-1]; last != encode.H264 || k.torn > 0 {
			t.Errorf("%s is shown, %d times without a key frame, want the one preferred last", last, k.torn)
		}
		k.mu.Unlock()
	})
}

// TestNeverByItself: what is not in the order comes to nobody who does not ask,
// not even when all else fails.
func TestNeverByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full, vp8 := &works{codec: encode.H264444}, &works{codec: encode.VP8}
		s, fanouts := gallery(t, brisk, vp8, full)
		s.SetOrder(fanouts[:1])
		v := join(t, s, Owner)
		if _, err := v.Watch(newSink(), encode.H264444); !errors.Is(err, ErrNoCodec) {
			t.Errorf("watch: %v, want ErrNoCodec", err)
		}
		k, _ := see(t, v)
		time.Sleep(time.Second)
		vp8.breaks(errBroken, errBroken, 0)
		time.Sleep(time.Minute)
		vp8.breaks(nil, nil, 0)
		time.Sleep(10 * time.Second)
		k.shows(t, encode.VP8)
	})
}

// TestSetOrder: the seats move with the order, once.
func TestSetOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h264, vp8 := &works{codec: encode.H264}, &works{codec: encode.VP8}
		s, fanouts := gallery(t, brisk, h264, vp8)
		v := join(t, s, Owner)
		k, seat := see(t, v)
		liking, _ := see(t, join(t, s, Controller))
		s.viewers[1].Prefer(encode.H264)
		time.Sleep(keyed)
		slices.Reverse(fanouts)
		s.SetOrder(fanouts)
		time.Sleep(time.Second)
		k.shows(t, encode.H264, encode.VP8)
		liking.shows(t, encode.H264)
		noticed(t, v)
		s.mu.Lock()
		if s.driving[1] != seat {
			t.Error("the seat has lost the lead")
		}
		s.mu.Unlock()
		s.SetOrder(append(fanouts, fanouts...))
		time.Sleep(time.Second)
		k.shows(t, encode.VP8)
	})
}
