package perf

import (
	"slices"
)

// turn is one scenario on one peer in one repetition.
type turn struct {
	repetition int // from 1
	scenario   scenario
	peer       string
}

// contender is a peer as far as the order of turns goes.
type contender struct {
	name  string
	kinds kind // what it can do
}

// turns are what is measured on one link, in order. The peers of one repetition
// of a scenario follow one another, so that they meet the same machine; each
// repetition has them in the reverse order of the one before, so that none is
// always the one that finds it warm.
func turns(scenarios []scenario, peers []contender, repetitions int) []turn {
	var all []turn
	for repetition := 1; repetition <= repetitions; repetition++ {
		order := slices.Clone(peers)
		if repetition%2 == 0 {
			slices.Reverse(order)
		}
		for _, s := range scenarios {
			if s.once && repetition > 1 {
				continue
			}
			for _, p := range order {
				if s.needs&^p.kinds == 0 {
					all = append(all, turn{repetition, s, p.name})
				}
			}
		}
	}
	return all
}
