package link

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// forwarder carries packets from one TUN device to another, in one direction.
type forwarder struct {
	from, to int // file descriptors, not blocking
	cut      *atomic.Bool
	lane     *lane
	flight   *flight
	start    time.Time // what the lane's times count from
	counters counters
	cpu      threadClock
	timeout  unix.Timespec
}

func newForwarder(p Profile, direction uint64, from, to int, cut *atomic.Bool) *forwarder {
	return &forwarder{
		from: from, to: to, cut: cut,
		lane: newLane(p, direction), flight: newFlight(p), start: time.Now(),
	}
}

// run forwards until the file descriptor stop can be read.
//
// It has a thread of its own: its CPU time is asked for, the kernel otherwise lets
// a timer be late by 50 µs, and a link must not become longer when browsers and
// encoders take every core. Where the kernel refuses it real-time priority it
// does without.
func (f *forwarder) run(stop int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("link: set timer slack: %w", err)
	}
	defer unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // 0: the default again
	prioritize(unix.SCHED_FIFO, 1)
	defer prioritize(unix.SCHED_NORMAL, 0)
	f.cpu.begin()
	defer f.cpu.end()

	fds := []unix.PollFd{{Fd: int32(stop), Events: unix.POLLIN}, {Fd: int32(f.from)}}
	for {
		if err := f.wait(fds); err != nil {
			return err
		}
		if fds[0].Revents != 0 {
			return nil
		}
		if fds[1].Revents != 0 {
			if err := f.receive(); err != nil {
				return err
			}
		}
		if err := f.deliver(); err != nil {
			return err
		}
	}
}

// prioritize sets this thread's scheduling (sched(7)), if that is allowed.
func prioritize(policy, priority uint32) {
	unix.SchedSetAttr(0, &unix.SchedAttr{
		Size:     unix.SizeofSchedAttr,
		Policy:   policy,
		Priority: priority,
		Flags:    unix.SCHED_FLAG_RESET_ON_FORK,
	}, 0)
}

// wait returns when a packet has come, one is to arrive, or it is time to stop.
func (f *forwarder) wait(fds []unix.PollFd) error {
	fds[1].Events = unix.POLLIN
	if f.flight.full() {
		fds[1].Events = 0
	}
	var timeout *unix.Timespec
	if at, ok := f.flight.first(); ok {
		f.timeout = unix.NsecToTimespec(int64(max(0, at-time.Since(f.start))))
		timeout = &f.timeout
	}
	fds[0].Revents, fds[1].Revents = 0, 0
	if _, err := unix.Ppoll(fds, timeout, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("link: wait for packets: %w", err)
	}
	return nil
}

// receive takes in the packets that have come.
func (f *forwarder) receive() error {
	for !f.flight.full() {
		packet := f.flight.next()
		n, err := unix.Read(f.from, packet)
		switch {
		case err == unix.EAGAIN:
			return nil
		case err == unix.EINTR:
			continue
		case err != nil:
			return fmt.Errorf("link: read packet: %w", err)
		}
		f.admit(packet[:n])
	}
	return nil
}

func (f *forwarder) admit(packet []byte) {
	if multicast(packet) {
		return
	}
	if f.cut.Load() {
		f.counters.cut.Add(1)
		return
	}
	at, fate, queue := f.lane.admit(time.Since(f.start), len(packet))
	f.counters.maxQueue.Store(max(f.counters.maxQueue.Load(), int64(queue)))
	switch fate {
	case dropped:
		f.counters.dropped.Add(1)
	case lost:
		f.counters.lost.Add(1)
	case delivered:
		f.flight.push(at, len(packet))
	}
}

// deliver hands over the packets whose time has come.
func (f *forwarder) deliver() error {
	for {
		at, ok := f.flight.first()
		if !ok || at > time.Since(f.start) {
			return nil
		}
		packet := f.flight.pop()
		if f.cut.Load() {
			f.counters.cut.Add(1)
			continue
		}
		if err := write(f.to, packet); err != nil {
			return fmt.Errorf("link: write packet: %w", err)
		}
		f.counters.packets.Add(1)
		f.counters.bytes.Add(uint64(len(packet)))
	}
}

func write(fd int, packet []byte) error {
	for {
		if _, err := unix.Write(fd, packet); err != unix.EINTR {
			return err
		}
	}
}

// multicast says whether an IP packet is for many. Such packets (router
// solicitations, reports of group membership) stay on their side as they do at a
// router; and they would make the fate of the others depend on the kernel's timers.
func multicast(packet []byte) bool {
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		return packet[16]>>4 == 0xe // 224.0.0.0/4
	case len(packet) >= 40 && packet[0]>>4 == 6:
		return packet[24] == 0xff // ff00::/8
	}
	return false
}

// threadClock tells how much CPU time one thread has used from begin to end.
type threadClock struct {
	mu   sync.Mutex
	tid  int           // 0: not running
	used time.Duration // by what ran before, less what the thread had used at begin
}

func (c *threadClock) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tid = unix.Gettid()
	c.used -= threadTime(c.tid)
}

func (c *threadClock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used += threadTime(c.tid)
	c.tid = 0
}

func (c *threadClock) read() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tid == 0 {
		return c.used
	}
	return c.used + threadTime(c.tid)
}

// threadTime returns the CPU time of a thread of this process. The number of
// its clock is made as pthread_getcpuclockid(3) does.
func threadTime(tid int) time.Duration {
	const perThread, scheduler = 4, 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^tid<<3|perThread|scheduler), &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
