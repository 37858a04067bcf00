package encode

import (
	"slices"
	"testing"
	"time"
)

func TestLadder(t *testing.T) {
	for name, c := range map[string]struct {
		fps          int
		speed, scale bool
		want         []step
	}{
		"all that can give way": {60, true, true, []step{
			{0, 60, 1}, {1, 60, 1}, {2, 60, 1}, {3, 60, 1}, {3, 50, 1}, {3, 40, 1}, {3, 32, 1}, {3, 25, 1}, {3, 20, 1}, {3, 15, 1},
			{3, 32, 2}, {3, 25, 2}, {3, 20, 2}, {3, 15, 2}, {3, 10, 2}, {3, 7, 2}, {3, 5, 2}, {3, 3, 2}, {3, 2, 2}}},
		"rate alone":     {30, false, false, []step{{0, 30, 1}, {0, 25, 1}, {0, 20, 1}, {0, 15, 1}, {0, 10, 1}, {0, 7, 1}, {0, 5, 1}, {0, 3, 1}, {0, 2, 1}}},
		"the slow class": {15, false, true, []step{{0, 15, 1}, {0, 15, 2}, {0, 10, 2}, {0, 7, 2}, {0, 5, 2}, {0, 3, 2}, {0, 2, 2}}},
	} {
		if got := ladder(c.fps, c.speed, c.scale); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// machine is a stream on a machine whose speed the test decides, in fake time.
type machine struct {
	*governor
	now   time.Time
	takes func(step) time.Duration // a frame
	paid  func(step) time.Duration // nil: there is no quota
	path  []int                    // the steps taken
}

func newMachine(takes func(step) time.Duration) *machine {
	return &machine{governor: newGovernor(ladder(60, true, true)), now: time.Unix(1e9, 0), takes: takes, path: []int{0}}
}

// moves has a screen that changes all the time shown for a while.
func (m *machine) moves(d time.Duration) {
	for end := m.now.Add(d); m.now.Before(end); {
		at := m.ladder[m.at]
		began, took, paid := m.now, m.takes(at), time.Duration(0)
		m.now = m.now.Add(took)
		if m.paid != nil {
			paid = m.paid(at)
		}
		m.frame(m.now, took, paid)
		m.note()
		next := began.Add(max(time.Second/time.Duration(m.ladder[m.at].fps), paid))
		if m.now.Before(next) {
			m.now = next
		}
	}
}

// rests has nothing change for a while.
func (m *machine) rests(d time.Duration) {
	end := m.now.Add(d)
	for next := m.now.Add(restAfter); !next.IsZero() && next.Before(end); m.note() {
		m.now = next
		next = m.rest(m.now)
	}
	m.now = end
}

func (m *machine) note() {
	if m.path[len(m.path)-1] != m.at {
		m.path = append(m.path, m.at)
	}
}

// sizes counts how often the size changed.
func (m *machine) sizes() (n int) {
	for i := range m.path[1:] {
		if m.ladder[m.path[i]].scale != m.ladder[m.path[i+1]].scale {
			n++
		}
	}
	return n
}

// costing is a frame of so many ms, as the steps change it: as they are thought
// to, or otherwise.
func costing(ms, speed, scale float64) func(step) time.Duration {
	return func(s step) time.Duration {
		ms := ms
		for range s.speed {
			ms *= speed
		}
		if s.scale > 1 {
			ms *= scale
		}
		return time.Duration(ms * float64(time.Millisecond))
	}
}

func TestGovernorOrder(t *testing.T) {
	m := newMachine(nil)
	for _, c := range []struct {
		ms   float64 // of a frame at full size and leisure
		want step
	}{
		{12, step{0, 60, 1}},
		{14.5, step{0, 60, 1}},
		{17, step{1, 60, 1}},
		{20, step{2, 60, 1}},
		{24, step{3, 60, 1}},
		{33, step{3, 50, 1}},
		{40, step{3, 40, 1}},
		{50, step{3, 32, 1}},
		{65, step{3, 25, 1}},
		{80, step{3, 20, 1}},
		{120, step{3, 15, 1}},
		{150, step{3, 32, 2}},
		{380, step{3, 15, 2}},
		{1000, step{3, 5, 2}},
	} {
		m.takes = costing(c.ms, speedGain, scaleGain)
		m.moves(8 * time.Second)
		if got := m.ladder[m.at]; got != c.want {
			t.Errorf("frames of %v ms: %v, want %v", c.ms, got, c.want)
		}
	}
	if !slices.IsSorted(m.path) {
		t.Errorf("steps %v: not one after the other", m.path)
	}
	if got := m.limits().Reason; got != "slow" {
		t.Errorf("reason %q, want slow", got)
	}
	// And back, one by one.
	down := len(m.path)
	m.takes = costing(5, speedGain, scaleGain)
	m.moves(5 * time.Minute)
	back := m.path[down-1:]
	for i := range back[1:] {
		if back[i+1] != back[i]-1 {
			t.Fatalf("steps back %v: not one by one", back)
		}
	}
	if m.limits() != (Limits{}) {
		t.Errorf("limits %+v, want none", m.limits())
	}
}

func TestGovernorLimits(t *testing.T) {
	m := newMachine(costing(20, speedGain, scaleGain))
	m.moves(3 * time.Second)
	if got, want := m.limits(), (Limits{Speed: 2, Reason: "slow"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	m = newMachine(costing(5, speedGain, scaleGain))
	m.paid = costing(400, speedGain, scaleGain)
	m.moves(10 * time.Second)
	if got, want := m.limits(), (Limits{Speed: 3, MaxFPS: 15, Scale: 2, Reason: "quota"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// What a step really brings may be more or less than thought: that shows, and is
// found out ever more rarely.
func TestGovernorDoesNotOscillate(t *testing.T) {
	for _, ms := range []float64{16, 25, 80, 130, 500} {
		for _, speed := range []float64{0.5, 1} {
			for _, scale := range []float64{0.15, 0.6, 1} {
				m := newMachine(costing(ms, speed, scale))
				m.moves(time.Hour)
				if changes := len(m.path) - 1; changes > 50 || m.sizes() > 26 {
					t.Errorf("frames of %v ms, speed to %v, half size to %v: %d changes in an hour, %d of size: %v",
						ms, speed, scale, changes, m.sizes(), m.path)
				}
			}
		}
	}
}

// A frame that takes now more, now less is no reason to change all the time.
func TestGovernorBearsUnrest(t *testing.T) {
	for _, ms := range []float64{12, 16, 20, 40, 100, 160} {
		frame := 0
		m := newMachine(nil)
		m.takes = func(s step) time.Duration {
			frame++
			return costing(ms*(0.6+0.8*float64(frame*7919%101)/100), speedGain, scaleGain)(s)
		}
		m.moves(time.Hour)
		if changes := len(m.path) - 1; changes > 60 || m.sizes() > 20 {
			t.Errorf("frames of %v ms: %d changes in an hour, %d of size: %v", ms, changes, m.sizes(), m.path)
		}
	}
}

// Motion and rest by turns: the picture is whole at rest, and its size changes
// rarely all the same.
func TestGovernorMotionAndRest(t *testing.T) {
	m := newMachine(costing(160, speedGain, scaleGain))
	for range 180 {
		m.moves(10 * time.Second)
		m.rests(10 * time.Second)
		if m.limits() != (Limits{}) {
			t.Fatalf("limits %+v at rest", m.limits())
		}
	}
	if got := m.sizes(); got < 4 || got > 40 {
		t.Errorf("the size changed %d times in an hour", got)
	}
}

func TestGovernorLeavesAScaleThatDoesNotHelp(t *testing.T) {
	m := newMachine(costing(400, speedGain, 0.95))
	m.moves(9 * time.Minute)
	if got := m.sizes(); got != 2 {
		t.Errorf("the size changed %d times, want there and back: %v", got, m.path)
	}
}

func TestGovernorLeavesASmallPictureAlone(t *testing.T) {
	m := newMachine(costing(400, speedGain, scaleGain))
	m.full = true
	m.moves(time.Minute)
	if got, want := m.ladder[m.at], (step{3, 15, 1}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// A few slow frames, as typing makes them, are no reason.
func TestGovernorLeavesTheRareAlone(t *testing.T) {
	m := newMachine(nil)
	for range 300 {
		m.now = m.now.Add(200 * time.Millisecond)
		m.frame(m.now, 60*time.Millisecond, 0)
	}
	if m.at != 0 {
		t.Errorf("step %v", m.ladder[m.at])
	}
}
