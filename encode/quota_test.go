package encode

import (
	"errors"
	"math"
	"testing"
	"time"
)

// container is a group of processes with a quota, in fake time: we, who make a
// frame whenever the quota lets us, and others, who want to compute.
type container struct {
	now    time.Time
	usage  Usage
	own    time.Duration
	others float64 // processors that they want
	blind  bool    // what all use is not known
	err    error
	reads  int
}

func newContainer(cores, others float64) *container {
	return &container{now: time.Unix(1e9, 0), others: others, usage: Usage{Group: "/", Cores: cores, Used: time.Hour}}
}

func (c *container) quota() *Quota {
	return NewQuota(QuotaConfig{
		Read: func() (Usage, error) {
			c.reads++
			usage := c.usage
			if c.blind {
				usage.Used = 0
			}
			return usage, c.err
		},
		Own: func() time.Duration { return c.own },
	}, c.now)
}

// tick is the step of a container's time, and period that of its quota.
const tick, period = 5 * time.Millisecond, 100 * time.Millisecond

// plays has us make frames of so much CPU time, one after the other, for a
// while, and returns how many processors that took. 0: there is nothing to show.
func (c *container) plays(q *Quota, frame, d time.Duration) float64 {
	began, before := c.now, c.own
	left := time.Duration(0)     // of the frame that is being made
	next := c.now                // when one may be begun
	spent, full := 0*tick, false // of the quota in this period
	for ; c.now.Sub(began) < d; c.now = c.now.Add(tick) {
		if c.now.Sub(began)%period == 0 {
			spent, full = 0, false
			c.usage.Periods++
		}
		if left <= 0 && frame > 0 && !c.now.Before(next) {
			next = c.now.Add(q.wait(c.now))
			if next.Equal(c.now) {
				left = frame
			}
		}
		if c.usage.Cores > 0 && spent.Seconds() >= c.usage.Cores*period.Seconds() {
			if !full && (left > 0 || c.others > 0) {
				full = true
				c.usage.Throttled++
			}
			continue
		}
		others := time.Duration(c.others * float64(tick))
		if left > 0 {
			left -= tick
			c.own += tick
			others += tick
		}
		spent += others
		c.usage.Used += others
	}
	return (c.own - before).Seconds() / c.now.Sub(began).Seconds()
}

func TestQuotaLeavesItToOthers(t *testing.T) {
	for name, c := range map[string]struct {
		cores, others float64
		blind         bool
	}{
		"half a processor":                 {0.5, 1, false},
		"half a processor, two others":     {0.5, 2, false},
		"two processors":                   {2, 4, false},
		"half a processor, usage unknown":  {0.5, 1, true},
		"half a processor, all of it used": {0.5, 0.5, false},
	} {
		group := newContainer(c.cores, c.others)
		group.blind = c.blind
		q := group.quota()
		group.plays(q, 0, time.Second) // others are there already
		if got := group.plays(q, 20*time.Millisecond, time.Minute) / c.cores; got > 0.1 || got < 0.05 {
			t.Errorf("%s: we used %.3f of the quota, want 0.05 to 0.1", name, got)
		}
		group.others = 0
		group.plays(q, 20*time.Millisecond, 5*time.Second)
		if got := group.plays(q, 20*time.Millisecond, time.Minute) / min(c.cores, 1); got < 0.85 {
			t.Errorf("%s: alone we used %.3f of what there is, want it back", name, got)
		}
	}
}

// Who alone uses the quota up is not held back for others, but does not use it up.
func TestQuotaAlone(t *testing.T) {
	group := newContainer(0.5, 0.02)
	q := group.quota()
	group.plays(q, 20*time.Millisecond, 5*time.Second)
	before := group.usage.Throttled
	got := group.plays(q, 20*time.Millisecond, time.Minute) / 0.5
	if got < 0.8 || got > 0.95 {
		t.Errorf("we used %.3f of the quota, want about 0.9", got)
	}
	if throttled := group.usage.Throttled - before; throttled > 60 {
		t.Errorf("%d of 600 periods used up", throttled)
	}
}

