package encode

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"lucarne/capture"
)

// Class is which of a codec's streams a seat is served by.
type Class uint8

// The classes.
const (
	Main Class = iota // follows the one who leads
	Slow              // at most slowFPS frames a second, for those who cannot follow Main
	classes
)

// String returns the class's name as statistics show it.
func (c Class) String() string { return [...]string{"main", "slow"}[c] }

const (
	slowFPS = 15
	// A seat that has missed missLimit packets of Main within missWindow, or has
	// had no room for as long as checkEvery, cannot follow it.
	missLimit  = 2
	missWindow = 10 * time.Second
	checkEvery = 2 * time.Second
	// After returnAfter in Slow without a miss a seat tries Main again; each
	// time that it fails it has to wait twice as long.
	returnAfter = 30 * time.Second
	returnMax   = 10 * time.Minute
	// startEvery is the least time from one start of a stream to the next: each
	// opens an encoder and makes a key frame, for who comes and goes as well.
	startEvery = 250 * time.Millisecond
)

// FanoutConfig is what a Fanout is made of.
type FanoutConfig struct {
	Backend    Backend
	Open       func() capture.Source // a source for one stream, which closes it
	BitrateBps int                   // to begin with
	MaxFPS     int                   // of class Main; 0: 60
	Threads    int                   // of each encoder; 0: one
	Quota      *Quota                // that all streams share; nil: none
	Shrink     Shrink                // nil: pictures never become smaller
	Log        *slog.Logger
}

// Fanout shares the streams of one codec among any number of viewers. A stream
// runs while somebody watches it.
type Fanout struct {
	cfg  FanoutConfig
	wake chan struct{} // capacity 1: seats have come, gone or moved

	mu      sync.Mutex
	streams [classes]*Stream
	failing [classes]error // why a stream's encoder makes nothing; nil: it does, as far as is known
	seats   map[*Seat]struct{}
	lead    *Seat
	spare   spare

	notify atomic.Pointer[func()] // nil: nobody wants to know
}

// NewFanout returns a Fanout that Run starts.
func NewFanout(cfg FanoutConfig) *Fanout {
	f := &Fanout{cfg: cfg, wake: make(chan struct{}, 1), seats: make(map[*Seat]struct{})}
	for class := range classes {
		fps, backend := cfg.MaxFPS, cfg.Backend
		if class == Slow {
			fps = slowFPS
		} else {
			backend.Open = f.open
		}
		f.streams[class] = NewStream(StreamConfig{
			Backend: backend, BitrateBps: cfg.BitrateBps, MaxFPS: fps, Threads: cfg.Threads,
			Quota: cfg.Quota, Shrink: cfg.Shrink,
			Failing: func(err error) { f.fail(class, err) },
			Changed: f.tell,
			Log:     cfg.Log.With("stream", class.String()),
		})
	}
	return f
}

// Backend returns what the packets are made by.
func (f *Fanout) Backend() Backend { return f.cfg.Backend }

// Codec returns what the packets are coded in.
func (f *Fanout) Codec() Codec { return f.cfg.Backend.Codec }

// Run runs each stream while it has a seat, and moves seats between them, until
// ctx ends, which it returns.
func (f *Fanout) Run(ctx context.Context) error {
	var stop [classes]func()
	var started [classes]time.Time
	check := time.NewTicker(checkEvery)
	check.Stop()
	defer check.Stop()
	checking := false
	f.keeps(true)
	defer f.keeps(false)
	expire := stopped()
	defer expire.Stop()
	early := stopped() // somebody waits for a stream that has just been started and stopped
	defer early.Stop()
	for {
		watched := f.watched()
		for class := range classes {
			switch since := time.Since(started[class]); {
			case watched[class] && stop[class] == nil && since < startEvery:
				early.Reset(startEvery - since)
			case watched[class] && stop[class] == nil:
				stop[class], started[class] = f.start(ctx, class), time.Now()
			case !watched[class] && stop[class] != nil:
				stop[class]()
				stop[class] = nil
			}
		}
		f.started(stop[Main] != nil || stop[Slow] != nil)
		if left := f.expire(); left > 0 {
			expire.Reset(left)
		}
		switch somebody := watched[Main] || watched[Slow]; {
		case somebody && !checking:
			check.Reset(checkEvery)
			checking = true
		case !somebody:
			check.Stop() // nobody is there: not even a tick
			checking = false
		}
		select {
		case <-ctx.Done():
			for _, stop := range stop {
				if stop != nil {
					stop()
				}
			}
			return ctx.Err()
		case <-f.wake:
		case <-early.C:
		case <-expire.C:
		case now := <-check.C:
			f.sort(now)
		}
	}
}

