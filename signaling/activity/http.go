package activity

import (
	"encoding/json"
	"net/http"
	"path"
	"time"
)

// Kernel is one kernel as GET /api/kernels lists it: what Kubeflow's culling
// controller reads (components/notebook-controller, KernelStatus) of what Jupyter
// Server's REST API answers.
type Kernel struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Last        Time   `json:"last_activity"`
	State       string `json:"execution_state"` // "busy" or "idle"
	Connections int    `json:"connections"`
}

// Terminal is one terminal as GET /api/terminals lists it.
type Terminal struct {
	Name string `json:"name"`
	Last Time   `json:"last_activity"`
}

// Status is the answer to GET /api/status.
type Status struct {
	Started     Time `json:"started"`
	Last        Time `json:"last_activity"`
	Connections int  `json:"connections"`
	Kernels     int  `json:"kernels"`
	// Beside what Jupyter says: whether one of them is busy; when the kernels were last
	// asked for, by a culler; nil: never; and whether a hub hears of activity; nil: there is
	// none.
	Busy  bool  `json:"busy"`
	Asked *Time `json:"asked,omitempty"`
	Hears *bool `json:"hub_hears,omitempty"`
}

// Time is a moment as Jupyter writes it: RFC 3339 in UTC with microseconds.
type Time struct{ time.Time }

const layout = "2006-01-02T15:04:05.000000Z"

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) { return json.Marshal(t.UTC().Format(layout)) }

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(data []byte) error { return t.Time.UnmarshalJSON(data) }

// ServeHTTP answers "api/kernels", "api/terminals" and "api/status", whatever
// comes before it in the path, to anybody: cullers have no credentials. What it
// tells is when and how much, never who or what.
func (m *Meter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kernels, terminals := m.All()
	var answer any
	switch path.Base(r.URL.Path) {
	case "kernels":
		m.noteAsked()
		answer = kernels
	case "terminals":
		answer = terminals
	default:
		answer = m.status(kernels, terminals)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(answer)
}

// status sums up what there is.
func (m *Meter) status(kernels []Kernel, terminals []Terminal) Status {
	s := Status{Started: Time{m.started}, Kernels: len(kernels)}
	for _, k := range kernels {
		s.Last.Time = latest(s.Last.Time, k.Last.Time)
		s.Connections += k.Connections
		s.Busy = s.Busy || k.State != "idle"
	}
	for _, t := range terminals {
		s.Last.Time = latest(s.Last.Time, t.Last.Time)
	}
	if asked := m.Asked(); !asked.IsZero() {
		s.Asked = &Time{asked}
	}
	if m.cfg.Hub != nil {
		s.Hears = new(m.cfg.Hub.Hears())
	}
	return s
}

// Last returns when the desktop or a Jupyter server beside it was last used. It takes 3 s
// at most, as All does.
func (m *Meter) Last() time.Time { return m.status(m.All()).Last.Time }

// All returns the desktop as a kernel and a terminal, and after it those of
// Jupyter servers in the same container, without their names. It takes 3 s at most.
func (m *Meter) All() ([]Kernel, []Terminal) {
	r := m.Report()
	state := "idle"
	if r.Busy {
		state = "busy"
	}
	kernels := []Kernel{{ID: m.id, Name: "desktop", Last: Time{r.Last}, State: state, Connections: r.Viewers}}
	terminals := []Terminal{{Name: "desktop", Last: Time{r.Last}}}
	if m.cfg.Jupyter != nil {
		moreKernels, moreTerminals := m.cfg.Jupyter.ask(m.cfg.Log)
		kernels, terminals = append(kernels, moreKernels...), append(terminals, moreTerminals...)
	}
	for n := range kernels {
		kernels[n].Last.Time = latest(kernels[n].Last.Time, m.cfg.Born)
	}
	return kernels, terminals
}
