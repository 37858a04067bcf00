package session

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// The pause after which an encoder that has failed is tried again: it doubles
// each time, and begins anew once the encoder has worked for the longest.
const (
	retryMin = time.Minute
	retryMax = 10 * time.Minute
)

// screenPause is how soon an encoder is tried again that has had no picture to show
// that it works.
const screenPause = time.Second

// supply is one of the session's fan-outs as the choice sees it.
type supply struct {
	fanout   *encode.Fanout
	withheld bool          // it serves nobody
	err      error         // why it is passed over; nil: it is not
	pause    time.Duration // between the last failure and the next try
	due      time.Time     // of the next try
	trying   bool
	worked   time.Time // since when; zero: it has never failed
}

// fell notes that the encoder fails, or still fails.
func (c *supply) fell(err error, now time.Time) {
	if c.err == nil && now.Sub(c.worked) >= retryMax {
		c.pause = retryMin
	} else {
		c.pause = min(2*c.pause, retryMax)
	}
	c.err, c.due = err, now.Add(c.pause)
}

// rose notes that it works again.
func (c *supply) rose(now time.Time) { c.err, c.worked = nil, now }

// choose moves seats away from encoders that fail and back when they work, until
// ctx ends.
func (s *Session) choose(ctx context.Context) {
	var tries sync.WaitGroup
	defer tries.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.supplied:
		case <-timer.C:
		}
		due, next := s.review(time.Now())
		for _, c := range due {
			tries.Go(func() { s.try(c) })
		}
		if next > 0 {
			timer.Reset(next)
		} else {
			timer.Stop()
		}
	}
}

// review looks at what has become of the encoders and gives each viewer the
// seats that go with it. It returns those that are to be tried now, and when to
// look again, 0 for not before something happens.
func (s *Session) review(now time.Time) (due []*supply, next time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fallen []int
	for n, c := range s.supplies {
		codec, err := c.fanout.Codec(), c.fanout.Err()
		switch {
		case err != nil && c.err == nil:
			c.fell(err, now)
			s.falls++
			fallen = append(fallen, n)
			s.cfg.Log.Warn("codec passed over", "codec", codec, "encoder", c.fanout.Backend().Name, "again", c.pause, "err", err)
		case err == nil && c.err != nil:
			c.rose(now)
			s.cfg.Log.Info("codec can be had again", "codec", codec, "encoder", c.fanout.Backend().Name)
		}
	}
	s.reseat()
	s.mourn(fallen)
	for n, c := range s.supplies {
		switch wait := c.due.Sub(now); {
		case c.err == nil && c.fanout.Ready() || c.trying || !s.wanted(n):
		case wait > 0:
			next = soonest(next, wait)
		default:
			c.trying = true
			due = append(due, c)
		}
	}
	return due, next
}

// try has a fan-out that has failed show whether it works.
func (s *Session) try(c *supply) {
	s.mu.Lock()
	failed := c.err != nil
	s.mu.Unlock()
	err := c.fanout.Try()
	s.mu.Lock()
	c.trying = false
	switch {
	case errors.Is(err, capture.ErrNoScreen): // that says nothing of the encoder
		c.due = time.Now().Add(screenPause)
	case err != nil && failed: // else review finds out
		c.fell(err, time.Now())
		s.cfg.Log.Info("codec still fails", "codec", c.fanout.Codec(), "encoder", c.fanout.Backend().Name, "again", c.pause, "err", err)
	}
	s.mu.Unlock()
	ring(s.supplied)
}

// wanted says whether a seat would be better served by a fan-out if that worked.
// The caller holds s.mu.
func (s *Session) wanted(fanout int) bool {
	for _, v := range s.viewers {
		if v.paused {
			continue
		}
		rank := s.rank(v.prefers)
		at := slices.Index(rank, fanout)
		if at < 0 {
			continue
		}
		for _, t := range v.seats {
			now := slices.Index(rank, t.fanout)
			if s.usable(fanout, t.codecs) && (now < 0 || at < now) {
				return true
			}
		}
	}
	return false
}

