package main

import (
	"sync"
	"time"

	"lucarne/cmd/internal/quota"
)

// meter counts the CPU time of this process and of those that it has started to
// encode. The zero value is ready for use.
type meter struct {
	mu      sync.Mutex
	running []func() (used time.Duration, ended bool)
	ended   time.Duration // CPU time of those that have
}

// add counts a process from now on.
func (m *meter) add(used func() (time.Duration, bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = append(m.running, used)
}

// used returns the sum since the beginning.
func (m *meter) used() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := quota.Own()
	running := m.running[:0]
	for _, process := range m.running {
		used, ended := process()
		if ended {
			m.ended += used
		} else {
			sum += used
			running = append(running, process)
		}
	}
	clear(m.running[len(running):])
	m.running = running
	return sum + m.ended
}