// start runs a stream; the function it returns ends it and waits for the end.
func (f *Fanout) start(ctx context.Context, class Class) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	source := f.cfg.Open()
	done := make(chan struct{})
	f.started(true) // before the encoder that waits is taken
	go func() {
		defer close(done)
		f.streams[class].Run(ctx, source)
		source.Close()
	}()
	f.cfg.Log.Info("stream started", "stream", class.String(), "encoder", f.cfg.Backend.Name)
	return func() {
		cancel()
		<-done
		f.cfg.Log.Info("stream stopped", "stream", class.String())
	}
}

func (f *Fanout) watched() (watched [classes]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for seat := range f.seats {
		if !seat.paused {
			watched[seat.class] = true
		}
	}
	return watched
}

// sort moves seats to the stream that they can follow.
func (f *Fanout) sort(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for seat := range f.seats {
		if seat.paused {
			continue
		}
		missed, waiting := f.streams[seat.class].Missed(seat.sink)
		fresh := missed - seat.missed
		stuck := !waiting.IsZero() && now.Sub(waiting) >= checkEvery
		switch {
		case seat == f.lead:
			seat.missed, seat.since = missed, now
		case seat.class == Main && (fresh >= missLimit || stuck):
			f.move(seat, Slow, now)
			seat.patience = min(2*seat.patience, returnMax)
		case seat.class == Slow && (fresh > 0 || stuck):
			seat.missed, seat.since = missed, now
		case seat.class == Slow && now.Sub(seat.since) >= seat.patience:
			f.move(seat, Main, now)
		case seat.class == Main && now.Sub(seat.since) >= missWindow:
			seat.missed, seat.since = missed, now
		}
	}
}

// move takes a seat to another stream, where it begins with a key frame. The
// caller holds mu.
func (f *Fanout) move(seat *Seat, class Class, now time.Time) {
	f.streams[seat.class].Detach(seat.sink)
	seat.class, seat.missed, seat.since = class, 0, now
	f.streams[class].Attach(seat.sink)
	f.setBitrate(class)
	f.cfg.Log.Info("viewer moved", "stream", class.String())
	f.tell()
	f.ring()
}

// setBitrate gives a stream its target: Main the lead's, Slow the least of its
// seats', for nobody there can do with less. The caller holds mu.
func (f *Fanout) setBitrate(class Class) {
	bps := 0
	for seat := range f.seats {
		target := seat.target()
		if seat.paused || seat.class != class || target == 0 {
			continue
		}
		if seat == f.lead {
			bps = target
			break
		}
		if bps == 0 || target < bps {
			bps = target
		}
	}
	if bps > 0 {
		f.streams[class].SetBitrate(bps)
	}
}

// target is the bitrate that a seat would like, in bits a second: its estimate as
// far as its limit allows, 0 if there is neither. The caller holds fanout.mu.
func (s *Seat) target() int {
	switch {
	case s.maxBPS == 0:
		return s.bps
	case s.bps == 0:
		return min(s.maxBPS, s.fanout.cfg.BitrateBps)
	}
	return min(s.bps, s.maxBPS)
}

func (f *Fanout) ring() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Join gives a sink a seat: packets of the main stream, the first of them a key
// frame.
func (f *Fanout) Join(sink Sink) *Seat {
	seat := &Seat{fanout: f, sink: sink}
	f.add(seat, false)
	return seat
}

func (f *Fanout) add(seat *Seat, moved bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	seat.since, seat.patience = time.Now(), returnAfter
	f.seats[seat] = struct{}{}
	if !seat.paused {
		f.streams[Main].attach(seat.sink, moved)
	}
	f.setBitrate(Main)
	f.ring()
}

// Seat is one viewer's place at a Fanout. Its methods may be called from any
// goroutine.
type Seat struct {
	fanout *Fanout
	sink   Sink

	// guarded by fanout.mu
	class    Class
	paused   bool
	left     bool
	bps      int // the viewer's estimate; 0: none yet
	maxBPS   int // that the viewer allows; 0: any
	maxFPS   int // likewise, of Main while it leads
	missed   int // the stream's count when last looked at
	since    time.Time
	patience time.Duration // in Slow before Main is tried again
}

