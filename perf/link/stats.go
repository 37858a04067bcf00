package link

import (
	"sync/atomic"
	"time"
)

// Stats is what a link has carried since it was opened.
type Stats struct {
	ToClient, ToServer Direction
	// CPU is the time that the emulator's threads have used. It includes what the
	// kernel does in their name for the receiver of a packet. 0 for a bare pair.
	CPU time.Duration
}

// Direction is one direction's part in Stats. Multicast is not counted: no
// emulated link carries it. On a bare pair a packet is what the kernel hands
// over at once, which may be many segments of TCP.
type Direction struct {
	Packets uint64 // delivered
	Bytes   uint64 // delivered, IP headers included; on a bare pair those of Ethernet, too
	Dropped uint64 // packets that the queue had no room for
	Lost    uint64 // packets lost by chance
	Cut     uint64 // packets that met a cut
	// MaxQueue is the longest that the queue was, as the time that sending it takes.
	MaxQueue time.Duration
}

// counters are a Direction while it is written. One thread writes, any reads.
type counters struct {
	packets, bytes, dropped, lost, cut atomic.Uint64
	maxQueue                           atomic.Int64
}

func (c *counters) read() Direction {
	return Direction{
		Packets:  c.packets.Load(),
		Bytes:    c.bytes.Load(),
		Dropped:  c.dropped.Load(),
		Lost:     c.lost.Load(),
		Cut:      c.cut.Load(),
		MaxQueue: time.Duration(c.maxQueue.Load()),
	}
}
