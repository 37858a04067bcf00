package wsmedia

import (
	"context"
	"encoding/binary"
	"image"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/encode"
	"lucarne/signaling/session"
)

// simulated is a desktop that never rests, a link with an endless buffer, and a page.
type simulated struct {
	bps    func(time.Duration) float64 // of the link, at a time since the start
	oneWay time.Duration
	fixed  int                               // bits a second of an encoder that obeys nobody; 0: it obeys
	pause  func(time.Duration) time.Duration // how long the page rests before it looks at what arrives then; nil: never
	tardy  time.Duration                     // how long the page takes to look at a picture that has arrived; a ping the browser answers
	video  *Video
	start  time.Time

	mu       sync.Mutex
	target   int
	arrivals []arrival
}

// arrival is a picture that the page has whole.
type arrival struct {
	at     time.Duration // since the start
	delay  time.Duration // since it was handed to the socket
	target int           // of the encoder then, bits a second
}

func (s *simulated) Show()  {}
func (s *simulated) Leave() {}
func (s *simulated) SetBitrate(bps int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target = bps
}

func (s *simulated) bitrate() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fixed > 0 {
		return s.fixed
	}
	return s.target
}

// part is a message on its way.
type part struct {
	at       time.Time // when it gets to where it goes
	bytes    int
	sequence uint32
	last     bool
	ping     string // "": a part of a picture
}

const simulatedFPS = 60

// run simulates for so long and returns what has arrived.
func (s *simulated) run(t *testing.T, length time.Duration) []arrival {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.start, s.target = time.Now(), 8_000_000
		s.video = newVideo(Config{}, []encode.Codec{encode.VP8}, func(encode.Sink, ...encode.Codec) (seat, error) { return s, nil })
		if err := s.video.Watch(session.Shown); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		buffer, wire, back := make(chan part, 1<<16), make(chan part, 1<<16), make(chan part, 1<<16)
		var tasks sync.WaitGroup
		tasks.Go(func() { s.stream(ctx) })
		tasks.Go(func() { s.write(ctx, buffer) })
		tasks.Go(func() { s.link(buffer, wire) })
		tasks.Go(func() { s.page(wire, back) })
		tasks.Go(func() { s.answer(back) })
		tasks.Wait()
	})
	return s.arrivals
}

// stream encodes whenever there is room, but not more often than 60 times a second.
func (s *simulated) stream(ctx context.Context) {
	key := true
	for ctx.Err() == nil {
		next := time.After(time.Second / simulatedFPS)
		select {
		case <-s.video.Ready():
			time.Sleep(8 * time.Millisecond)
			now := time.Now()
			size := s.bitrate() / 8 / simulatedFPS
			if key {
				size = 150_000
			}
			key = !s.video.WritePacket(encode.Packet{
				Data: make([]byte, size), Codec: encode.VP8, Key: key, Size: image.Pt(1280, 800),
				Times: encode.Times{Damaged: now.Add(-10 * time.Millisecond), Grabbed: now.Add(-9 * time.Millisecond), Encoded: now},
			})
		case <-ctx.Done():
		}
		<-next
	}
}

// write is the socket's writer.
func (s *simulated) write(ctx context.Context, buffer chan<- part) {
	defer close(buffer)
	ping := time.NewTicker(3 * time.Second)
	defer ping.Stop()
	buffer <- s.ping()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ping.C:
			buffer <- s.ping()
			continue
		case <-s.video.Wake():
		}
		if s.video.PingDue() {
			buffer <- s.ping()
		}
		if m := s.video.Next(); m != nil {
			buffer <- part{bytes: len(m), sequence: binary.BigEndian.Uint32(m[4:]), last: m[1]&moreFlag == 0}
		}
	}
}

func (s *simulated) ping() part { return part{ping: string(s.video.Ping()), last: true, bytes: 10} }

