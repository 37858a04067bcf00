package activity

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// culler is Kubeflow's (components/notebook-controller, culling_controller.go,
// v1.10): it asks in each period, and stops what has been idle for too long.
type culler struct {
	meter    *Meter
	idle     time.Duration // CULL_IDLE_TIME
	period   time.Duration // IDLENESS_CHECK_PERIOD
	activity time.Time     // the annotation
}

// ask reads raw JSON, as the culler does. An empty list or one that cannot be read
// changes nothing.
func (c *culler) ask(t *testing.T) {
	t.Helper()
	w := httptest.NewRecorder()
	c.meter.ServeHTTP(w, httptest.NewRequest("GET", "/notebook/ns/name/api/kernels", nil))
	var kernels []struct {
		Last  string `json:"last_activity"`
		State string `json:"execution_state"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &kernels); err != nil || len(kernels) == 0 {
		t.Fatalf("kernels %q: %v", w.Body, err)
	}
	newest := time.Time{}
	for _, k := range kernels {
		if k.State != "idle" {
			c.activity = time.Now().Truncate(time.Second)
			return
		}
		at, err := time.Parse(time.RFC3339, k.Last)
		if err != nil {
			t.Fatal(err)
		}
		newest = latest(newest, at)
	}
	c.activity = newest
}

// run asks until it stops the desktop or the time is over; act is called before each
// period. It returns when the desktop was stopped; zero: it was not.
func (c *culler) run(t *testing.T, long time.Duration, act func(since time.Duration)) time.Time {
	t.Helper()
	start := time.Now()
	c.activity = start
	for since := time.Duration(0); since < long; since = time.Since(start) {
		act(since)
		time.Sleep(c.period)
		c.ask(t)
		if time.Now().After(c.activity.Add(c.idle)) {
			return time.Now()
		}
	}
	return time.Time{}
}

func TestKubeflow(t *testing.T) {
	const idle, period = 30 * time.Minute, time.Minute
	tests := []struct {
		name  string
		until time.Duration // when the person acts last
		every time.Duration
		limit time.Duration // how long it is watched
	}{
		{"never touched", 0, period, 2 * time.Hour},
		{"always used", 8 * time.Hour, period, 8 * time.Hour},
		{"used each quarter of an hour", 8 * time.Hour, 15 * time.Minute, 8 * time.Hour},
		{"used for an hour", time.Hour, 5 * time.Minute, 3 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var who person
				last := time.Now()
				viewers := func() int { return 1 } // one looks all the time, and that is no activity
				m := New(Config{Human: who.last, Viewers: viewers, Born: last, Log: quiet()})
				runMeter(t, m)
				c := culler{meter: m, idle: idle, period: period}
				stopped := c.run(t, tt.limit, func(since time.Duration) {
					if since <= tt.until && since%tt.every == 0 && tt.until > 0 {
						who.acts()
						last = time.Now()
					}
				})
				switch after := stopped.Sub(last); {
				case tt.until >= tt.limit && !stopped.IsZero():
					t.Errorf("stopped %v after it was used", after)
				case tt.until < tt.limit && stopped.IsZero():
					t.Error("never stopped")
				case tt.until < tt.limit && (after < idle || after > idle+period+time.Second):
					t.Errorf("stopped %v after it was last used, want %v to %v", after, idle, idle+period)
				}
			})
		})
	}
}

func TestKubeflowAcrossRestarts(t *testing.T) {
	const idle, period = 30 * time.Minute, time.Minute
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir() + "/activity.json"
		born := time.Now()
		nobody := Config{Human: (&person{}).last, Born: born, State: path, Log: quiet()}
		c := culler{idle: idle, period: period}
		start := func() {
			c.meter = New(nobody)
			c.meter.keep()
		}
		start()
		stopped := c.run(t, 2*time.Hour, func(since time.Duration) {
			if since%(7*time.Minute) == 0 {
				start() // the agent crashes again and again, and nobody is there
			}
		})
		if after := stopped.Sub(born); stopped.IsZero() || after < idle || after > idle+period+time.Second {
			t.Errorf("stopped after %v, want %v to %v", after, idle, idle+period)
		}
	})
}
