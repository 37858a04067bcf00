package peer

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"lucarne/signaling/peer/bwe"
)

// pacing runs v's pacing until the test ends.
func pacing(t *testing.T, v *video) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.pace(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

func TestProbesFollowAnUnreportedPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{keep: true}
		v := bind(w, bwe.Config{})
		v.path.numbered = true
		pacing(t, v)
		v.path.sent(1, 100)
		v.WritePacket(frame(0, 100))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := len(w.packets), 1+maxProbes; got != want {
			t.Fatalf("%d packets, want the frame's one and %d probes", got, maxProbes)
		}
		for n, p := range w.packets[1:] {
			last := w.packets[n]
			if !p.Padding || len(p.Payload) != 0 || p.Marker || p.Timestamp != last.Timestamp || p.SequenceNumber != last.SequenceNumber+1 {
				t.Errorf("probe %d is %v after %v", n, p.Header, last.Header)
			}
		}
		if got := w.at[1].Sub(w.at[0]); got < tailPatience {
			t.Errorf("the first probe left after %v, want %v at least", got, tailPatience)
		}
		v.WritePacket(frame(1, 100))
		synctest.Wait()
		if got, want := w.packets[len(w.packets)-1].SequenceNumber, w.packets[len(w.packets)-2].SequenceNumber+1; got != want {
			t.Errorf("sequence after the probes %d, want %d", got, want)
		}
	})
}

func TestNoProbeWhereThePacketHasArrived(t *testing.T) {
	for name, reports := range map[string]bool{"reported": true, "never numbered": false} {
		synctest.Test(t, func(t *testing.T) {
			w := &wire{keep: true}
			v := bind(w, bwe.Config{})
			pacing(t, v)
			v.WritePacket(frame(0, 100))
			synctest.Wait()
			if reports {
				v.path.numbered = true
				v.path.sent(1, 100)
				v.path.bwe.Feedback(time.Now(), []bwe.Arrival{{Seq: 1, At: 1}})
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := len(w.packets); got != 1 {
				t.Errorf("%s: %d packets, want 1", name, got)
			}
			if got := v.idleSince(time.Now(), impatience); got != reports {
				t.Errorf("%s: idle %v, want %v", name, got, reports)
			}
		})
	}
}

// deaf loses the first frame's last packet, and counts the probes and what the
// page then asks for.
type deaf struct {
	interceptor.NoOp
	lost, probed, asked atomic.Int32
}

func (d *deaf) BindRTCPWriter(next interceptor.RTCPWriter) interceptor.RTCPWriter {
	return interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, a interceptor.Attributes) (int, error) {
		for _, p := range packets {
			if _, ok := p.(*rtcp.TransportLayerNack); ok {
				d.asked.Add(1)
			}
		}
		return next.Write(packets, a)
	})
}

func (d *deaf) NewInterceptor(string) (interceptor.Interceptor, error) { return d, nil }

func (d *deaf) BindRemoteStream(info *interceptor.StreamInfo, next interceptor.RTPReader) interceptor.RTPReader {
	if info.MimeType != webrtc.MimeTypeVP8 {
		return next
	}
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		for {
			n, attributes, err := next.Read(b, a)
			if err != nil {
				return n, attributes, err
			}
			if b[0]&0x20 != 0 {
				d.probed.Add(1)
			} else if b[1]&0x80 != 0 && d.lost.Add(1) == 1 {
				continue
			}
			return n, attributes, err
		}
	})
}

// The last packet of a frame is lost and nothing comes after it.
func TestLostTailIsAskedFor(t *testing.T) {
	var way deaf
	p := open(t, func(_ *page, _ *Config, chain *interceptor.Registry) { chain.Add(&way) })
	p.write(frame(0, 3000))
	p.await("a probe", func() bool { return way.probed.Load() > 0 })
	if way.lost.Load() == 0 {
		t.Error("nothing was lost")
	}
	p.await("a request for what was lost", func() bool { return way.asked.Load() > 0 })
}

func TestImpatienceIsExcusedOnce(t *testing.T) {
	p := open(t)
	p.write(frame(0, 100))
	p.await("a frame", func() bool { return p.received() > 0 })
	_, packets := p.got()
	p.await("its report", func() bool { _, arrived := p.peer.path.newest(); return arrived })
	p.peer.video.mu.Lock()
	p.peer.video.tail.left = time.Now().Add(-impatience)
	p.peer.video.mu.Unlock()
	ask := func() {
		if err := p.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: packets[0].SSRC}}); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	p.await("the excuse", func() bool { return p.peer.Stats().Excused == 1 })
	ask()
	p.await("a request", func() bool { return p.seat.get(keys) == 1 })
}
