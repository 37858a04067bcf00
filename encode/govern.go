package encode

import (
	"image"
	"time"

	"lucarne/capture"
)

const (
	// restAfter is how long nothing may have moved before what gave way comes back.
	restAfter = time.Second
	// Smaller than this, in pixels, a picture does not become.
	leastWidth, leastHeight = 480, 270
)

// leeway is the part of the frame interval, one in so many, by which a frame may
// be early. A program that means to draw 60 times a second draws 61 or 62.5
// times, for its timer counts in milliseconds: held to 60, each of its frames
// would wait a little longer than the one before, half an interval on average.
const leeway = 16

// due returns how long it is until the next frame may be made.
func (l *loop) due(now time.Time) time.Duration {
	interval := l.stream.pace()
	if fps := l.limits.MaxFPS; fps > 0 {
		interval = max(interval, time.Second/time.Duration(fps))
	}
	return max(interval-now.Sub(l.last), l.stream.cfg.Quota.wait(now))
}

// picture returns the frame in hand as the encoder is to see it.
func (l *loop) picture() *capture.Frame {
	before := l.scaled
	l.scaled = max(1, l.limits.Scale)
	if l.scaled > 1 {
		small, err := l.small.take(&l.frame)
		if err == nil {
			return small
		}
		l.stream.cfg.Log.Warn("picture does not become smaller", "err", err)
		l.small.shrink, l.governor = nil, nil // another is made that knows
		l.limit(Limits{})
		l.scaled = 1
	}
	if l.scaled != before {
		l.small.forget()
		l.frame.Damage = append(l.frame.Damage[:0], image.Rectangle{Max: l.frame.Size})
	}
	return &l.frame
}

// setSpeed has the encoder hurry as the governor wants it.
func (l *loop) setSpeed() error {
	speeder, ok := l.encoder.(Speeder)
	if !ok || l.hurry == l.limits.Speed {
		return nil
	}
	l.hurry = l.limits.Speed
	return speeder.SetSpeed(l.hurry)
}

// govern tells the governor of a frame that was begun at a moment and is made
// now. What is aside from the motion has its cost, but decides nothing.
func (l *loop) govern(began time.Time, aside bool) {
	cfg, now := &l.stream.cfg, time.Now()
	if l.governor == nil {
		_, speed := l.encoder.(Speeder)
		l.governor = newGovernor(ladder(cfg.MaxFPS, speed, l.small.shrink != nil))
	}
	paid, used := cfg.Quota.cost(l.used)
	l.used = used
	if aside {
		return
	}
	l.governor.full = l.frame.Size.X < maxScale*leastWidth || l.frame.Size.Y < maxScale*leastHeight
	l.governor.frame(now, now.Sub(began), paid)
	l.limit(l.governor.limits())
}

// relax takes back one after the other what gave way, when nothing moves.
func (l *loop) relax(now time.Time) {
	if l.limits == (Limits{}) {
		return
	}
	select {
	case <-l.source.Damaged():
		l.rung = true
	default:
	}
	next := l.moved.Add(restAfter)
	switch {
	case l.rung:
		next = now.Add(restAfter)
	case !now.Before(next):
		next = l.governor.rest(now)
		l.used = 0
		l.limit(l.governor.limits())
	}
	if !next.IsZero() {
		l.rest.by(next)
	}
}

// limit makes do with limits from the next frame on, which there is at once if
// it has another size.
func (l *loop) limit(limits Limits) {
	if limits == l.limits {
		return
	}
	if limits.Scale != l.limits.Scale {
		l.rung = true
	}
	l.limits = limits
	s := l.stream
	s.mu.Lock()
	s.limits = limits
	s.mu.Unlock()
	s.cfg.Log.Debug("encoder makes do", "speed", limits.Speed, "fps", limits.MaxFPS, "scale", limits.Scale, "reason", limits.Reason)
	if s.cfg.Changed != nil {
		s.cfg.Changed()
	}
}
