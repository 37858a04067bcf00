package bwe

import (
	"testing"
	"time"
)

const mbit = 1_000_000

func within(t *testing.T, what string, got, low, high int) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s = %.2f Mbit/s, want %.2f to %.2f", what, float64(got)/mbit, float64(low)/mbit, float64(high)/mbit)
	}
}

func TestConverges(t *testing.T) {
	for _, tt := range []struct {
		name  string
		bps   int
		delay time.Duration
		queue time.Duration
		start int
		held  bool
	}{
		{"4 Mbit/s, from 8, short queue", 4 * mbit, 20 * time.Millisecond, 60 * time.Millisecond, 8 * mbit, true},
		{"4 Mbit/s, from 8, deep queue", 4 * mbit, 20 * time.Millisecond, time.Second, 8 * mbit, true},
		{"4 Mbit/s, from 1", 4 * mbit, 20 * time.Millisecond, 200 * time.Millisecond, 1 * mbit, true},
		{"20 Mbit/s, from 8", 20 * mbit, 20 * time.Millisecond, 100 * time.Millisecond, 8 * mbit, true},
		{"20 Mbit/s, from 8, lan", 20 * mbit, time.Millisecond, 100 * time.Millisecond, 8 * mbit, true},
		{"20 Mbit/s, from 30, no window", 20 * mbit, 20 * time.Millisecond, 100 * time.Millisecond, 30 * mbit, false},
		{"4 Mbit/s, from 30, no window", 4 * mbit, 40 * time.Millisecond, 300 * time.Millisecond, 30 * mbit, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSimulation(Config{StartBps: tt.start}, link{bps: float64(tt.bps), delay: tt.delay, queue: tt.queue})
			s.held = tt.held
			s.run(8 * time.Second)
			before := s.sent
			least, most := s.run(20 * time.Second)
			t.Logf("estimate %.2f to %.2f Mbit/s, sent %.2f", float64(least)/mbit, float64(most)/mbit, float64(s.sent-before)*8/20/mbit)
			within(t, "least", least, tt.bps*60/100, tt.bps)
			within(t, "most", most, tt.bps*75/100, tt.bps*130/100)
			within(t, "sent", (s.sent-before)*8/20, tt.bps*70/100, tt.bps*102/100)
		})
	}
}

func TestFastLinkReachesTheMost(t *testing.T) {
	s := newSimulation(Config{StartBps: 8 * mbit, MaxBps: 30 * mbit}, link{bps: 1000 * mbit, delay: 500 * time.Microsecond, queue: 50 * time.Millisecond})
	s.run(3 * time.Second)
	within(t, "after 3 s", s.c.Estimate(), 30*mbit, 30*mbit)
}

func TestSendingLittleChangesNothing(t *testing.T) {
	s := newSimulation(Config{StartBps: 8 * mbit}, link{bps: 20 * mbit, delay: 20 * time.Millisecond, queue: 100 * time.Millisecond, jitter: 8 * time.Millisecond})
	s.demand = func(time.Duration) float64 { return 1 * mbit }
	least, most := s.run(30 * time.Second)
	within(t, "least", least, 8*mbit, 8*mbit)
	within(t, "most", most, 8*mbit, 8*mbit)
}

// A desktop: bursts of half a second at whatever is allowed, quiet between,
// and a minute of nothing.
func TestBurstsAndIdleDoNotCollapse(t *testing.T) {
	s := newSimulation(Config{StartBps: 8 * mbit}, link{bps: 20 * mbit, delay: 10 * time.Millisecond, queue: 150 * time.Millisecond, jitter: 4 * time.Millisecond})
	s.demand = func(at time.Duration) float64 {
		switch {
		case at > 30*time.Second && at < 90*time.Second:
			return 0
		case at%(2*time.Second) < 500*time.Millisecond:
			return 60 * mbit
		default:
			return 0.1 * mbit
		}
	}
	s.run(10 * time.Second)
	least, most := s.run(120 * time.Second)
	t.Logf("estimate %.2f to %.2f Mbit/s", float64(least)/mbit, float64(most)/mbit)
	within(t, "least", least, 8*mbit, 20*mbit)
	within(t, "most", most, 8*mbit, 26*mbit)
}

