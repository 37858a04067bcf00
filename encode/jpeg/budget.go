package jpeg

import "time"

const (
	// burst is what one packet may cost, in time at the target bitrate, and what
	// may be saved up for it. JPEG has no motion: ten legible pictures a second
	// serve better than sixty that are not.
	burst = 100 * time.Millisecond
	// forgiven is the debt beyond which no more is owed: a picture that stands
	// still for as long as a whole page took on a slow link is of no use.
	forgiven = time.Second

	defaultBps = 8_000_000
	leastBps   = 50_000
	mostBps    = 1_000_000_000
)

// qualities in motion, on libjpeg's scale (1-100), coarse to fine, and about how
// many bits a cell takes with text in it.
var qualities = [...]struct {
	quality int
	bits    float64
}{{20, 190}, {30, 240}, {40, 290}, {50, 330}, {60, 380}, {70, 450}, {80, 580}}

const (
	// sharpQuality, with colour in full resolution, leaves the luma of a page of
	// text at 44 dB; 95 leaves it at 43.
	sharpQuality = 96
	sharpBits    = 1500
	// header is what a rectangle costs before its first cell: markers and tables.
	header = 8 * 623
)

// budget says how many bits a packet may take.
type budget struct {
	bps   float64
	saved float64 // bits that may be sent now; negative: owed
	last  time.Time
	// cost is what cells take compared with the tables above, as learned, in
	// motion and at rest.
	cost [2]float64
}

func newBudget(bps int) budget {
	b := budget{cost: [2]float64{1, 1}}
	b.setBitrate(bps)
	b.saved = b.bps * burst.Seconds()
	return b
}

// setBitrate changes the target; what is owed is owed in time.
func (b *budget) setBitrate(bps int) {
	if bps == 0 {
		bps = defaultBps
	}
	was := b.bps
	b.bps = float64(min(max(bps, leastBps), mostBps))
	if was > 0 {
		b.saved *= b.bps / was
	}
}

// tick lets time pass until now.
func (b *budget) tick(now time.Time) {
	if !b.last.IsZero() && now.After(b.last) {
		b.saved = min(b.saved+b.bps*now.Sub(b.last).Seconds(), b.bps*burst.Seconds())
	}
	b.last = now
}

// overdrawn says that nothing may be sent for now.
func (b *budget) overdrawn() bool { return b.saved < 0 }

// quality returns the index of the finest quality at which so many cells in
// motion can be paid for; the coarsest if none can.
func (b *budget) quality(count int) int {
	for i := len(qualities) - 1; i > 0; i-- {
		if header+float64(count)*qualities[i].bits*b.cost[0] <= b.saved {
			return i
		}
	}
	return 0
}

// affordable returns how many cells can be made sharp, one at least.
func (b *budget) affordable() int {
	return max(1, int((b.saved-header)/(sharpBits*b.cost[1])))
}

// spend takes a packet's bits off and learns from them what a cell costs.
// expected is what the tables say of it.
func (b *budget) spend(spent, expected float64, refinement bool) {
	b.saved = max(b.saved-spent, -b.bps*forgiven.Seconds())
	kind := 0
	if refinement {
		kind = 1
	}
	ratio := min(max(spent/expected, 0.02), 20)
	b.cost[kind] += (ratio - b.cost[kind]) / 2
}
