package encode

import (
	"sync"
	"time"
)

// Usage is what the processes of a container have used of its share of the
// machine's processors. All but Cores counts from a moment that stays the same.
type Usage struct {
	Group     string        // names the group of processes
	Cores     float64       // processors that they may use together; 0: as many as there are
	Used      time.Duration // CPU time of all of them; 0: not known
	Periods   int           // of the scheduler, in which one of them ran
	Throttled int           // of these, the periods in which they used up what there was
}

// QuotaConfig is what a Quota asks. Both are called from the goroutines of the
// streams that share it, one at a time.
type QuotaConfig struct {
	Read func() (Usage, error)
	Own  func() time.Duration // CPU time that this process has used
}

// How a quota is kept.
const (
	// leastShare of the quota may always be used, and no more of it while
	// somebody else uses up the rest.
	leastShare = 0.06
	// reserve of the quota is left unused: who uses it up is stopped for the
	// rest of the period, some tens of milliseconds.
	reserve = 0.1
	// stranger is the part of the quota that others use before they count as
	// somebody who needs it.
	stranger = 0.15
	// exhausted is the part of the periods in which the quota was used up.
	exhausted = 0.25
	// lookEvery is the least time between two looks at the group, and
	// lookSeldom while it has no quota.
	lookEvery  = 500 * time.Millisecond
	lookSeldom = 5 * time.Second
	// calm is how long the quota has to last before more of it is used. It
	// doubles to calmMax when it lasted less than relapse after that.
	calm    = 3 * time.Second
	calmMax = time.Minute
	relapse = time.Minute
	// savings and debt bound what is carried over, in time at the share.
	savings = time.Second
	debt    = 2 * time.Second
)

// Quota keeps this process within its part of what its container may use of the
// processors: of a quota that is used up (cpu.max of cgroups v2, cpu.cfs_quota_us
// of v1) others need the most, for they compute what somebody waits for. All
// streams of a process share one. It looks at the group only while frames are
// made.
type Quota struct {
	cfg QuotaConfig

	mu     sync.Mutex
	usage  Usage // as last looked at
	own    time.Duration
	looked time.Time

	contested bool          // others use up the quota
	quiet     time.Time     // since when they do not
	freed     time.Time     // when it was last given back
	calm      time.Duration // for how long it has to last

	share float64 // processors that may be used; 0: all
	saved float64 // CPU time that may be used at once, in seconds; negative: owed
	paid  time.Time
	spent time.Duration // own, when paid
}

// NewQuota returns a quota that begins to count now.
func NewQuota(cfg QuotaConfig, now time.Time) *Quota {
	q := &Quota{cfg: cfg, calm: calm, looked: now, paid: now}
	q.usage, _ = cfg.Read() // what cannot be read is no quota
	q.own = cfg.Own()
	q.spent = q.own
	return q
}

// wait returns how long no frame may be made. No quota at all is never a reason.
func (q *Quota) wait(now time.Time) time.Duration {
	if q == nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.look(now)
	if q.share == 0 {
		return 0
	}
	q.pay(now, q.cfg.Own())
	if q.saved >= 0 {
		return 0
	}
	return time.Duration(-q.saved/q.share*float64(time.Second)) + time.Microsecond // not a hair too early
}

// cost returns how long the share takes to pay for what this process has used
// since it had used before; and what it has used by now.
func (q *Quota) cost(before time.Duration) (takes, own time.Duration) {
	if q == nil {
		return 0, 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.share == 0 {
		return 0, 0
	}
	own = q.cfg.Own()
	if before == 0 {
		return 0, own
	}
	return time.Duration(min(float64(own-before)/q.share, float64(time.Minute))), own
}

// pay adds what the share has given since the last time, less what was used.
func (q *Quota) pay(now time.Time, own time.Duration) {
	q.saved += q.share*now.Sub(q.paid).Seconds() - (own - q.spent).Seconds()
	q.saved = max(-q.share*debt.Seconds(), min(q.saved, q.share*savings.Seconds()))
	q.paid, q.spent = now, own
}

// look finds out what may be used, if the last look was long enough ago.
func (q *Quota) look(now time.Time) {
	pause := lookEvery
	if q.usage.Cores == 0 {
		pause = lookSeldom
	}
	within := now.Sub(q.looked)
	if within < pause {
		return
	}
	before, ownBefore := q.usage, q.own
	usage, err := q.cfg.Read()
	if err != nil {
		usage = Usage{}
	}
	q.usage, q.own, q.looked = usage, q.cfg.Own(), now
	if usage.Cores == 0 || usage.Group != before.Group {
		q.contested, q.share = false, 0 // until it has been looked at twice
		return
	}
	ours := (q.own - ownBefore).Seconds() / within.Seconds()
	periods, throttled := usage.Periods-before.Periods, usage.Throttled-before.Throttled
	full := throttled > 0 && float64(throttled) >= exhausted*float64(periods)
	all := (usage.Used - before.Used).Seconds() / within.Seconds()
	if usage.Used == 0 {
		all = ours
		if full {
			all = usage.Cores
		}
	}
	others := max(0, all-ours)
	q.judge(full && others > stranger*usage.Cores, now, now.Add(-within))
	share := leastShare * usage.Cores
	if !q.contested {
		share = max(share, (1-reserve)*usage.Cores-others)
	}
	q.setShare(share, now)
}

// judge notes whether others use up the quota, as they did or did not since a
// moment: at once that they do, that they no longer do after a while.
func (q *Quota) judge(contested bool, now, since time.Time) {
	switch {
	case contested && !q.contested:
		if lasted := now.Sub(q.freed); !q.freed.IsZero() && lasted < relapse {
			q.calm = min(2*q.calm, calmMax)
		} else {
			q.calm = calm
		}
		q.contested, q.quiet = true, time.Time{}
	case contested:
		q.quiet = time.Time{}
	case q.contested:
		if q.quiet.IsZero() {
			q.quiet = since
		}
		if now.Sub(q.quiet) >= q.calm {
			q.contested, q.freed = false, now
		}
	}
}

// setShare sets what may be used from now on.
func (q *Quota) setShare(share float64, now time.Time) {
	if q.share == 0 { // what was used before is forgiven
		q.saved, q.paid, q.spent = 0, now, q.own
	}
	q.pay(now, q.own)
	q.share = share
}