func TestRateDropAndReturn(t *testing.T) {
	s := newSimulation(Config{StartBps: 8 * mbit}, link{bps: 20 * mbit, delay: 20 * time.Millisecond, queue: 300 * time.Millisecond})
	s.run(10 * time.Second)
	s.link.bps = 4 * mbit
	s.run(3 * time.Second)
	within(t, "3 s after the drop", s.c.Estimate(), 2*mbit, 4*mbit*115/100)
	s.run(5 * time.Second)
	if queue := s.c.Queue(); queue > 100*time.Millisecond {
		t.Errorf("queue 8 s after the drop = %v, want at most 100 ms", queue)
	}
	s.link.bps = 20 * mbit
	s.run(10 * time.Second)
	within(t, "10 s after the return", s.c.Estimate(), 14*mbit, 26*mbit)
}

// An encoder that takes no notice must not drive the estimate to the bottom.
func TestFarAboveTheLinkDoesNotCollapse(t *testing.T) {
	s := newSimulation(Config{StartBps: 20 * mbit}, link{bps: 4 * mbit, delay: 20 * time.Millisecond, queue: 100 * time.Millisecond})
	s.greedy = true
	s.demand = func(time.Duration) float64 { return 20 * mbit }
	s.run(5 * time.Second)
	least, _ := s.run(20 * time.Second)
	within(t, "least", least, 2*mbit, 5*mbit)
}

func TestLongerPathIsNotAQueue(t *testing.T) {
	s := newSimulation(Config{StartBps: 8 * mbit}, link{bps: 100 * mbit, delay: 5 * time.Millisecond, queue: 200 * time.Millisecond})
	s.demand = func(time.Duration) float64 { return 6 * mbit }
	s.run(5 * time.Second)
	s.link.delay = 65 * time.Millisecond
	least, _ := s.run(30 * time.Second)
	t.Logf("least %.2f, then %.2f Mbit/s", float64(least)/mbit, float64(s.c.Estimate())/mbit)
	within(t, "least", least, 1*mbit, 8*mbit)
	within(t, "30 s after", s.c.Estimate(), 4*mbit, 30*mbit)
}

func TestLoss(t *testing.T) {
	for _, tt := range []struct {
		name      string
		loss      float64
		low, high int
	}{
		{"2 % is weather", 0.02, 8 * mbit, 30 * mbit},
		{"30 % is too much", 0.30, 0, 4 * mbit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSimulation(Config{StartBps: 8 * mbit}, link{bps: 50 * mbit, delay: 10 * time.Millisecond, queue: 100 * time.Millisecond, loss: tt.loss})
			s.run(10 * time.Second)
			within(t, "estimate", s.c.Estimate(), tt.low, tt.high)
		})
	}
}

func TestReceiverReports(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	c := New(Config{StartBps: 8 * mbit})
	for range 10 {
		now = now.Add(time.Second)
		c.Loss(now, 0.2)
	}
	within(t, "after 20 % loss", c.Estimate(), 2*mbit, 4*mbit)
	for range 100 {
		now = now.Add(time.Second)
		c.Loss(now, 0)
	}
	within(t, "after no loss", c.Estimate(), 8*mbit, 30*mbit)
}

// Bursts go faster where they have been seen to arrive without waiting, and
// only there.
func TestPace(t *testing.T) {
	for _, tt := range []struct {
		name      string
		bps       float64
		low, high int
	}{
		{"fast link", 1000 * mbit, 150 * mbit, 160 * mbit},
		{"link of the estimate", 8 * mbit, 15 * mbit, 26 * mbit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSimulation(Config{StartBps: 8 * mbit, MaxBps: 8 * mbit}, link{bps: tt.bps, delay: time.Millisecond, queue: 200 * time.Millisecond})
			s.demand = func(at time.Duration) float64 { // 37 kB every 160 ms
				if at%(160*time.Millisecond) < 16*time.Millisecond {
					return 18.6 * mbit
				}
				return 0
			}
			s.greedy = true
			within(t, "at first", s.c.Pace(), 20*mbit, 20*mbit)
			s.run(10 * time.Second)
			within(t, "after 10 s", s.c.Pace(), tt.low, tt.high)
		})
	}
}

