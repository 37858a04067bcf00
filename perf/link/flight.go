package link

import "time"

const (
	// smallest is the size in bytes that packets are taken to have at least, on
	// average, when memory is set aside for those on their way.
	smallest = 64
	// most is how many packets memory is set aside for at most.
	most = 1 << 15
)

// flight holds the packets that are on their way in one direction, in the order
// in which they arrive. What it holds was set aside at the beginning; memory is
// touched only as far as packets were ever in flight at once.
type flight struct {
	packets [][]byte // by slot, MTU bytes each
	idle    []int    // slots without a packet; the one used last is on top
	ring    []passage
	head, n int
}

// passage is a packet on its way.
type passage struct {
	at    time.Duration // when it arrives
	slot  int
	bytes int
}

// newFlight returns one with room for whatever the profile can have on its way
// at once, within reason. When it is full, packets wait for room in the kernel.
func newFlight(p Profile) *flight {
	longest := p.Queue + p.Delay + p.Jitter
	room := min(most, backlog+int(float64(p.Bps)/8*longest.Seconds()/smallest))
	f := &flight{packets: make([][]byte, room), idle: make([]int, room), ring: make([]passage, room)}
	all := make([]byte, room*mtu)
	for i := range room {
		f.packets[i] = all[i*mtu : (i+1)*mtu : (i+1)*mtu]
		f.idle[i] = room - 1 - i
	}
	return f
}

// full says whether there is no room for another packet.
func (f *flight) full() bool { return len(f.idle) == 0 }

// next returns where to put the next packet; there must be room.
func (f *flight) next() []byte { return f.packets[f.idle[len(f.idle)-1]] }

// push sends what was put into next on its way.
func (f *flight) push(at time.Duration, bytes int) {
	top := len(f.idle) - 1
	f.ring[(f.head+f.n)%len(f.ring)] = passage{at, f.idle[top], bytes}
	f.idle = f.idle[:top]
	f.n++
}

// first returns when the first packet arrives; ok is false if there is none.
func (f *flight) first() (at time.Duration, ok bool) {
	if f.n == 0 {
		return 0, false
	}
	return f.ring[f.head].at, true
}

// pop takes the first packet out. It is valid until the next push.
func (f *flight) pop() []byte {
	p := f.ring[f.head]
	f.head = (f.head + 1) % len(f.ring)
	f.n--
	f.idle = append(f.idle, p.slot)
	return f.packets[p.slot][:p.bytes]
}
