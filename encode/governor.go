package encode

import "time"

// The reasons of Limits.
const (
	reasonSlow  = "slow"
	reasonQuota = "quota"
)

// How a governor decides.
const (
	// governWindow is how long frames are looked at before anything is decided,
	// and at least two of them.
	governWindow = 500 * time.Millisecond
	// patientWindows in a row have to say the same before more gives way.
	patientWindows = 2
	// speedLoad and rateLoad are the parts of the frame interval that a frame
	// may take before speed, and before rate and size, give way. What takes a
	// little more than all of it has nearly that rate by itself.
	speedLoad = 0.9
	rateLoad  = 1.15
	// busy is the part of all time that frames have to take for that: what is
	// slow but rare does no harm.
	busy = 0.7
	// easy is the part of the load that led to a step at which the step is taken
	// back, and idle the part of all time below which it is in any case.
	easy = 0.8
	idle = 0.3
	// backHold is how long it has to be easy. It doubles to backMax when what
	// came back had to give way again within backRelapse.
	backHold    = 5 * time.Second
	backMax     = 5 * time.Minute
	backRelapse = 30 * time.Second
	// scaleHold is how long the full size, once it is back, is kept whatever it
	// costs: each change of size is a key frame. It doubles to scaleMax, and is
	// forgotten when the full size has lasted twice as long as that.
	scaleHold = 10 * time.Second
	scaleMax  = 5 * time.Minute
	// helps is the part of a frame's time that the smaller picture may take at
	// most. If it takes more it is of no use, for futile.
	helps  = 0.75
	futile = 10 * time.Minute
	// restTick is the time from one step back to the next while nothing moves.
	restTick = 500 * time.Millisecond
)

// What a step is thought to leave of a frame's time.
const (
	speedGain = 0.85 // for each step of speed
	scaleGain = 0.3  // for half of each side, until that has been seen
)

const (
	maxSpeed = 3 // steps of Speeder
	maxScale = 2
)

// step is a rung of the ladder down which a stream goes: what it makes do with.
type step struct {
	speed, fps, scale int
}

// ladder returns the steps of a stream of maxFPS frames a second: first speed
// gives way, then rate, then size. Half the size brings back most of the rate,
// which gives way again then. The first step is to give nothing.
func ladder(maxFPS int, speed, scale bool) []step {
	at := step{fps: maxFPS, scale: 1}
	steps := []step{at}
	if speed {
		for at.speed < maxSpeed {
			at.speed++
			steps = append(steps, at)
		}
	}
	slower := func(rates ...int) {
		for _, fps := range rates {
			if fps < at.fps {
				at.fps = fps
				steps = append(steps, at)
			}
		}
	}
	slower(50, 40, 32, 25, 20, 15)
	if scale {
		at.scale, at.fps = maxScale, min(maxFPS, 32)
		steps = append(steps, at)
		slower(25, 20, 15)
	}
	slower(10, 7, 5, 3, 2)
	return steps
}

// governor decides what a stream makes do with, by how long its frames take. It
// has no clock: moments come from its caller.
type governor struct {
	ladder []step
	at     int // on the ladder
	reason string

	began  time.Time     // of the frames that are being looked at
	sum    time.Duration // that they took
	quota  time.Duration // of this, because of the quota
	frames int

	over      int           // windows in a row that were too much
	easySince time.Time     // zero: it is not easy
	hold      time.Duration // for how long it has to be easy
	back      time.Time     // when the last step was taken back

	full     bool          // the picture may not become smaller: it is small enough
	scaled   time.Time     // when the size last changed
	scaleOK  time.Time     // when it may become smaller again
	scaleFor time.Duration // for how long it may not, the next time
	was      time.Duration // what a frame took at full size; 0: it has been judged
	gained   float64       // what half the size leaves of that
}

func newGovernor(ladder []step) *governor {
	return &governor{ladder: ladder, hold: backHold, scaleFor: scaleHold, gained: scaleGain}
}

// limits returns what the stream makes do with now.
func (g *governor) limits() Limits {
	if g.at == 0 {
		return Limits{}
	}
	s := g.ladder[g.at]
	l := Limits{Speed: s.speed, Scale: s.scale, Reason: g.reason}
	if s.fps < g.ladder[0].fps {
		l.MaxFPS = s.fps
	}
	if l.Scale == 1 {
		l.Scale = 0
	}
	return l
}