// link passes on what is in the buffer as fast as it can.
func (s *simulated) link(buffer <-chan part, wire chan<- part) {
	defer close(wire)
	for p := range buffer {
		bps := s.bps(time.Since(s.start))
		time.Sleep(time.Duration(float64(p.bytes) * 8 / bps * float64(time.Second)))
		p.at = time.Now().Add(s.oneWay)
		wire <- p
	}
}

func (s *simulated) page(wire <-chan part, back chan<- part) {
	defer close(back)
	for p := range wire {
		if p.ping == "" {
			p.at = p.at.Add(s.tardy)
		}
		time.Sleep(time.Until(p.at))
		if s.pause != nil && p.ping == "" {
			time.Sleep(s.pause(time.Since(s.start)))
		}
		if p.last {
			p.at = time.Now().Add(s.oneWay)
			back <- p
		}
	}
}

func (s *simulated) answer(back <-chan part) {
	for p := range back {
		time.Sleep(time.Until(p.at))
		if p.ping != "" {
			s.video.Pong(p.ping)
			continue
		}
		arrived := time.Now().Add(-s.oneWay)
		s.video.mu.Lock()
		flight := s.video.flow.flights[s.video.flow.head]
		s.video.mu.Unlock()
		s.arrivals = append(s.arrivals, arrival{arrived.Sub(s.start), arrived.Sub(flight.sent), s.bitrate()})
		s.video.Acknowledge(acknowledge(p.sequence, arrived, 1))
	}
}

// acknowledge is what a page sends.
func acknowledge(sequence uint32, arrived time.Time, waiting uint8) []byte {
	msg := binary.BigEndian.AppendUint32([]byte{AcknowledgementType}, sequence)
	msg = binary.BigEndian.AppendUint32(msg, 4000)
	msg = binary.BigEndian.AppendUint32(msg, uint32(arrived.UnixMicro()))
	return append(msg, waiting)
}

func steady(bps float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return bps }
}

// between returns the arrivals of a span.
func between(all []arrival, from, to time.Duration) (some []arrival) {
	for _, a := range all {
		if a.at >= from && a.at < to {
			some = append(some, a)
		}
	}
	return some
}

// quantile of the delays.
func quantile(some []arrival, q float64) time.Duration {
	delays := make([]time.Duration, 0, len(some))
	for _, a := range some {
		delays = append(delays, a.delay)
	}
	slices.Sort(delays)
	return delays[int(q*float64(len(delays)-1))]
}

