package session

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/encode"
)

// watch takes a seat for a sink that can use the codecs.
func watch(t *testing.T, v *Viewer, codecs ...encode.Codec) *Seat {
	t.Helper()
	seat, err := v.Watch(newSink(), codecs...)
	if err != nil {
		t.Fatal(err)
	}
	return seat
}

// follows compares the seats that the streams follow, one for each codec.
func follows(t *testing.T, s *Session, want ...*Seat) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.driving, want) {
		t.Errorf("follows %v, want %v", s.driving, want)
	}
}

// TestSeatLeft: the stream never follows a seat that its transport has given up.
func TestSeatLeft(t *testing.T) {
	s, _ := start(t, Config{Fanouts: startFanouts(t, encode.VP8)})
	first, second := join(t, s, Owner), join(t, s, Controller)
	one, two := watch(t, first), watch(t, second)
	follows(t, s, one)
	one.Leave()
	follows(t, s, two)
	one.Leave()
	follows(t, s, two)
	again := watch(t, first)
	follows(t, s, again)
	one.Leave() // that of a connection before
	follows(t, s, again)
	second.Leave()
	again.Leave()
	follows(t, s, nil)
}

// TestTwoSeats: of a viewer's two seats the one that is seen leads, and the
// other one when that is gone.
func TestTwoSeats(t *testing.T) {
	s, _ := start(t, Config{Fanouts: startFanouts(t, encode.VP8)})
	v := join(t, s, Owner)
	socket := watch(t, v)
	shadow := watch(t, v)
	follows(t, s, socket)
	shadow.Show()
	follows(t, s, shadow)
	shadow.Show()
	follows(t, s, shadow)
	shadow.Leave()
	follows(t, s, socket)
	shadow.Show() // it has left
	follows(t, s, socket)

	other := join(t, s, Controller)
	watch(t, other)
	follows(t, s, socket)
	socket.Leave()
	socket = watch(t, v)
	follows(t, s, socket)
	v.Leave()
	follows(t, s, other.seats[0])
}

func TestCodecs(t *testing.T) {
	s, _ := start(t, Config{Fanouts: startFanouts(t, encode.VP8, encode.JPEG)})
	first, second := join(t, s, Owner), join(t, s, Controller)
	plain := watch(t, second, encode.JPEG)
	follows(t, s, nil, plain)
	both := watch(t, first, encode.JPEG, encode.VP8)
	follows(t, s, both, plain)
	shadow := watch(t, first, encode.JPEG)
	follows(t, s, both, plain) // what somebody sees before what the leader does not
	shadow.Show()
	follows(t, s, both, shadow)
	if _, err := first.Watch(newSink(), encode.H264); !errors.Is(err, ErrNoCodec) {
		t.Errorf("a codec that there is not: %v, want ErrNoCodec", err)
	}
}

// TestHideBoth: a hidden tab costs nothing by any of its paths.
func TestHideBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, Config{Fanouts: startFanouts(t, encode.VP8)})
		v := join(t, s, Owner)
		sinks := []*sink{newSink(), newSink()}
		count := func() (packets, keys [2]int) {
			for i, k := range sinks {
				packets[i], keys[i] = k.count()
			}
			return packets, keys
		}
		for _, k := range sinks {
			if _, err := v.Watch(k); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Second)
		_, keys := count()
		v.Hide(true)
		time.Sleep(hiddenPause + time.Second)
		before, _ := count()
		v.RequestKey()
		time.Sleep(time.Minute)
		if after, _ := count(); after != before {
			t.Errorf("%v packets while hidden, want %v", after, before)
		}
		v.Hide(false)
		time.Sleep(5 * time.Second)
		// The first seat may have its key frame before the second asks for one.
		if _, got := count(); got[1] != keys[1]+1 || got[0]-keys[0] != 1 && got[0]-keys[0] != 2 {
			t.Errorf("%v key frames, want one more than %v each, or one for both after one for the first", got, keys)
		}
	})
}
