package encode

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"lucarne/capture"
)

// How a stream paces itself.
const (
	// settleDelay after the last damage the picture counts as being at rest.
	settleDelay = 100 * time.Millisecond
	// refineInterval is the pause from one refinement to the next: sharp within
	// half a second, and the browser has time for something else.
	refineInterval = 33 * time.Millisecond
	// maxRefinements bounds what one rest may cost with an encoder that never
	// says that it has settled. A page of text takes 25 at 8 Mbit/s, 200 at 1.
	maxRefinements = 1000
	// maxOwed bounds the rectangles that a dropped frame adds to the next one's.
	maxOwed = 32
	// roomCheck is how soon a sink that wants a key frame but has no room for it
	// is looked at again.
	roomCheck = 100 * time.Millisecond
	// leadKeyInterval is the least time between two key frames that the leading
	// sink asks for: a lost key frame is repeated, a storm of requests is not.
	leadKeyInterval = 250 * time.Millisecond
	// otherKeyInterval is the same for all other sinks together: what they
	// need disturbs the one who leads.
	otherKeyInterval = 2 * time.Second
	// leadPatience is how long a leading sink without room may hold others up.
	leadPatience = 300 * time.Millisecond
	// maxEncoderPause is the longest wait before an encoder that fails is
	// opened again.
	maxEncoderPause = 5 * time.Second
)

// StreamConfig is what a Stream is made of.
type StreamConfig struct {
	Backend    Backend
	BitrateBps int // to begin with; 0: the encoder's default
	MaxFPS     int // frames a second, with a leeway of a sixteenth; 0: 60
	Threads    int // of the encoder; 0: one
	// Failing is told from Run's goroutine that the encoder has failed twice in
	// a row, and with nil that it works: at first, and for a while after it has
	// failed. It must not block. nil: nobody is.
	Failing func(error)
	// Quota bounds what all streams that share it may use of the processors.
	// nil: nothing does.
	Quota *Quota
	// Shrink makes the picture smaller where the machine has no time for all of
	// it. nil: it never becomes smaller.
	Shrink Shrink
	// Changed is called from Run's goroutine when Limits has become another. It
	// must not block. nil: nobody is told.
	Changed func()
	Log     *slog.Logger
}

// Stream is one loop: pictures from a source through one encoder to any number
// of sinks. There is no frame clock. Damage wakes the loop; if the last frame
// left at least one frame interval ago it goes at once, else at the end of the
// interval, with whatever the picture is by then. What holds back holds back
// before the grab. When damage stops the picture is refined until it has
// settled; after that nothing is computed.
type Stream struct {
	cfg      StreamConfig
	interval time.Duration
	wake     chan struct{} // capacity 1: something below has changed

	mu      sync.Mutex
	members map[Sink]*member
	lead    Sink // nil: nobody leads
	bps     int  // wanted
	maxFPS  int  // wanted, where it is less than the configuration's; 0: no less
	keyed   time.Time
	limits  Limits
	tally   Stats
}

// member is what a Stream knows of one sink.
type member struct {
	wantsKey bool
	fresh    bool      // it has not had a packet yet
	asked    bool      // it has asked for a key frame
	moved    bool      // it comes from an encoder that fails, and is not to notice
	missed   int       // packets it has refused
	refused  time.Time // when it refused one; zero: never
}

// NewStream returns a stream that Run starts.
func NewStream(cfg StreamConfig) *Stream {
	if cfg.MaxFPS <= 0 {
		cfg.MaxFPS = 60
	}
	return &Stream{
		cfg:      cfg,
		interval: time.Second / time.Duration(cfg.MaxFPS),
		wake:     make(chan struct{}, 1),
		members:  make(map[Sink]*member),
		bps:      cfg.BitrateBps,
	}
}

// Attach adds a sink. The first packet it gets is a key frame.
func (s *Stream) Attach(sink Sink) { s.attach(sink, false) }

func (s *Stream) attach(sink Sink, moved bool) {
	s.mu.Lock()
	s.members[sink] = &member{wantsKey: true, fresh: true, moved: moved}
	s.mu.Unlock()
	s.ring()
}

// Detach takes a sink off; when it returns nothing is written to it any more.
func (s *Stream) Detach(sink Sink) {
	s.mu.Lock()
	delete(s.members, sink)
	if s.lead == sink {
		s.lead = nil
	}
	s.mu.Unlock()
	s.ring()
}

// Lead makes sink the one whose readiness the loop waits for and whose wish for
// a key frame comes first. nil: any sink's.
func (s *Stream) Lead(sink Sink) {
	s.mu.Lock()
	s.lead = sink
	s.mu.Unlock()
	s.ring()
}

// RequestKey asks for a key frame on a sink's account. Requests are rate
// limited: 250 ms for the sink that leads, 2 s for all others together. A sink
// without room has to wait for it.
func (s *Stream) RequestKey(sink Sink) {
	s.mu.Lock()
	if m := s.members[sink]; m != nil {
		m.wantsKey, m.asked = true, true
	}
	s.mu.Unlock()
	s.ring()
}

// SetBitrate sets the encoder's target in bits a second, from the next frame on.
func (s *Stream) SetBitrate(bps int) {
	s.mu.Lock()
	s.bps = bps
	s.mu.Unlock()
}

// SetMaxFPS bounds the frames a second from now on, where this is less than the
// configuration allows. 0: it is the configuration alone.
func (s *Stream) SetMaxFPS(fps int) {
	s.mu.Lock()
	s.maxFPS = fps
	s.mu.Unlock()
}

// pace returns the least time from one frame to the next.
func (s *Stream) pace() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	pace := s.interval - s.interval/leeway
	if s.maxFPS > 0 {
		pace = max(pace, time.Second/time.Duration(s.maxFPS))
	}
	return pace
}

// Missed returns how many packets a sink has refused since it was attached, and
// when it refused the last if it has been waiting for a key frame ever since;
// else zero.
func (s *Stream) Missed(sink Sink) (packets int, waiting time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.members[sink]; m != nil {
		packets = m.missed
		if m.wantsKey {
			waiting = m.refused
		}
	}
	return packets, waiting
}

// Limits returns what the stream makes do with now.
func (s *Stream) Limits() Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limits
}

func (s *Stream) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run takes pictures from source until ctx ends, which it returns. It closes
// its encoder; the source stays open.
func (s *Stream) Run(ctx context.Context, source capture.Source) error {
	s.mu.Lock()
	s.keyed = time.Time{} // the encoder of an earlier Run is gone
	s.mu.Unlock()
	l := &loop{stream: s, source: source, tick: stopped(), rest: alarm{Timer: stopped()}}
	l.small.shrink = s.cfg.Shrink
	defer l.limit(Limits{})
	defer l.close()
	for {
		if err := l.sleep(ctx); err != nil {
			return err
		}
		if err := l.holdBack(ctx); err != nil {
			return err
		}
		l.step()
	}
}
