package access

import "sync/atomic"

// Stats are how often somebody was not let in since a Gate was made.
type Stats struct {
	Wrong uint64 // credentials, or people whom the hub does not know
	Early uint64 // tries that came before the pause after wrong ones was over
}

// refusals counts them.
type refusals struct{ wrong, early atomic.Uint64 }

// Stats returns the statistics so far.
func (g *Gate) Stats() Stats {
	return Stats{Wrong: g.refused.wrong.Load(), Early: g.refused.early.Load()}
}
