package wsmedia

import "time"

const (
	// initialWindow is what may be under way, in bytes, while nothing is known
	// of the path: to a page that never acknowledges nothing follows it.
	initialWindow = 64 << 10
	// windowGain is how many times what the path holds may be under way, so that
	// the bottleneck never runs dry while an acknowledgement travels.
	windowGain = 1.25
	// encoding is how long at least the next picture takes to be made: what will
	// have left by then holds up nothing.
	encoding = 5 * time.Millisecond
	// maxUnacknowledged bounds the pictures under way, for small ones.
	maxUnacknowledged = 256
	// A page that has more pictures than maxDecoding to decode gets none until it
	// says that it has caught up, or has said nothing for decodePatience.
	maxDecoding    = 2
	decodePatience = time.Second
	// mediaShare of what the path carries is the encoder's.
	mediaShare = 0.9
)

// flow is what is under way to one page, and how much may be. It knows no clock:
// every call says what time it is.
type flow struct {
	flights     [maxUnacknowledged]flight // under way, a ring
	head, count int
	bytes       int // under way
	key         int // those of the last key frame, until it has got through

	acknowledged uint32    // sequence of the newest picture that is
	any          bool      // one is
	heard        time.Time // the page's last word
	landed       time.Time // that of its last word about another picture
	arrived      uint32    // when that had arrived, by the page's clock
	waiting      int       // pictures that the page has yet to decode
	decode       time.Duration

	pings delay // of the path alone
	trips delay // of pictures, which wait for the page to look at them
	rate  rate
	clean int // how many of those under way met an empty path
}

// flight is a picture under way.
type flight struct {
	bytes int
	sent  time.Time
	clean bool // nothing else was under way
}

// send notes that the next picture leaves.
func (f *flow) send(bytes int, key bool, now time.Time) {
	clean := f.count == 0
	if clean {
		f.clean++
	}
	f.flights[(f.head+f.count)%maxUnacknowledged] = flight{bytes, now, clean}
	f.count++
	f.bytes += bytes
	if key {
		f.key = bytes
	}
}

// acknowledge takes what the page says and reports whether it can be true.
func (f *flow) acknowledge(a acknowledgement, now time.Time) bool {
	news := a.sequence - f.acknowledged
	if news > uint32(f.count) || news == 0 && !f.any {
		return false
	}
	if news > 0 {
		f.arrive(int(news), a, now)
	}
	f.any, f.heard = true, now
	f.waiting, f.decode = a.waiting, a.decode
	return true
}

// arrive takes the oldest pictures out of flight and learns from them.
func (f *flow) arrive(count int, a acknowledgement, now time.Time) {
	first, bytes := f.flights[f.head], 0
	var last flight
	for range count {
		last = f.flights[f.head]
		bytes += last.bytes
		f.head = (f.head + 1) % maxUnacknowledged
		f.count--
		if last.clean {
			f.clean--
		}
	}
	f.bytes -= bytes
	gap := now.Sub(f.landed)
	if byPage := time.Duration(a.arrived-f.arrived) * time.Microsecond; byPage <= gap+maxSkew {
		gap = byPage // without what acknowledgements wait on their way
	}
	known := f.any
	f.acknowledged, f.arrived, f.landed = a.sequence, a.arrived, now
	if last.clean {
		f.trips.add(trip{now.Sub(last.sent), last.bytes}, now)
	}
	if longer := now.Sub(first.sent) - f.roundTrip(); known && gap < longer {
		f.rate.queued(bytes, gap)
	} else {
		f.rate.alone(bytes, longer)
	}
	if f.bytes <= f.window() {
		f.key = 0
	}
}

// maxSkew is how much longer the page may say that something took than it seems
// from here.
const maxSkew = 500 * time.Millisecond

// window is how many bytes may be under way before another picture is made.
func (f *flow) window() int {
	if !f.any {
		return initialWindow
	}
	return int(f.rate.bps / 8 * (windowGain*f.roundTrip().Seconds() + encoding.Seconds()))
}

// roundTrip is how long a picture without any bytes would be on its way: no less
// than a ping, and longer with a page that is slow to look at what has arrived.
func (f *flow) roundTrip() time.Duration {
	ping, least := f.pings.least().time, f.trips.least()
	if ping == 0 { // none is answered
		ping = least.time / 2
	}
	return max(ping, least.time-over(least.bytes, f.rate.bps))
}

// room says whether another picture may be made.
func (f *flow) room(now time.Time) bool {
	switch {
	case f.waiting > maxDecoding && now.Sub(f.heard) < decodePatience:
		return false
	case f.count == 0:
		return true
	}
	drain := f.trips.stale(now) && f.clean == 0 // let all arrive, for the delay to be seen
	return !drain && f.count < maxUnacknowledged && f.bytes <= f.window()
}

// takes says whether a picture that was made for others may be sent: somewhat
// more may be under way than before one is made. A key frame may be more than
// the path holds; what follows it is not refused for that, or its viewer would
// need the next one at once.
func (f *flow) takes() bool {
	return f.count < maxUnacknowledged && f.bytes-f.key <= max(2*f.window(), initialWindow)
}

// trip is how long something took to the page and back.
type trip struct {
	time  time.Duration
	bytes int // on the way there
}

func shorter(a, b trip) trip {
	if b.time < a.time {
		return b
	}
	return a
}

// delay is the shortest trip of the last 10 to 20 seconds: long enough to have
// seen an empty path, short enough for another path.
type delay struct {
	now, last trip
	turned    time.Time // zero: nothing measured
}

const delayTurn = 10 * time.Second

// add takes a trip over a path on which nothing else was under way.
func (d *delay) add(t trip, now time.Time) {
	switch {
	case d.turned.IsZero():
		d.now, d.last, d.turned = t, t, now
	case d.stale(now):
		d.now, d.last, d.turned = t, d.now, now
	default:
		d.now = shorter(d.now, t)
	}
}

// stale says that another trip is due.
func (d *delay) stale(now time.Time) bool { return now.Sub(d.turned) > delayTurn }

func (d *delay) least() trip { return shorter(d.now, d.last) }
