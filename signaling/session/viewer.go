package session

import (
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"lucarne/encode"
	"lucarne/input"
)

// Viewer is one page that looks at a session, and all that its transports can
// do to it. Its methods may be called from any goroutine.
type Viewer struct {
	session  *Session
	id       string
	role     Role
	controls bool
	bell     chan struct{}
	seq      atomic.Uint32 // newest reliable input handled

	// guarded by session.hands.mu
	keyboard *input.Keyboard
	counts   Counts

	// guarded by session.mu
	left     bool
	seats    []*Seat      // one for each path by which it watches
	shown    *Seat        // the one of them whose pictures are seen; nil while there is none
	prefers  encode.Codec // "": none
	missing  encode.Codec // in use instead, as far as the viewer has been told
	notices  []Notice
	hidden   time.Time // since when the tab is hidden; zero: it is not
	paused   bool
	input    time.Time // last use of keyboard or pointer
	copied   uint64    // newest text of the clipboard seen
	refused  uint64
	recorded map[use]time.Time
}

// Counts are what became of a viewer's input.
type Counts struct {
	Handled   uint64 // events that were let through
	Malformed uint64 // messages that are none
	Refused   uint64 // uses of a feature that the policy forbids
	Failed    uint64 // events that the display did not take
	Dropped   input.Dropped
}

// LogValue makes a group of the counts.
func (c Counts) LogValue() slog.Value {
	d := c.Dropped
	return slog.GroupValue(
		slog.Uint64("handled", c.Handled),
		slog.Uint64("malformed", c.Malformed),
		slog.Uint64("refused", c.Refused),
		slog.Uint64("failed", c.Failed),
		slog.Uint64("dropped", d.Duplicate+d.Stale+d.Late+d.Refused),
	)
}

// ID names the viewer within its session.
func (v *Viewer) ID() string { return v.id }

// Role returns what the viewer is to the session.
func (v *Viewer) Role() Role { return v.role }

// Allowed lists the features that the viewer may use.
func (v *Viewer) Allowed() []Feature { return v.session.cfg.Policy.Allowed(v.role) }

// Codecs lists what the session offers to encode, working or not.
func (v *Viewer) Codecs() []encode.Codec {
	v.session.mu.Lock()
	defer v.session.mu.Unlock()
	var codecs []encode.Codec
	for _, supply := range v.session.supplies {
		if codec := supply.fanout.Codec(); !supply.withheld && !slices.Contains(codecs, codec) {
			codecs = append(codecs, codec)
		}
	}
	return codecs
}

// Changed returns a doorbell of capacity 1 that rings when Leader, Encoding, Notices,
// Clipboard or InputSeq may have something new; it has rung once when the viewer has joined.
func (v *Viewer) Changed() <-chan struct{} { return v.bell }

// Do lets a viewer use a feature: it asks the policy, notes that a person was
// there, calls act and records the outcome. It returns ErrRefused, ErrLeft or
// act's error. All that a viewer does passes through here.
func (v *Viewer) Do(f Feature, act func() error) error {
	s := v.session
	if !v.present() {
		return fmt.Errorf("session: %s: %w", f, ErrLeft)
	}
	if !s.cfg.Policy.Allows(v.role, f) {
		s.mu.Lock()
		v.refused++
		s.mu.Unlock()
		v.record(f, ErrRefused)
		return fmt.Errorf("session: %s by %s: %w", f, v.role, ErrRefused)
	}
	if human(f) {
		s.touch(v, f)
	}
	err := act()
	v.record(f, err)
	return err
}

// Watch gives the sink a seat at the session's streams, beside those that the
// viewer has. It is the one shown if there is no other. codecs are those that
// the sink can use, none for any; without a stream of one of them the error is
// ErrNoCodec. Which of them the packets are coded in may change with any key
// frame. The seat is left with the viewer at the latest.
func (v *Viewer) Watch(sink encode.Sink, codecs ...encode.Codec) (*Seat, error) {
	var seat *Seat
	err := v.Do(Video, func() error {
		s := v.session
		s.mu.Lock()
		defer s.mu.Unlock()
		if v.left {
			return fmt.Errorf("session: watch: %w", ErrLeft)
		}
		n := s.best(v, codecs, -1)
		if n < 0 {
			return fmt.Errorf("session: watch: %w", ErrNoCodec)
		}
		seat = &Seat{viewer: v, codecs: slices.Clone(codecs), fanout: n, place: s.cfg.Fanouts[n].Join(sink)}
		seat.place.Pause(v.paused)
		v.seats = append(v.seats, seat)
		if v.shown == nil {
			v.shown = seat
		}
		s.drive()
		v.miss()
		if s.supplies[n].err != nil {
			v.tell(Notice{Code: EncoderFailed, Codec: s.codec(n)})
		}
		v.ring()         // it has an encoding
		ring(s.supplied) // one that fails may be worth a try now
		return nil
	})
	return seat, err
}

// RequestKey asks for a key frame wherever the viewer watches: the page has lost
// its way.
func (v *Viewer) RequestKey() {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seat := range v.seats {
		seat.place.RequestKey()
	}
}

// pause stops or resumes the packets of a viewer. The caller holds session.mu.
func (v *Viewer) pause(paused bool) {
	v.paused = paused
	for _, seat := range v.seats {
		seat.place.Pause(paused)
	}
}

// Hide says whether the viewer's tab is hidden. After 5 s of it the packets
// stop; when it is shown they begin again at once, with a key frame.
func (v *Viewer) Hide(hidden bool) {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case v.left:
	case !hidden:
		v.hidden = time.Time{}
		if !v.paused {
			return
		}
		v.pause(false)
		s.elect()
	case v.hidden.IsZero():
		v.hidden = time.Now()
		s.ring()
	}
}

// Leader returns the viewer who leads, "" for nobody, and whether it is this one.
func (v *Viewer) Leader() (id string, you bool) {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leader == nil {
		return "", false
	}
	return s.leader.id, s.leader == v
}

// Counts returns what became of the viewer's input so far.
func (v *Viewer) Counts() Counts {
	h := v.session.hands
	h.mu.Lock()
	defer h.mu.Unlock()
	counts := v.counts
	counts.Dropped = v.keyboard.Dropped()
	v.session.mu.Lock()
	defer v.session.mu.Unlock()
	counts.Refused = v.refused
	return counts
}

// Leave ends the viewer: all that it holds is let go and its seats are given up.
// It is idempotent; whatever is called afterwards does nothing. Input that was
// under way is done with, and counted in InputSeq, when it returns.
func (v *Viewer) Leave() {
	s := v.session
	seats, removed := s.remove(v)
	for _, seat := range seats {
		seat.place.Leave()
	}
	s.hands.mu.Lock()
	s.hands.letGo(v)
	s.hands.mu.Unlock()
	if removed && s.cfg.Policy.Allows(v.role, Keyboard) {
		s.typists(-1)
	}
}

// present says whether the viewer has not left.
func (v *Viewer) present() bool {
	v.session.mu.Lock()
	defer v.session.mu.Unlock()
	return !v.left
}

func (v *Viewer) ring() { ring(v.bell) }

func (s *Session) ring() { ring(s.wake) }

// ring puts a value into a doorbell that may hold one already.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