// mourn tells those who stay with an encoder that has failed, for want of
// another. The caller holds s.mu.
func (s *Session) mourn(fallen []int) {
	for _, v := range s.viewers {
		for _, t := range v.seats {
			if slices.Contains(fallen, t.fanout) {
				v.tell(Notice{Code: EncoderFailed, Codec: s.codec(t.fanout)})
			}
		}
	}
}

// SetOrder changes the order in which fan-outs are chosen: each seat gets the
// first that its sink can use. One that is not in the order serves those alone
// who prefer its codec; one that is there twice counts where it is first.
func (s *Session) SetOrder(order []*encode.Fanout) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = s.order[:0]
	for _, f := range order {
		if n := slices.Index(s.cfg.Fanouts, f); n >= 0 && !slices.Contains(s.order, n) {
			s.order = append(s.order, n)
		}
	}
	s.reseat()
	ring(s.supplied)
}

// rank lists the fan-outs in the order in which they are chosen for one who
// prefers a codec, "" for none. The caller holds s.mu.
func (s *Session) rank(prefers encode.Codec) []int {
	rank := slices.Clone(s.order)
	for n := range s.supplies {
		if s.codec(n) == prefers && !slices.Contains(rank, n) {
			rank = append(rank, n)
		}
	}
	slices.SortStableFunc(rank, func(a, b int) int {
		switch liked := s.codec(a) == prefers; {
		case liked == (s.codec(b) == prefers):
			return 0
		case liked:
			return -1
		}
		return 1
	})
	return rank
}

// best returns the fan-out for a viewer's sink that can use these codecs: the
// first that works; until that is ready, one of the same codec that is. With none
// that works it is present if that is not negative, else the first to try; negative
// if there is none at all. The caller holds s.mu.
func (s *Session) best(v *Viewer, codecs []encode.Codec, present int) int {
	first, rank := -1, s.rank(v.prefers)
	for _, n := range rank {
		switch {
		case !s.usable(n, codecs):
		case s.supplies[n].err == nil:
			return s.ready(n, rank)
		case first < 0:
			first = n
		}
	}
	if present >= 0 {
		return present
	}
	return first
}

// ready returns a fan-out, or until it is ready the first in the rank that is and
// makes packets of the same codec, if there is one.
func (s *Session) ready(fanout int, rank []int) int {
	if s.supplies[fanout].fanout.Ready() {
		return fanout
	}
	for _, n := range rank {
		if c := s.supplies[n]; s.codec(n) == s.codec(fanout) && !c.withheld && c.err == nil && c.fanout.Ready() {
			return n
		}
	}
	return fanout
}

// usable says whether a sink that can use these codecs, none for any, can be
// served by a fan-out.
func (s *Session) usable(fanout int, codecs []encode.Codec) bool {
	return !s.supplies[fanout].withheld && (len(codecs) == 0 || slices.Contains(codecs, s.codec(fanout)))
}

func (s *Session) codec(fanout int) encode.Codec { return s.supplies[fanout].fanout.Codec() }

// reseat gives every viewer the seats that are best now. The caller holds s.mu.
func (s *Session) reseat() {
	for _, v := range s.viewers {
		v.reseat()
	}
	s.drive()
}

// reseat moves the viewer's seats to where they are best served. The caller
// holds session.mu, and lets the streams follow afterwards.
func (v *Viewer) reseat() {
	s := v.session
	for _, t := range v.seats {
		from, to := t.fanout, s.best(v, t.codecs, t.fanout)
		if to == from {
			continue
		}
		t.move(to)
		if s.supplies[from].err != nil {
			v.replaced(s.codec(from), s.codec(to))
		}
	}
	v.miss()
	v.ring() // its encoding may be another
}
