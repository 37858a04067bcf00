package activity

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// person is somebody who does something now and then.
type person struct {
	mu sync.Mutex
	at time.Time
}

func (p *person) acts() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = time.Now()
}

func (p *person) last() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// holding is a rule that holds while on is true.
func holding(on *atomic.Bool) Rule {
	return Rule{Name: "process", Holds: func(context.Context, time.Time) (bool, error) { return on.Load(), nil }}
}

// runMeter runs a meter until the test's bubble ends it.
func runMeter(t *testing.T, m *Meter) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var who person
		start := time.Now()
		m := New(Config{Human: who.last, Born: start, Limit: time.Hour, Log: quiet()})
		runMeter(t, m)

		check := func(when, why string, last time.Duration, ends bool) {
			t.Helper()
			r := m.Report()
			if r.Why != why || r.Busy != (why != "") || r.Last.Sub(start) != last {
				t.Errorf("%s: %+v (last %v after the start), want %q, last %v", when, r, r.Last.Sub(start), why, last)
			}
			left, got := m.Left(time.Hour)
			if want := max(0, time.Until(start.Add(last+time.Hour))); got != ends || ends && left != want {
				t.Errorf("%s: ends %v in %v, want %v, in %v", when, got, left, ends, want)
			}
		}
		check("at the start", "input", 0, false)
		time.Sleep(3 * time.Minute)
		check("untouched", "", 0, true)
		if left, ends := m.Left(56 * time.Minute); ends {
			t.Errorf("ends in %v, which is not within what was asked for", left)
		}
		who.acts()
		check("touched", "input", 3*time.Minute, false)
		time.Sleep(2*time.Minute - time.Second)
		check("just before it is idle", "input", 3*time.Minute, false)
		time.Sleep(time.Second)
		check("idle", "", 3*time.Minute, true)
		if got, want := m.KeepAwake(30*time.Minute), time.Now().Add(30*time.Minute); !got.Equal(want) {
			t.Errorf("KeepAwake: until %v, want %v", got, want)
		}
		time.Sleep(29 * time.Minute)
		check("kept awake", "button", 34*time.Minute, false)
		time.Sleep(time.Hour)
		check("awake no more", "", 35*time.Minute, true)
	})
}

func TestKeepAwakeIsCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var who person
		var working atomic.Bool
		working.Store(true)
		start := time.Now()
		m := New(Config{Human: who.last, Rules: []Rule{holding(&working)}, MaxAwake: 2 * time.Hour, Log: quiet()})
		runMeter(t, m)
		if got, want := m.KeepAwake(100*time.Hour), start.Add(2*time.Hour); !got.Equal(want) {
			t.Errorf("awake until %v, want %v", got, want)
		}
		time.Sleep(2*time.Hour - time.Second)
		if r := m.Report(); !r.Busy {
			t.Errorf("idle before the cap: %+v", r)
		}
		time.Sleep(3 * time.Hour) // the rule still holds
		if r := m.Report(); r.Busy || !r.Last.Equal(start.Add(2*time.Hour)) {
			t.Errorf("after the cap: %+v, want idle, last active when it was reached", r)
		}
		who.acts()
		time.Sleep(3 * time.Minute)
		if r := m.Report(); r.Why != "process" {
			t.Errorf("after a person was there again: %+v, want the rule to hold again", r)
		}
	})
}

func TestRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var who person
		var working atomic.Bool
		broken := Rule{Name: "gpu", Holds: func(context.Context, time.Time) (bool, error) { return true, errors.New("no driver") }}
		m := New(Config{Human: who.last, Rules: []Rule{broken, holding(&working)}, Log: quiet()})
		runMeter(t, m)
		time.Sleep(10 * time.Minute)
		if r := m.Report(); r.Busy {
			t.Errorf("with a rule that cannot be asked: %+v", r)
		}
		working.Store(true)
		time.Sleep(interval)
		synctest.Wait()
		if r := m.Report(); r.Why != "process" || !r.Last.Equal(time.Now()) {
			t.Errorf("with work: %+v", r)
		}
		working.Store(false)
		ended := time.Now()
		time.Sleep(5 * time.Minute)
		if r := m.Report(); r.Busy || r.Last.After(ended) || ended.Sub(r.Last) > interval {
			t.Errorf("after the work: %+v, want idle since %v", r, ended)
		}
	})
}

func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state", "activity.json")
		var who person
		born := time.Now()
		config := Config{Human: who.last, Born: born, State: path, Log: quiet()}

		ctx, cancel := context.WithCancel(t.Context())
		first := New(config)
		ended := make(chan error, 1)
		go func() { ended <- first.Run(ctx) }()
		time.Sleep(time.Hour)
		who.acts()
		acted := time.Now()
		time.Sleep(time.Hour)
		cancel()
		<-ended

		var nobody person
		config.Human = nobody.last
		if r := New(config).Report(); r.Busy || !r.Last.Equal(acted) {
			t.Errorf("after a restart of the agent: %+v, want idle since %v", r, acted)
		}
		config.Born = time.Now() // another container with the file of the earlier one
		if r := New(config).Report(); r.Why != "input" || !r.Last.Equal(time.Now()) {
			t.Errorf("in another container: %+v, want its start to count", r)
		}
	})
}

func TestStateOfOthers(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		make func(path string) error
	}{
		{"nothing", func(string) error { return nil }},
		{"no JSON", func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) }},
		{"a link", func(path string) error { return os.Symlink("/etc/passwd", path) }},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"the future", func(path string) error {
			return state{Last: time.Now().Add(1000 * time.Hour)}.write(path)
		}},
	}
	for _, tt := range tests {
		path := filepath.Join(dir, tt.name)
		if err := tt.make(path); err != nil {
			t.Fatal(err)
		}
		m := New(Config{Human: (&person{}).last, State: path, Log: quiet()})
		if r := m.Report(); r.Why != "input" || time.Since(r.Last) > time.Minute {
			t.Errorf("%s: %+v, want the start to count", tt.name, r)
		}
	}
}