func TestInFlight(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	c := New(Config{})
	for seq := range uint16(100) {
		c.Sent(seq+65500, 1000, now)
	}
	if got, want := c.InFlight(now), 100_000; got != want {
		t.Fatalf("in flight = %d, want %d", got, want)
	}
	c.Feedback(now.Add(30*time.Millisecond), []Arrival{{Seq: 65510, At: time.Hour}, {Seq: 65511, Lost: true}, {Seq: 65510, At: time.Hour}, {Seq: 30000}})
	if got, want := c.InFlight(now), 88_000; got != want {
		t.Errorf("in flight after feedback for the 11th and 12th = %d, want %d", got, want)
	}
	if got, want := c.RTT(), 30*time.Millisecond; got != want {
		t.Errorf("round trip = %v, want %v", got, want)
	}
	if got := c.InFlight(now.Add(2 * time.Second)); got != 0 {
		t.Errorf("in flight after two seconds = %d, want 0", got)
	}
}

func TestSendsAndReportsAllocateNothing(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	c := New(Config{})
	report := make([]Arrival, 10)
	var seq uint16
	if got := testing.AllocsPerRun(1000, func() {
		now = now.Add(10 * time.Millisecond)
		for i := range report {
			c.Sent(seq, 1200, now)
			report[i] = Arrival{Seq: seq, At: now.Sub(time.Unix(0, 0))}
			seq++
		}
		c.Feedback(now, report)
	}); got != 0 {
		t.Errorf("allocations = %v, want 0", got)
	}
}

func TestNewestPacketArrived(t *testing.T) {
	c, now := New(Config{}), time.Unix(0, 0)
	for seq := range uint16(3) {
		c.Sent(seq, 1000, now)
	}
	for _, step := range []struct {
		report []Arrival
		want   bool
	}{
		{[]Arrival{{Seq: 0, At: 1}, {Seq: 1, At: 2}}, false},
		{[]Arrival{{Seq: 2, Lost: true}}, false},
		{[]Arrival{{Seq: 9, At: 3}}, false}, // never sent
	} {
		c.Feedback(now.Add(time.Second), step.report)
		if got := c.Arrived(); got != step.want {
			t.Errorf("after %v: arrived %v, want %v", step.report, got, step.want)
		}
	}
	c.Sent(3, 1000, now)
	c.Feedback(now.Add(time.Second), []Arrival{{Seq: 3, At: 4}})
	if !c.Arrived() {
		t.Error("the newest packet has arrived, and is not said to have")
	}
	c.Sent(4, 1000, now)
	if c.Arrived() {
		t.Error("a packet that has just left is said to have arrived")
	}
}

// TestLostTails: a packet lost now and then on a desktop at rest says nothing of
// the path; a burst of which nothing is ever reported does.
func TestLostTails(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	c := New(Config{})
	start := c.Estimate()
	seq := uint16(0)
	for range 20 {
		c.Sent(seq, 1000, now)
		c.Sent(seq+1, 1000, now)
		c.Feedback(now.Add(30*time.Millisecond), []Arrival{{Seq: seq, At: time.Hour}})
		seq += 2
		now = now.Add(3 * time.Second)
		c.InFlight(now)
	}
	if got := c.Estimate(); got != start {
		t.Errorf("after 20 lost tails: estimate %d, want %d still", got, start)
	}
	for range silence {
		c.Sent(seq, 1000, now)
		seq++
	}
	c.InFlight(now.Add(2 * expiry))
	if got := c.Estimate(); got >= start {
		t.Errorf("after %d packets without a report: estimate %d, want less than %d", silence, got, start)
	}
}
