// Package session is the one place where it is decided who may do what: the
// viewers, their roles, the policy, who leads, and what is recorded of it. Only
// a Session holds the injector and the clipboard; transports get a *Viewer and
// can do nothing without it.
package session

import (
	"fmt"
	"image"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"lucarne/encode"
	"lucarne/input"
)

// Screen is what a session does to the screen.
type Screen interface {
	// Resize asks for a size in pixels and returns the one there is then.
	Resize(image.Point) (image.Point, error)
}

// Config is what a Session is made of.
type Config struct {
	// Fanouts are where viewers get their packets, each from the first one whose
	// codec it can decode, unless it prefers another or SetOrder says otherwise.
	Fanouts []*encode.Fanout
	Screen  Screen
	Policy  Policy       // zero: everything is allowed to who controls
	Audit   func(Record) // nil: no audit; called from any goroutine, must not block
	// AuditRequired has what moves data or lets people in refused while SetAuditFailing
	// says that it cannot be recorded.
	AuditRequired bool
	Log           *slog.Logger

	MaxViewers int // at once; 0: 32; a quarter is for those who come without a link
	MaxPixels  int // of a size that a viewer asks for; 0: 2,300,000

	MaxClipboard int  // bytes of one content, either way; 0: 16 MiB
	Primary      bool // carry the selection PRIMARY for viewers that want it
}

// Session is one desktop with its viewers. Its methods may be called from any
// goroutine.
type Session struct {
	cfg   Config
	hands *hands
	wake  chan struct{} // capacity 1: a key is held, a tab was hidden or the display is silent
	// supplied is a bell of capacity 1: an encoder fails or works again, or somebody
	// wants one.
	supplied chan struct{}
	texts    chan struct{} // of capacity 1: there is text to type
	uses     [len(features)]uses
	// unaudited: what happens cannot be recorded now.
	unaudited atomic.Bool

	resizing sync.Mutex // held while the screen takes on a size; taken before mu

	mu       sync.Mutex // taken after hands.mu, never before it
	viewers  []*Viewer  // in the order in which they came
	joined   uint64
	leader   *Viewer   // nil: nobody controls
	absent   *Viewer   // who led when its connection was lost, for whose page the lead is kept; nil: nobody
	missed   time.Time // when that was
	supplies []*supply // one for each fan-out
	order    []int     // of the fan-outs that are chosen without being preferred
	driving  []*Seat   // for each fan-out, the seat that its main stream follows; nil: none
	gpu      encode.GPU
	active   time.Time
	copies   copies
	layout   input.Layout // in force on the display; zero: unknown
	given    *Viewer      // to whom control has been given, who leads until it is taken; nil: nobody
	giver    *Viewer      // who has given it, though it may have left; nil: nobody
	former   *Viewer      // who had been given it and has left; nil: it has been disposed of since
	alone    time.Time    // since when nobody is here who might take it; zero: somebody is
	shares   []*share
	news     uint64              // counts what People tells
	falls    uint64              // counts encoders that were passed over
	unjoined recorded            // who was not let in
	logins   map[string]recorded // that were refused, by their methods
}

// New returns a session without a display and without viewers.
func New(cfg Config) *Session {
	if cfg.MaxViewers <= 0 {
		cfg.MaxViewers = 32
	}
	if cfg.MaxPixels <= 0 {
		cfg.MaxPixels = 2_300_000
	}
	if cfg.MaxClipboard <= 0 {
		cfg.MaxClipboard = defaultMaxClipboard
	}
	wake := make(chan struct{}, 1)
	cfg.Fanouts = slices.Clone(cfg.Fanouts)
	s := &Session{
		cfg: cfg, hands: newHands(wake), wake: wake,
		supplied: make(chan struct{}, 1),
		texts:    make(chan struct{}, 1),
		driving:  make([]*Seat, len(cfg.Fanouts)),
		logins:   make(map[string]recorded),
	}
	for n, fanout := range cfg.Fanouts {
		s.supplies, s.order = append(s.supplies, &supply{fanout: fanout}), append(s.order, n)
		fanout.Notify(func() { ring(s.supplied) })
	}
	return s
}

