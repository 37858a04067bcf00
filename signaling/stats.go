package signaling

import (
	"sync"

	"lucarne/signaling/access"
	"lucarne/signaling/wsmedia"
)

// Stats are what a handler has sent to all viewers, and whom it has refused, since it was made. Nothing in them
// that counts becomes less.
type Stats struct {
	Sockets  wsmedia.Stats   // sums of the pictures on sockets; how things are now is in Live
	Live     []wsmedia.Stats // of each socket that is open
	VNCBytes uint64          // of RFB
	Refused  access.Stats    // who was not let in
}

// traffic sums up what sockets send.
type traffic struct {
	mu    sync.Mutex
	ended wsmedia.Stats
	live  map[*wsmedia.Video]struct{}
}

// carry counts pictures from now on; the function that it returns ends that.
func (t *traffic) carry(pictures *wsmedia.Video) (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live == nil {
		t.live = make(map[*wsmedia.Video]struct{})
	}
	t.live[pictures] = struct{}{}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.live, pictures)
		t.ended.Merge(pictures.Stats())
	}
}

// Stats returns the statistics so far.
func (h *Handler) Stats() Stats {
	t := &h.traffic
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{Sockets: t.ended, VNCBytes: h.vncBytes.Load(), Refused: h.gate.Stats()}
	for pictures := range t.live {
		one := pictures.Stats()
		s.Sockets.Merge(one)
		s.Live = append(s.Live, one)
	}
	return s
}
