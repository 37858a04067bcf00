package session

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/encode"
)

// TestOffer: a fan-out that is withheld serves nobody and is not spoken of, whatever
// is preferred or fails; once offered it serves those whom it serves best.
func TestOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gpu, gpuFull, x264 := &works{codec: encode.H264}, &works{codec: encode.H264444}, &works{codec: encode.H264}
		gpu.breaks(errBroken, errBroken, 0)
		s, fanouts := gallery(t, brisk, gpu, gpuFull, x264)
		s.Withhold(fanouts[:2]...)
		s.SetOrder([]*encode.Fanout{fanouts[0], fanouts[2]})
		v := join(t, s, Owner)
		v.Prefer(encode.H264444)
		k, seat := see(t, v)
		time.Sleep(retryMax)
		k.shows(t, encode.H264)
		if got := v.Codecs(); !slices.Equal(got, []encode.Codec{encode.H264}) {
			t.Errorf("codecs %v, want H.264 alone", got)
		}
		if tries := slices.Concat(gpu.tries(), gpuFull.tries()); len(tries) > 0 {
			t.Errorf("encoders of withheld fan-outs were opened: %v", tries)
		}
		noticed(t, v, Notice{CodecMissing, encode.H264444, encode.H264})

		gpu.breaks(nil, nil, 0)
		s.Offer(fanouts[1])
		time.Sleep(time.Second)
		k.shows(t, encode.H264, encode.H264444)
		v.Prefer("")
		s.Offer(fanouts[0])
		time.Sleep(2 * time.Second)
		k.shows(t, encode.H264444, encode.H264)
		follows(t, s, seat, nil, nil)
		noticed(t, v)
	})
}

// TestReplaced: where the codec stays the same it is the encoder that is told of.
func TestReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gpu, x264 := &works{codec: encode.H264}, &works{codec: encode.H264}
		s, _ := gallery(t, brisk, gpu, x264)
		v := join(t, s, Owner)
		v.Prefer(encode.H264)
		k, seat := see(t, v)
		time.Sleep(2 * time.Second)
		follows(t, s, seat, nil)
		k.mu.Lock()
		keys := k.keys
		k.mu.Unlock()
		gpu.breaks(encode.ErrLost, encode.ErrLost, 0)
		time.Sleep(time.Second)
		follows(t, s, nil, seat)
		k.shows(t, encode.H264)
		k.mu.Lock()
		if k.keys != keys+1 {
			t.Errorf("%d key frames, want one more than %d", k.keys, keys)
		}
		k.mu.Unlock()
		noticed(t, v, Notice{Code: EncoderReplaced, Codec: encode.H264})
		gpu.breaks(nil, nil, 0)
		time.Sleep(retryMin + time.Second)
		follows(t, s, seat, nil)
		noticed(t, v)
	})
}

// TestSetGPU: who is here is told, and who comes later.
func TestSetGPU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := gallery(t, brisk, &works{codec: encode.VP8})
		v := join(t, s, Owner)
		see(t, v)
		time.Sleep(time.Second)
		for len(v.Changed()) > 0 {
			<-v.Changed()
		}
		gpu := encode.GPU{Code: "no-encoder", Arg: "NVIDIA A100"}
		s.SetGPU(gpu)
		if len(v.Changed()) == 0 {
			t.Error("the viewer is not told")
		}
		later := join(t, s, Controller)
		see(t, later)
		for _, v := range []*Viewer{v, later} {
			if got := v.Encoding().GPU; got != gpu {
				t.Errorf("told %+v", got)
			}
		}
	})
}
