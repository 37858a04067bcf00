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
	own      Role          // that it came in
	lent     atomic.Bool   // it acts as a Controller for now
	share    string        // id of the link by which it came; "": none
	over     chan struct{} // closed when that has ended; nil: there is none
	name     string        // as its link says
	user     string        // who it is, as the platform says; "": unknown
	from     string        // address that it has come from
	controls bool          // by its own role
	since    time.Time
	bell     chan struct{}
	seq      atomic.Uint32 // newest reliable input handled

	// guarded by session.hands.mu
	keyboard *input.Keyboard
	counts   Counts
	backlog  backlog
	typist   bool // the display does not repeat keys on its account

	// guarded by session.mu
	left     bool
	gone     chan struct{} // closed when it has left
	dropped  chan struct{} // closed when what it held has been let go for control has changed hands
	end      error         // why the session has ended it; nil: it has left by itself
	path     string        // by which it watches, as its transport says
	asked    time.Time     // when it asked for control; zero: it has not, or has got it
	limits   Limits
	layout   input.Layout // of its browser; zero: unknown
	seats    []*Seat      // one for each path by which it watches
	shown    *Seat        // the one of them whose pictures are seen; nil while there is none
	prefers  encode.Codec // "": none
	missing  encode.Codec // in use instead, as far as the viewer has been told
	notices  []Notice
	hidden   time.Time // since when the tab is hidden; zero: it is not
	paused   bool
	input    time.Time // last use of keyboard or pointer
	active   time.Time // when the person last did something; at first when they came
	copying  copying
	refused  uint64
	recorded map[use]recorded
}

// Counts are what became of a viewer's input.
type Counts struct {
	Handled   uint64 // events that were let through
	Malformed uint64 // messages that are none
	Refused   uint64 // uses of a feature that the policy forbids
	Failed    uint64 // events that the display did not take
	Unfit     uint64 // clipboards that were not carried: too large, too often, no such type, broken
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
		slog.Uint64("unfit", c.Unfit),
		slog.Uint64("dropped", d.Duplicate+d.Stale+d.Late+d.Flood+d.Refused),
	)
}

// ID names the viewer within its session.
func (v *Viewer) ID() string { return v.id }

// Role returns what the viewer is to the session.
func (v *Viewer) Role() Role {
	if v.lent.Load() {
		return Controller
	}
	return v.own
}

// Gone is closed when the viewer has left, Err says why then: ErrRevoked or
// ErrExpired where the session has ended it, nil where it has left by itself.
func (v *Viewer) Gone() <-chan struct{} { return v.gone }

// Over is closed when the link that the viewer has come by has ended, also after the
// viewer has left; it is nil where there is none. What the page still does beside its
// socket ends with it.
func (v *Viewer) Over() <-chan struct{} { return v.over }

// Err returns why the session has ended the viewer; nil: it has not.
func (v *Viewer) Err() error {
	v.session.mu.Lock()
	defer v.session.mu.Unlock()
	return v.end
}

// allows says whether the viewer may use a feature now.
func (v *Viewer) allows(f Feature) bool { return v.refusal(f) == "" }

// refusal says why the viewer may not use a feature now; "": it may.
func (v *Viewer) refusal(f Feature) Refusal {
	s, role := v.session, v.Role()
	switch {
	case !Policy{ControllersShare: s.cfg.Policy.ControllersShare}.allowsAs(v.own, role, f):
		return ByRole
	case !s.cfg.Policy.allowsAs(v.own, role, f):
		return ByPolicy
	case s.mutes(f):
		return ByAudit
	}
	return ""
}

// Refusals says of each feature that the viewer may not use now why it may not.
func (v *Viewer) Refusals() map[Feature]Refusal {
	why := make(map[Feature]Refusal)
	for _, f := range features {
		if refusal := v.refusal(f); refusal != "" {
			why[f] = refusal
		}
	}
	return why
}

// Allowed lists the features that the viewer may use.
func (v *Viewer) Allowed() []Feature {
	var allowed []Feature
	for _, f := range features {
		if v.allows(f) {
			allowed = append(allowed, f)
		}
	}
	return allowed
}

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

// Changed returns a doorbell of capacity 1 that rings when Control, People, Encoding, Notices,
// Copied or InputSeq may have something new; it has rung once when the viewer has joined.
func (v *Viewer) Changed() <-chan struct{} { return v.bell }

// Do lets a viewer use a feature: it asks the policy, notes that a person was
// there, calls act and records the outcome. It returns ErrRefused, ErrLeft or
// act's error. All that a viewer does passes through here or through Use.
func (v *Viewer) Do(f Feature, act func() error) error {
	return v.Use(f, Detail{}, func(*Detail) error { return act() })
}

// Use is Do for what has more to it than that it was done: the audit gets the detail,
// as act leaves it.
func (v *Viewer) Use(f Feature, detail Detail, act func(*Detail) error) error {
	s := v.session
	if !v.present() {
		return fmt.Errorf("session: %s: %w", f, ErrLeft)
	}
	if refusal := v.refusal(f); refusal != "" {
		s.mu.Lock()
		v.refused++
		s.mu.Unlock()
		err := ErrRefused
		if refusal == ByAudit {
			err = ErrUnaudited
		}
		s.count(f, err)
		v.record(f, detail, err)
		return fmt.Errorf("session: %s by %s: %w", f, v.Role(), err)
	}
	if human(f) {
		s.touch(v, f)
	}
	err := act(&detail)
	s.count(f, err)
	v.record(f, detail, err)
	return err
}

// Active returns when the person at this page last did something, or came.
func (v *Viewer) Active() time.Time {
	v.session.mu.Lock()
	defer v.session.mu.Unlock()
	return v.active
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
		seat.place.SetLimits(v.limits.BitrateBps, v.limits.MaxFPS)
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
		v.reseat() // what was best may take a while to be so again
		v.pause(false)
		s.elect()
		ring(s.supplied)
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
	return v.countsNow()
}

// Leave ends the viewer: all that it holds is let go and its seats are given up.
// It is idempotent; whatever is called afterwards does nothing. Input that was
// under way is done with, and counted in InputSeq, when it returns.
func (v *Viewer) Leave() { v.leave(nil, false) }

// Lose is Leave for a viewer whose connection has ended without a word: if it led,
// the lead is kept for a moment for who joins instead of it, unless somebody acts.
func (v *Viewer) Lose() { v.leave(nil, true) }

// leave ends the viewer: for what reason of the session's, nil for none, and whether
// its page may be back in a moment.
func (v *Viewer) leave(end error, lost bool) {
	s := v.session
	seats, here := s.remove(v, end, lost)
	for _, seat := range seats {
		seat.place.Leave()
	}
	if here {
		v.recordEvent(Left, end)
	}
	s.settle(v)
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
