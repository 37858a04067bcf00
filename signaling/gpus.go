package signaling

import (
	"context"
	"time"

	"github.com/gorilla/websocket"
)

// GPU is how one GPU is, or one slice of a GPU.
type GPU struct {
	Name        string `json:"name"`
	MemoryUsed  uint64 `json:"memoryUsed"`  // bytes
	MemoryTotal uint64 `json:"memoryTotal"` // bytes; 0: unknown
	Busy        int    `json:"busy"`        // percent of the time that it computes; -1: unknown
	Encoding    int    `json:"encoding"`    // percent of its encoders' capacity in use; -1: unknown
	Sessions    int    `json:"sessions"`    // of encoders, of all programs; -1: unknown
	Throttled   string `json:"throttled"`   // why it is slower than it could be: "heat", "power" or empty
}

// gpusSeldom is how often a page is told that asks for it while none can be read.
const gpusSeldom = 30 * time.Second

// watchGPUs says whether the page wants to know how the GPUs are.
func (s *socket) watchGPUs(on bool) {
	select { // the newest counts
	case <-s.gpus:
	default:
	}
	s.gpus <- on
}

// tellGPUs tells how the GPUs are while the page wants to know.
func (s *socket) tellGPUs(ctx context.Context) {
	timer := time.NewTimer(s.h.pace.gpus)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case on := <-s.gpus:
			timer.Stop()
			if !on {
				continue
			}
		case <-timer.C:
		}
		pause := gpusSeldom
		if gpus := s.h.cfg.GPUs(ctx); len(gpus) > 0 && ctx.Err() == nil {
			if data, err := marshal(Message{Type: "gpus", GPUs: gpus}); err == nil {
				s.offer(packet{websocket.TextMessage, data})
			}
			pause = s.h.pace.gpus
		}
		timer.Reset(pause)
	}
}