// What others leave is used, and no more.
func TestQuotaShares(t *testing.T) {
	group := newContainer(1, 0.5)
	q := group.quota()
	group.plays(q, 10*time.Millisecond, 10*time.Second)
	if got := group.plays(q, 10*time.Millisecond, time.Minute); got < 0.3 || got > 0.45 {
		t.Errorf("we used %.3f beside others' 0.5, want about 0.4", got)
	}
}

// Others who come and go: the share does not swing along with each of them.
func TestQuotaDoesNotOscillate(t *testing.T) {
	group := newContainer(0.5, 0)
	q := group.quota()
	changes, before := 0, false
	for range 360 { // an hour
		group.others = 1 - group.others
		group.plays(q, 20*time.Millisecond, 10*time.Second)
		if q.contested != before {
			before = q.contested
			changes++
		}
	}
	if changes > 40 {
		t.Errorf("changed %d times in an hour", changes)
	}
}

func TestNoQuota(t *testing.T) {
	var none *Quota
	if got := none.wait(time.Now()); got != 0 {
		t.Errorf("without: wait %v", got)
	}
	for name, spoil := range map[string]func(*container){
		"no limit":   func(c *container) { c.usage.Cores = 0 },
		"unreadable": func(c *container) { c.err = errors.New("broken") },
	} {
		group := newContainer(0.5, 1)
		spoil(group)
		q := group.quota()
		for range 1000 {
			if got := q.wait(group.now); got != 0 {
				t.Fatalf("%s: wait %v", name, got)
			}
			if takes, _ := q.cost(1); takes != 0 {
				t.Fatalf("%s: cost %v", name, takes)
			}
			group.now = group.now.Add(100 * time.Millisecond)
		}
		if group.reads > 25 {
			t.Errorf("%s: looked %d times in 100 s", name, group.reads)
		}
	}
}

// A quota may come, go and change, and the process be put into another group.
func TestQuotaChanges(t *testing.T) {
	group := newContainer(0, 1)
	q := group.quota()
	group.plays(q, 20*time.Millisecond, 10*time.Second)
	group.usage.Cores = 0.5
	group.plays(q, 20*time.Millisecond, 10*time.Second)
	if got := group.plays(q, 20*time.Millisecond, time.Minute) / 0.5; got > 0.1 {
		t.Errorf("after it came: we used %.3f of it", got)
	}
	group.usage = Usage{Group: "/other", Cores: 2, Used: time.Minute}
	group.plays(q, 20*time.Millisecond, 10*time.Second)
	if got := group.plays(q, 20*time.Millisecond, time.Minute); got < 0.75 {
		t.Errorf("in another group, of two processors, of which others use one: we used %.3f", got)
	}
	group.usage.Cores = 0
	group.plays(q, 20*time.Millisecond, 10*time.Second)
	if got := q.wait(group.now); got != 0 {
		t.Errorf("after it went: wait %v", got)
	}
}

// Nothing that a group may say makes the wait endless or less than none.
func TestQuotaBearsNonsense(t *testing.T) {
	for name, usage := range map[string]Usage{
		"backwards":       {Group: "/", Cores: 0.5, Used: -time.Hour, Periods: -100, Throttled: -5},
		"tiny":            {Group: "/", Cores: 1e-9, Used: 1, Periods: 1, Throttled: 1},
		"huge":            {Group: "/", Cores: 1e9, Used: math.MaxInt64, Periods: math.MaxInt, Throttled: math.MaxInt},
		"more than there": {Group: "/", Cores: 0.5, Used: 1, Periods: 1, Throttled: 1000},
	} {
		group := newContainer(0.5, 1)
		q := group.quota()
		group.usage = usage
		for range 100 {
			group.now = group.now.Add(time.Second)
			group.own += time.Second
			if got := q.wait(group.now); got < 0 || got > 3*time.Second {
				t.Fatalf("%s: wait %v", name, got)
			}
			if takes, _ := q.cost(1); takes < 0 {
				t.Fatalf("%s: cost %v", name, takes)
			}
		}
	}
}
