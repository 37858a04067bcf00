package session

import (
	"testing"
	"testing/synctest"
	"time"

	"lucarne/encode"
)

// TestSlowToOpen: nobody waits for an encoder that is slow to open, be it at first or
// after it has failed or stopped; another of the same codec is seen meanwhile.
func TestSlowToOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gpu, x264 := &works{codec: encode.H264, slow: 3 * time.Second}, &works{codec: encode.H264}
		s, _ := gallery(t, brisk, gpu, x264)
		v := join(t, s, Owner)
		k, seat := see(t, v)
		time.Sleep(time.Second)
		follows(t, s, nil, seat)
		k.shows(t, encode.H264)
		time.Sleep(3 * time.Second)
		follows(t, s, seat, nil)
		k.shows(t, encode.H264)

		// A hidden tab keeps nothing open, and comes back at once.
		v.Hide(true)
		time.Sleep(time.Minute)
		if tries := gpu.tries(); len(tries) != 1 {
			t.Errorf("opened %d times, want once", len(tries))
		}
		v.Hide(false)
		time.Sleep(100 * time.Millisecond)
		follows(t, s, nil, seat)
		k.shows(t, encode.H264)
		time.Sleep(4 * time.Second)
		follows(t, s, seat, nil)
		noticed(t, v)

		// One failure is enough, and what it comes back with is open already.
		gpu.breaks(errBroken, errBroken, 0)
		time.Sleep(time.Second)
		follows(t, s, nil, seat)
		k.shows(t, encode.H264)
		noticed(t, v, Notice{Code: EncoderReplaced, Codec: encode.H264})
		gpu.breaks(nil, nil, 0)
		time.Sleep(retryMin)
		k.shows(t, encode.H264)
		time.Sleep(3 * time.Second)
		follows(t, s, seat, nil)
		noticed(t, v)
	})
}

// TestSlowToFail: an encoder that does not open after all is seen by nobody.
func TestSlowToFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gpu, x264 := &works{codec: encode.H264, slow: 3 * time.Second}, &works{codec: encode.H264}
		gpu.breaks(encode.ErrLost, nil, 0)
		s, _ := gallery(t, brisk, gpu, x264)
		v := join(t, s, Owner)
		k, seat := see(t, v)
		time.Sleep(retryMin)
		follows(t, s, nil, seat)
		k.shows(t, encode.H264)
		noticed(t, v)
		gpu.breaks(nil, nil, 0)
		if tries := gpu.tries(); len(tries) != 1 {
			t.Errorf("tried %d times within the first pause, want once", len(tries))
		}
		time.Sleep(retryMin)
		follows(t, s, seat, nil)
	})
}
