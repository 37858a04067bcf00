package link

import (
	"slices"
	"time"
)

// Profile is what a link is like. It is the same in both directions, which are
// independent of each other.
type Profile struct {
	Name string
	// Delay is one way, in addition to the time that a packet takes to be sent
	// at Bps and to wait in the queue.
	Delay time.Duration
	// Jitter is added to Delay, evenly distributed from 0 up to this and drawn
	// anew each time this long has passed. A packet never overtakes an earlier one:
	// after a longer way the next ones arrive at once.
	Jitter time.Duration
	// Bps is the rate in bits a second, of IP packets with their headers; 0: as
	// fast as the machine is.
	Bps int
	// Loss is the probability with which a packet is lost after it has taken its
	// share of the rate, 0 to 1.
	Loss float64
	// Queue is how much may wait, as the time that sending it takes at Bps. A
	// packet that does not fit is dropped.
	Queue time.Duration
	// Seed of loss and jitter: of the packets that the queue takes in, the same
	// are lost each time, and jitter is the same at the same time.
	Seed uint64
	// Emulated: packets pass through Link.Run, as everything above but Name
	// needs. false: a bare veth pair, which the rest does not concern.
	Emulated bool
}

// Profiles returns the named profiles: lan is a bare veth pair, the others are
// emulated.
func Profiles() []Profile {
	const queue, seed = 100 * time.Millisecond, 1
	return []Profile{
		{Name: "lan"},
		{Name: "wan", Delay: 20 * time.Millisecond, Bps: 20e6, Queue: queue, Seed: seed, Emulated: true},
		{Name: "slow", Delay: 40 * time.Millisecond, Bps: 4e6, Queue: queue, Seed: seed, Emulated: true},
		{Name: "wifi", Delay: 5 * time.Millisecond, Jitter: 15 * time.Millisecond, Bps: 30e6, Loss: 0.01,
			Queue: queue, Seed: seed, Emulated: true},
		{Name: "lossy", Delay: 20 * time.Millisecond, Bps: 20e6, Loss: 0.05, Queue: queue, Seed: seed, Emulated: true},
	}
}

// Lookup returns the named profile, if there is one.
func Lookup(name string) (Profile, bool) {
	all := Profiles()
	i := slices.IndexFunc(all, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, false
	}
	return all[i], true
}
