package main

import (
	"context"
	"sync"

	"lucarne/signaling/peer"
)

// traffic sums up what goes by WebRTC, that of viewers who have left included. The zero
// value is ready for use.
type traffic struct {
	mu    sync.Mutex
	ended peer.Stats
	live  map[*peer.Peer]struct{}
}

// counted is a peer whose traffic is summed up while it runs, and after.
type counted struct {
	*peer.Peer
	traffic *traffic
}

// Run is the peer's.
func (c counted) Run(ctx context.Context) error {
	c.traffic.begin(c.Peer)
	defer c.traffic.end(c.Peer)
	return c.Peer.Run(ctx)
}

func (t *traffic) begin(p *peer.Peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live == nil {
		t.live = make(map[*peer.Peer]struct{})
	}
	t.live[p] = struct{}{}
}

func (t *traffic) end(p *peer.Peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, p)
	t.ended.Merge(p.Stats())
}

// stats returns the sum, and the statistics of each peer that runs.
func (t *traffic) stats() (sum peer.Stats, live []peer.Stats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum = t.ended
	for p := range t.live {
		one := p.Stats()
		sum.Merge(one)
		live = append(live, one)
	}
	return sum, live
}