// frame tells how long a frame of something that moves took to make, and how
// long the process's share of the processors takes to pay for it (0: there is
// no quota). The longer one counts.
func (g *governor) frame(now time.Time, took, paid time.Duration) {
	if g.frames == 0 && g.began.IsZero() {
		g.began = now.Add(-max(took, paid))
	}
	g.frames++
	g.sum += max(took, paid)
	g.quota += max(0, paid-took)
	passed := now.Sub(g.began)
	if passed < governWindow || g.frames < 2 {
		return
	}
	mean, part := g.sum/time.Duration(g.frames), float64(g.sum)/float64(passed)
	reason := reasonSlow
	if g.quota > g.sum/2 {
		reason = reasonQuota
	}
	g.began, g.sum, g.quota, g.frames = now, 0, 0, 0
	g.decide(now, mean, part, reason)
}

// rest tells that nothing has moved for a while. It returns when to tell it
// again; zero: there is nothing left to take back.
func (g *governor) rest(now time.Time) time.Time {
	g.began, g.sum, g.quota, g.frames, g.over = time.Time{}, 0, 0, 0, 0
	if g.at > 0 && now.Sub(g.back) >= restTick {
		g.to(g.at-1, now)
	}
	if g.at == 0 {
		return time.Time{}
	}
	return g.back.Add(restTick)
}

// gain is what a step leaves of a frame's time.
func (g *governor) gain(at int) float64 {
	s, gain := g.ladder[at], 1.0
	for range s.speed {
		gain *= speedGain
	}
	if s.scale > 1 {
		gain *= g.gained
	}
	return gain
}

// load is the part of the frame interval that a frame is thought to take on
// another step.
func (g *governor) load(at int, mean time.Duration) float64 {
	return mean.Seconds() * g.gain(at) / g.gain(g.at) * float64(g.ladder[at].fps)
}

// limit is the load beyond which a step has to be left for the next.
func (g *governor) limit(at int) float64 {
	if at+1 < len(g.ladder) && g.ladder[at+1].speed > g.ladder[at].speed {
		return speedLoad
	}
	return rateLoad
}

// decide looks at what frames took on the average, and which part of the time
// all of them together.
func (g *governor) decide(now time.Time, mean time.Duration, part float64, reason string) {
	if g.was > 0 && now.Sub(g.scaled) >= 2*governWindow {
		g.gained, g.was = mean.Seconds()/g.was.Seconds(), 0
		if g.gained > helps {
			g.giveUpScale(now)
			return
		}
		g.gained = max(g.gained, 0.05)
	}
	if part > busy && g.load(g.at, mean) > g.limit(g.at) {
		g.easySince = time.Time{}
		if g.over++; g.over >= patientWindows {
			g.giveWay(now, mean, reason)
		}
		return
	}
	g.over = 0
	if g.at == 0 {
		return
	}
	switch {
	case part*g.gain(g.at-1)/g.gain(g.at) < idle:
		g.to(g.at-1, now)
	case g.load(g.at-1, mean) > easy*g.limit(g.at-1):
		g.easySince = time.Time{}
	case g.easySince.IsZero():
		g.easySince = now
	case now.Sub(g.easySince) >= g.hold:
		g.to(g.at-1, now)
	}
}

// giveWay goes down to the first step that is thought to do.
func (g *governor) giveWay(now time.Time, mean time.Duration, reason string) {
	at := g.at
	for at+1 < len(g.ladder) && g.load(at, mean) > g.limit(at) {
		if g.ladder[at+1].scale > g.ladder[at].scale && (at > g.at || g.full || now.Before(g.scaleOK)) {
			break // what all before it bring is seen first
		}
		at++
	}
	g.over = 0
	if at == g.at {
		return
	}
	switch lasted := now.Sub(g.back); {
	case g.back.IsZero() || lasted >= backMax:
		g.hold = backHold
	case lasted < backRelapse:
		g.hold = min(2*g.hold, backMax)
	}
	if g.ladder[at].scale > g.ladder[g.at].scale {
		g.was = mean
	}
	g.reason = reason
	g.to(at, now)
}

// giveUpScale goes back to the full size: half of it does not help.
func (g *governor) giveUpScale(now time.Time) {
	at := g.at
	for g.ladder[at].scale > 1 {
		at--
	}
	g.to(at, now)
	g.scaleOK, g.gained = now.Add(futile), scaleGain
}

// to goes to a step.
func (g *governor) to(at int, now time.Time) {
	if at < g.at {
		g.back = now
	}
	if from, to := g.ladder[g.at].scale, g.ladder[at].scale; from != to {
		if to > from && now.Sub(g.scaled) >= 2*scaleMax {
			g.scaleFor = scaleHold
		}
		if to < from {
			g.scaleOK = now.Add(g.scaleFor)
			g.scaleFor = min(2*g.scaleFor, scaleMax)
			g.was = 0
		}
		g.scaled = now
	}
	g.at, g.easySince = at, time.Time{}
}