// Lead makes this seat's readiness and estimate drive the main stream.
func (s *Seat) Lead() {
	f := s.fanout
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.left || f.lead == s {
		return
	}
	f.lead = s
	f.streams[Main].SetMaxFPS(s.maxFPS)
	if s.paused {
		return
	}
	if s.class != Main {
		f.move(s, Main, time.Now())
	}
	f.streams[Main].Lead(s.sink)
	f.setBitrate(Main)
}

// RequestKey asks for a key frame: a decoder has lost its way. Requests are
// rate limited (Stream.RequestKey).
func (s *Seat) RequestKey() {
	f := s.fanout
	f.mu.Lock()
	defer f.mu.Unlock()
	if !s.left && !s.paused {
		f.streams[s.class].RequestKey(s.sink)
	}
}

// SetBitrate tells the viewer's estimate of what its path carries, in bits a
// second. It drives the main stream if the seat leads.
func (s *Seat) SetBitrate(bps int) {
	f := s.fanout
	f.mu.Lock()
	defer f.mu.Unlock()
	s.bps = bps
	if !s.left {
		f.setBitrate(s.class)
	}
}

// SetLimits bounds what the viewer's estimate may come to, in bits a second, and the
// main stream's frames a second for as long as the seat leads. 0: no bound.
func (s *Seat) SetLimits(bps, fps int) {
	f := s.fanout
	f.mu.Lock()
	defer f.mu.Unlock()
	lifted := s.maxBPS > 0 && bps == 0 && s.bps == 0
	s.maxBPS, s.maxFPS = bps, fps
	if s.left {
		return
	}
	if f.lead == s {
		f.streams[Main].SetMaxFPS(fps)
	}
	if lifted {
		f.streams[s.class].SetBitrate(f.cfg.BitrateBps)
	}
	f.setBitrate(s.class)
}

// Pause stops or resumes the packets. A paused seat costs nothing; when it is
// resumed it begins with a key frame.
func (s *Seat) Pause(paused bool) {
	f := s.fanout
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.left || s.paused == paused {
		return
	}
	s.paused = paused
	if paused {
		f.streams[s.class].Detach(s.sink)
	} else {
		s.missed, s.since = 0, time.Now()
		if f.lead == s {
			s.class = Main
			f.streams[Main].Attach(s.sink)
			f.streams[Main].Lead(s.sink)
		} else {
			f.streams[s.class].Attach(s.sink)
		}
	}
	f.setBitrate(s.class)
	f.ring()
}

// Class returns which stream serves the seat.
func (s *Seat) Class() Class {
	s.fanout.mu.Lock()
	defer s.fanout.mu.Unlock()
	return s.class
}

// Encoding returns by what and how the seat's packets are made.
func (s *Seat) Encoding() Encoding {
	f := s.fanout
	f.mu.Lock()
	defer f.mu.Unlock()
	return Encoding{Codec: f.cfg.Backend.Codec, Encoder: f.cfg.Backend.Name, Limits: f.streams[s.class].Limits()}
}

// Move gives the seat up for one at another fan-out, with the same sink: the
// next packet that this gets is a key frame from there. If the encoder that it
// leaves fails, that does not wait for those of others to be long enough ago; a
// change of mind does. Who leads is to be said anew.
func (s *Seat) Move(to *Fanout) *Seat {
	s.Leave()
	failing := s.fanout.Err() != nil
	s.fanout.mu.Lock()
	seat := &Seat{fanout: to, sink: s.sink, paused: s.paused, bps: s.bps, maxBPS: s.maxBPS, maxFPS: s.maxFPS}
	s.fanout.mu.Unlock()
	to.add(seat, failing)
	return seat
}

// Leave gives the seat up: nothing is written to its sink any more. It is
// idempotent.
func (s *Seat) Leave() {
	f := s.fanout
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.left {
		return
	}
	s.left = true
	f.streams[s.class].Detach(s.sink)
	delete(f.seats, s)
	if f.lead == s {
		f.lead = nil
		f.streams[Main].SetMaxFPS(0)
	}
	f.setBitrate(s.class)
	f.ring()
}
