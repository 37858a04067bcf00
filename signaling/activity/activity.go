// Package activity says when a person last used the desktop and whether it is in
// use, in the words in which notebook platforms ask: as the kernels of a Jupyter
// server (Kubeflow's culling controller, JupyterHub, Jupyter's own REST API).
//
// A page that is open, pictures that move and pings are no activity: only what a
// person does is, and work that whoever runs the desktop has named in rules.
package activity

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// BusyFor is how long after a person has done something the desktop counts as
	// busy, unless Config says otherwise: longer than a culler's period, a minute,
	// so that none misses it.
	BusyFor = 2 * time.Minute
	// interval is how often the rules are looked at and the state is kept.
	interval = 30 * time.Second
)

// Rule is work that keeps a desktop from counting as idle while nobody touches it.
type Rule struct {
	Name string // one of "cpu", "gpu", "process", "file"
	// Holds says whether there is such work. It is called every 30 s, by one
	// goroutine, and ends with ctx; an error counts as no.
	Holds func(ctx context.Context, now time.Time) (bool, error)
}

// Config is what a Meter is made of.
type Config struct {
	// Human returns when a person last did something; zero: not yet.
	Human func() time.Time
	// Viewers returns how many pages look at the desktop. nil: nobody counts them.
	Viewers func() int
	// Born is when the container has started: nothing reported is older. A culler that
	// is told an older time than it has itself would end what has just been started.
	Born  time.Time
	Rules []Rule
	// MaxAwake is how long rules and KeepAwake may hold at most after a person has
	// last done something; 0: 24 h.
	MaxAwake time.Duration
	BusyFor  time.Duration // 0: BusyFor
	// Limit is how long the platform lets an idle desktop live; 0: not known.
	Limit time.Duration
	// State is a file that outlives this process and not the container; "": none.
	State   string
	Jupyter *Jupyter // of the same container; nil: there is none
	Hub     *Hub     // that is told of activity; nil: there is none
	Log     *slog.Logger
	// Now is the clock of what is reported; Human's, too. nil: time.Now.
	Now func() time.Time
}

// Meter knows when the desktop was last used. Its methods may be called from any
// goroutine.
type Meter struct {
	cfg     Config
	id      string    // of the kernel that the desktop pretends to be
	started time.Time // the meter

	mu     sync.Mutex
	state  state     // what a later process has to know
	kept   state     // as it was last written
	silent bool      // that it cannot be written has been logged
	why    string    // the rule that held last
	failed string    // the rule that could not be asked last, so that it is logged once
	asked  time.Time // when a platform last asked
}

// Report is how things are at one moment.
type Report struct {
	Started time.Time
	Last    time.Time // activity of a person or of a rule; never before the container's start
	Busy    bool
	Why     string // what makes it busy: "input", a rule's name or "button"; "" while idle
	Viewers int
}

// New returns a meter that goes on from the state that an earlier process of the
// same container has left. It starts nothing.
func New(cfg Config) *Meter {
	if cfg.BusyFor <= 0 {
		cfg.BusyFor = BusyFor
	}
	if cfg.MaxAwake <= 0 {
		cfg.MaxAwake = 24 * time.Hour
	}
	if cfg.Viewers == nil {
		cfg.Viewers = func() int { return 0 }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m := &Meter{cfg: cfg, id: uuid(), started: cfg.Now()}
	earlier, err := readState(cfg.State)
	if err != nil {
		cfg.Log.Warn("activity so far not known", "err", err)
	}
	if earlier.Last.IsZero() || earlier.Last.Before(cfg.Born) || earlier.Last.After(m.started) {
		earlier = state{Last: m.started} // another container's, or none: this start is the first activity
	}
	m.state = earlier
	return m
}

// uuid returns a random identifier (RFC 9562 §5.4).
func uuid() string {
	var b [16]byte
	rand.Read(b[:]) // crypto/rand: never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// human returns when a person last did something, as far as this process or the
// state of an earlier one knows. The caller holds m.mu.
func (m *Meter) human() time.Time { return latest(m.state.Last, m.cfg.Human()) }

// Report says how things are now.
func (m *Meter) Report() Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, human := m.cfg.Now(), m.human()
	r := Report{Started: m.started, Last: human, Viewers: m.cfg.Viewers()}
	capped := human.Add(m.cfg.MaxAwake)
	switch {
	case now.Sub(human) < m.cfg.BusyFor:
		r.Why = "input"
	case now.After(capped):
	case now.Before(m.state.Awake):
		r.Why, r.Last = "button", now
	case m.why != "" && now.Sub(m.state.Held) < 2*interval:
		r.Why, r.Last = m.why, now
	}
	r.Busy = r.Why != ""
	if !r.Busy {
		awake := latest(m.state.Held, earliest(m.state.Awake, now))
		r.Last = latest(r.Last, earliest(awake, capped))
	}
	r.Last = latest(r.Last, m.cfg.Born)
	return r
}

// Left returns how long it is until the platform stops the desktop if nothing happens,
// when that is known and within a time. Jupyter servers, whose kernels count as well, are
// asked only where the desktop alone would end so soon.
func (m *Meter) Left(within time.Duration) (left time.Duration, ends bool) {
	until := func(last time.Time) time.Duration { return last.Add(m.cfg.Limit).Sub(m.cfg.Now()) }
	r := m.Report()
	if m.cfg.Limit <= 0 || r.Busy || until(r.Last) > within {
		return 0, false
	}
	s := m.status(m.All())
	left = max(0, until(s.Last.Time))
	return left, !s.Busy && left <= within
}

// KeepAwake makes the desktop count as busy for a while, at most MaxAwake after a
// person has last done something, and returns until when. 0 ends it.
func (m *Meter) KeepAwake(d time.Duration) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.cfg.Now()
	m.state.Awake = earliest(now.Add(max(0, d)), latest(m.human(), now).Add(m.cfg.MaxAwake))
	return m.state.Awake
}

func (m *Meter) noteAsked() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = m.cfg.Now()
}

// Asked returns when a platform last asked for the kernels; zero: never.
func (m *Meter) Asked() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// Run asks the rules and keeps the state, until ctx ends, which it returns.
func (m *Meter) Run(ctx context.Context) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		m.look(ctx, m.cfg.Now())
		m.keep()
		select {
		case <-ctx.Done():
			m.keep()
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// look asks the rules in their order, until one holds.
func (m *Meter) look(ctx context.Context, now time.Time) {
	for _, rule := range m.cfg.Rules {
		holds, err := rule.Holds(ctx, now)
		m.mu.Lock()
		if err != nil && ctx.Err() == nil && m.failed != rule.Name {
			m.failed = rule.Name
			m.cfg.Log.Warn("keep-awake rule cannot be asked", "rule", rule.Name, "err", err)
		}
		if holds && err == nil {
			m.state.Held, m.why = now, rule.Name
		}
		m.mu.Unlock()
		if holds && err == nil {
			return
		}
	}
}

// keep writes what a later process of this container has to know, if it is news.
func (m *Meter) keep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Last = m.human()
	if m.cfg.State == "" || m.state == m.kept {
		return
	}
	if err := m.state.write(m.cfg.State); err != nil {
		if !m.silent {
			m.cfg.Log.Warn("activity not kept for a restart", "err", err)
		}
		m.silent = true
		return
	}
	m.kept, m.silent = m.state, false
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