// JoinConfig is what a viewer joins as.
type JoinConfig struct {
	Role  Role   // "": Controller
	Share string // id of the link that the viewer comes by, whose role counts; "": none
	User  string // who the platform says it is; "": unknown
	From  string // address that it comes from, for the audit; "": unknown
	// Instead of an earlier viewer of the same page, which has left: if control had
	// been given to it and to nobody since, it is this one's, as is the lead that is
	// kept for it, and the text that is being typed for it. nil: of none.
	Instead *Viewer
}

// Join adds a viewer, who stays until Leave or until its link ends. With as many here
// as there may be it returns ErrFull, by a link that has ended ErrNoShare.
func (s *Session) Join(cfg JoinConfig) (*Viewer, error) {
	if cfg.Role == "" {
		cfg.Role = Controller
	}
	v := &Viewer{
		session:  s,
		own:      cfg.Role,
		share:    cfg.Share,
		user:     cfg.User,
		from:     cfg.From,
		since:    time.Now(),
		gone:     make(chan struct{}),
		dropped:  make(chan struct{}),
		bell:     make(chan struct{}, 1),
		keyboard: input.NewKeyboard(&s.hands.held),
		recorded: make(map[use]recorded),
	}
	err := s.add(v, cfg.Instead)
	v.recordJoin(err)
	if err != nil {
		return nil, err
	}
	if cfg.Instead != nil {
		s.hands.inherit(v, cfg.Instead)
	}
	s.settle(v)
	return v, nil
}

func (s *Session) add(v, instead *Viewer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.viewers) >= s.places(v.share) {
		return fmt.Errorf("session: join: %w", ErrFull)
	}
	if v.share != "" {
		link := s.shared(v.share, v.since)
		if link == nil {
			return fmt.Errorf("session: join: %w", ErrNoShare)
		}
		v.own, v.name, v.over = link.Role, link.Name, link.over
	}
	v.controls = s.cfg.Policy.controls(v.own)
	s.joined++
	v.id = strconv.FormatUint(s.joined, 10)
	v.active = v.since
	if instead != nil {
		v.active, v.input = instead.active, instead.input // that its page comes again is nobody's doing
	}
	s.copies.join(v, instead)
	s.viewers = append(s.viewers, v)
	s.succeed(v, instead)
	s.elect()
	s.attend(v.since)
	s.tellPeople()
	if s.unaudited.Load() {
		v.tellAudit(true)
	}
	v.ring()
	return nil
}

// places returns how many viewers there may be for another to come by a link, "" for
// none: who has a link keeps nobody out who may end it.
func (s *Session) places(share string) int {
	if share == "" {
		return s.cfg.MaxViewers
	}
	return s.cfg.MaxViewers - s.cfg.MaxViewers/4
}

// remove takes a viewer out and returns its seats, if it was here.
// lost: its page may be back in a moment.
func (s *Session) remove(v *Viewer, end error, lost bool) (seats []*Seat, here bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.left {
		return nil, false
	}
	v.left, v.end = true, end
	close(v.gone)
	s.viewers = slices.DeleteFunc(s.viewers, func(other *Viewer) bool { return other == v })
	seats, v.seats, v.shown = v.seats, nil, nil
	s.copies.forget(v)
	if lost {
		s.keepLead(v)
	}
	s.forsake(v)
	s.elect()
	s.attend(time.Now())
	s.tellPeople()
	return seats, true
}

// Viewers returns how many viewers there are.
func (s *Session) Viewers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.viewers)
}

// Active returns when a person last did something: typed, pointed or pasted.
// It is zero while nobody has.
func (s *Session) Active() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active
}

// everybody returns the viewers there are.
func (s *Session) everybody() []*Viewer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.viewers)
}