// TestLinks: whatever the link and whatever the encoder, pictures keep coming and
// do not queue. What is sent is on time within the window: one and a half round
// trips beside its own way and its own length.
func TestLinks(t *testing.T) {
	const wan = 20 * time.Millisecond // one way
	for _, test := range []struct {
		name      string
		simulated *simulated
		fps       float64       // at least, from the third second on
		p95, max  time.Duration // of the delay, from then on
		low, high int           // of the encoder's target at the end, in bits a second; 0: not looked at
	}{
		{"lan", &simulated{bps: steady(1e9), oneWay: 200 * time.Microsecond}, 58, 5 * time.Millisecond, 20 * time.Millisecond, 20e6, 30e6},
		{"wan", &simulated{bps: steady(20e6), oneWay: wan}, 58, 60 * time.Millisecond, 80 * time.Millisecond, 14e6, 20e6},
		{"wan, an encoder that makes twice as much", &simulated{bps: steady(20e6), oneWay: wan, fixed: 40e6}, 20, 80 * time.Millisecond, 120 * time.Millisecond, 14e6, 20e6},
		{"wan, an encoder that makes five times as much", &simulated{bps: steady(20e6), oneWay: wan, fixed: 100e6}, 7, 150 * time.Millisecond, 240 * time.Millisecond, 14e6, 20e6},
		{"narrow", &simulated{bps: steady(2e6), oneWay: wan}, 40, 110 * time.Millisecond, 200 * time.Millisecond, 1.4e6, 2e6},
		{"far", &simulated{bps: steady(20e6), oneWay: 100 * time.Millisecond}, 55, 230 * time.Millisecond, 300 * time.Millisecond, 14e6, 20e6},
		{"far, an encoder that makes twice as much", &simulated{bps: steady(20e6), oneWay: 100 * time.Millisecond, fixed: 40e6}, 25, 270 * time.Millisecond, 350 * time.Millisecond, 14e6, 20e6},
		{"lan, a tardy page", &simulated{bps: steady(1e9), oneWay: 200 * time.Microsecond, tardy: 25 * time.Millisecond}, 58, 30 * time.Millisecond, 45 * time.Millisecond, 20e6, 30e6},
		{"wan, a tardy page", &simulated{bps: steady(20e6), oneWay: wan, tardy: 40 * time.Millisecond}, 58, 100 * time.Millisecond, 120 * time.Millisecond, 14e6, 20e6},
		{"narrow, a tardy page", &simulated{bps: steady(2e6), oneWay: wan, tardy: 40 * time.Millisecond}, 40, 150 * time.Millisecond, 240 * time.Millisecond, 1.4e6, 2e6},
		{"a page that pauses now and then", &simulated{bps: steady(20e6), oneWay: wan, pause: now(80*time.Millisecond, time.Second)}, 45, 150 * time.Millisecond, 250 * time.Millisecond, 10e6, 20e6},
	} {
		t.Run(test.name, func(t *testing.T) {
			const length = 60 * time.Second
			s := test.simulated
			late := between(s.run(t, length), 3*time.Second, length)
			fps := float64(len(late)) / (length - 3*time.Second).Seconds()
			p95, most := quantile(late, 0.95), quantile(late, 1)
			t.Logf("%.1f pictures/s, delay p50 %v, p95 %v, max %v, target %d, %+v", fps, quantile(late, 0.5), p95, most, s.target, s.video.Stats())
			if fps < test.fps {
				t.Errorf("%.1f pictures/s, want %v at least", fps, test.fps)
			}
			if p95 > test.p95 || most > test.max {
				t.Errorf("delay %v, at most %v, want %v and %v", p95, most, test.p95, test.max)
			}
			if s.target < test.low || s.target > test.high {
				t.Errorf("target %d, want %d to %d", s.target, test.low, test.high)
			}
		})
	}
}

// now makes a page that pauses for so long once in a while.
func now(length, every time.Duration) func(time.Duration) time.Duration {
	next := every
	return func(at time.Duration) time.Duration {
		if at < next {
			return 0
		}
		next = at + every
		return length
	}
}

// TestSteps: a link that narrows is not flooded for long, and one that widens is
// used again.
func TestSteps(t *testing.T) {
	const narrow, wide = 15 * time.Second, 30 * time.Second
	s := simulated{oneWay: 20 * time.Millisecond, bps: func(at time.Duration) float64 {
		if at > narrow && at < wide {
			return 4e6
		}
		return 20e6
	}}
	all := s.run(t, 45*time.Second)
	for _, span := range []struct {
		name      string
		from, to  time.Duration
		max       time.Duration
		low, high int
	}{
		{"before", 5 * time.Second, narrow, 100 * time.Millisecond, 14e6, 20e6},
		{"when it narrows", narrow, narrow + 2*time.Second, 600 * time.Millisecond, 0, 20e6},
		{"narrow", narrow + 2*time.Second, wide, 150 * time.Millisecond, 2.5e6, 4e6},
		{"wide again", wide + 5*time.Second, 45 * time.Second, 150 * time.Millisecond, 12e6, 20e6},
	} {
		some := between(all, span.from, span.to)
		if len(some) == 0 {
			t.Errorf("%s: no pictures", span.name)
			continue
		}
		last := some[len(some)-1].target
		t.Logf("%s: %d pictures, delay p50 %v, max %v, target %d", span.name, len(some), quantile(some, 0.5), quantile(some, 1), last)
		if most := quantile(some, 1); most > span.max {
			t.Errorf("%s: delay up to %v, want %v", span.name, most, span.max)
		}
		if last < span.low || last > span.high {
			t.Errorf("%s: target %d at the end, want %d to %d", span.name, last, span.low, span.high)
		}
	}
}
