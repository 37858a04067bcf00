package signaling

import (
	"context"
	"reflect"
	"slices"
	"time"

	"lucarne/signaling/session"
)

// Process is one of those that keep the desktop running, as it is now.
type Process struct {
	Name     string       `json:"name"`
	State    ProcessState `json:"state"`
	Since    int64        `json:"since"`              // of State; Unix milliseconds
	Restarts int          `json:"restarts,omitempty"` // how often it has been started again
	Error    string       `json:"error,omitempty"`    // why it ended last, or why it cannot be started
	Lines    []string     `json:"lines,omitempty"`    // the last that it has written, oldest first
	Needed   bool         `json:"needed,omitempty"`   // without it there is nothing to be seen
}

// ProcessState is what a process is doing.
type ProcessState string

// The states.
const (
	ProcessWaiting  ProcessState = "waiting"  // for others, which come first
	ProcessStarting ProcessState = "starting" // runs, but is not ready
	ProcessReady    ProcessState = "ready"
	ProcessRetrying ProcessState = "retrying" // has ended, and will be started again
	ProcessFailed   ProcessState = "failed"   // and is not tried again
	ProcessStopped  ProcessState = "stopped"
)

// Processes tells how the processes are that keep the desktop running.
type Processes interface {
	// All returns them as they are now, in the order in which they are started.
	All() []Process
	// Subscribe returns a doorbell of capacity 1, which rings when something about one of
	// them has changed, until unsubscribe is called.
	Subscribe() (bell <-chan struct{}, unsubscribe func())
}

// tellProcesses tells an owner how the processes are: at first, and what has changed. What
// they write is told with it, but is news only while who writes is not ready: a desktop's
// programs may be at it all day. Nobody is told who may not copy out: whoever is at the
// desktop can have them write whatever lies there.
func (s *socket) tellProcesses(ctx context.Context) {
	bell, unsubscribe := s.h.cfg.Processes.Subscribe()
	defer unsubscribe()
	pace := time.NewTicker(s.h.pace.processes)
	defer pace.Stop()
	var told []Process
	for {
		now := s.h.cfg.Processes.All()
		if !slices.Contains(s.viewer.Allowed(), session.CopyOut) {
			now = withoutLines(now)
		}
		if s.viewer.Role() == session.Owner && !sameProcesses(told, now) {
			told = now
			s.send(Message{Type: "processes", Processes: now})
		}
		select {
		case <-ctx.Done():
			return
		case <-bell:
		}
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
	}
}

// withoutLines are processes without what they have written.
func withoutLines(all []Process) []Process {
	all = slices.Clone(all)
	for n := range all {
		all[n].Lines = nil
	}
	return all
}

// sameProcesses says whether a page that was told of the processes before knows how they
// are now.
func sameProcesses(before, now []Process) bool {
	return slices.EqualFunc(before, now, func(a, b Process) bool {
		if b.State == ProcessReady {
			a.Lines, b.Lines = nil, nil
		}
		return reflect.DeepEqual(a, b)
	})
}
