package session

import (
	"slices"

	"lucarne/encode"
)

// Withhold has fan-outs serve nobody, and their codecs not told, until they are
// offered.
func (s *Session) Withhold(fanouts ...*encode.Fanout) { s.withhold(fanouts, true) }

// Offer has fan-outs that were withheld serve those whom they serve best.
func (s *Session) Offer(fanouts ...*encode.Fanout) { s.withhold(fanouts, false) }

func (s *Session) withhold(fanouts []*encode.Fanout, withheld bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.supplies {
		if slices.Contains(fanouts, c.fanout) {
			c.withheld = withheld
		}
	}
	s.reseat()
	ring(s.supplied)
}

// SetGPU has viewers told, by their Encoding, whether there is a GPU that encodes.
func (s *Session) SetGPU(gpu encode.GPU) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gpu = gpu
	for _, v := range s.viewers {
		v.ring()
	}
}
