package signaling

import (
	"reflect"
	"sync"
	"testing"
	"time"

	"lucarne/signaling/session"
)

// table is a list of processes that can be changed.
type table struct {
	mu    sync.Mutex
	all   []Process
	bells map[chan struct{}]bool
}

func (p *table) All() []Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all
}

func (p *table) Subscribe() (<-chan struct{}, func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bells == nil {
		p.bells = map[chan struct{}]bool{}
	}
	bell := make(chan struct{}, 1)
	p.bells[bell] = true
	return bell, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.bells, bell)
	}
}

func (p *table) set(all ...Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = all
	for bell := range p.bells {
		select {
		case bell <- struct{}{}:
		default:
		}
	}
}

func TestProcesses(t *testing.T) {
	processes := new(table)
	xserver := Process{Name: "xserver", State: ProcessReady, Since: 1, Needed: true}
	waiting := Process{Name: "session", State: ProcessWaiting, Since: 2}
	failed := Process{Name: "session", State: ProcessRetrying, Since: 3, Restarts: 1, Error: "exit status 1", Lines: []string{"no <such> program"}}
	ready := Process{Name: "session", State: ProcessReady, Since: 4, Restarts: 2, Lines: []string{"hello"}}
	processes.set(xserver, waiting)
	s := serve(t, func(cfg *Config) { cfg.Processes = processes })
	s.handler.pace.processes = time.Millisecond
	owner, _ := s.join(t)
	expect := func(want ...Process) {
		t.Helper()
		if got := owner.await("processes").Processes; !reflect.DeepEqual(got, want) {
			t.Errorf("the owner is told %+v, want %+v", got, want)
		}
	}
	expect(xserver, waiting)
	processes.set(xserver, failed)
	expect(xserver, failed)
	processes.set(xserver, ready)
	expect(xserver, ready)

	// What a process writes that is ready is no news, although another is not.
	chatty := ready
	chatty.Lines = []string{"hello", "again"}
	processes.set(xserver, chatty)
	sound := Process{Name: "pulseaudio", State: ProcessRetrying, Since: 4, Error: "exit status 1"}
	processes.set(xserver, chatty, sound)
	expect(xserver, chatty, sound)
	chatty.Lines = []string{"again", "and again"}
	processes.set(xserver, chatty, sound)
	gone := Process{Name: "xserver", State: ProcessRetrying, Since: 5, Error: "killed", Needed: true}
	processes.set(gone, chatty)
	expect(gone, chatty)
}

// What processes write, which anybody at the desktop can have them do, is no way out for
// what the policy keeps there.
func TestProcessesTellNothingThatMayNotGetOut(t *testing.T) {
	processes := new(table)
	processes.set(Process{Name: "session", State: ProcessRetrying, Error: "exit status 1", Lines: []string{"secret"}})
	policy := session.Policy{Refuse: map[session.Role][]session.Feature{session.Owner: {session.CopyOut}}}
	s := serveSession(t, session.Config{Policy: policy}, func(cfg *Config) { cfg.Processes, cfg.Role = processes, session.Owner })
	owner, _ := s.join(t)
	want := []Process{{Name: "session", State: ProcessRetrying, Error: "exit status 1"}}
	if got := owner.await("processes").Processes; !reflect.DeepEqual(got, want) {
		t.Errorf("the owner is told %+v, want %+v", got, want)
	}
	if got := processes.All(); len(got[0].Lines) != 1 {
		t.Errorf("the lines are gone for all: %+v", got)
	}
}

// Guests are told that the display is starting, and no more.
func TestProcessesAreTheOwners(t *testing.T) {
	for _, role := range []session.Role{session.Controller, session.Watcher} {
		processes := new(table)
		processes.set(Process{Name: "xserver", State: ProcessStarting})
		s := serve(t, func(cfg *Config) { cfg.Processes, cfg.Role = processes, role })
		s.handler.pace.processes = time.Millisecond
		guest, _ := s.join(t)
		processes.set(Process{Name: "xserver", State: ProcessReady, Lines: []string{"secret"}})
		for range 3 {
			for _, m := range guest.flush() {
				if m.Type == "processes" {
					t.Errorf("a %s is told %+v", role, m.Processes)
				}
			}
		}
	}
}
