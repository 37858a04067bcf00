package link

import (
	"bytes"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// ends returns a forwarder between two pairs of sockets, which keep the bounds
// of packets as TUN devices do, and the sockets to send by and to receive from.
func ends(tb testing.TB, p Profile) (f *forwarder, send, receive int) {
	tb.Helper()
	var fds [4]int
	for i := 0; i < 4; i += 2 {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			tb.Fatal(err)
		}
		fds[i], fds[i+1] = pair[0], pair[1]
	}
	tb.Cleanup(func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	})
	return newForwarder(p, 0, fds[1], fds[2], new(atomic.Bool)), fds[0], fds[3]
}

// ipPacket returns an IPv4 packet to a destination that begins with a byte.
func ipPacket(first byte, size int) []byte {
	p := make([]byte, size)
	p[0], p[16] = 0x45, first
	return p
}

// carry sends a packet through the forwarder and returns how much came out.
func carry(tb testing.TB, f *forwarder, send, receive int, packet, out []byte) int {
	if _, err := unix.Write(send, packet); err != nil {
		tb.Fatal(err)
	}
	if err := f.receive(); err != nil {
		tb.Fatal(err)
	}
	if err := f.deliver(); err != nil {
		tb.Fatal(err)
	}
	n, err := unix.Read(receive, out)
	if err == unix.EAGAIN {
		return 0
	}
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func TestForwarder(t *testing.T) {
	f, send, receive := ends(t, Profile{})
	out := make([]byte, mtu)
	six := append([]byte{0x60}, make([]byte, 59)...)
	group := bytes.Clone(six)
	group[24] = 0xff
	for _, tt := range []struct {
		name   string
		packet []byte
		cut    bool
		passes bool
	}{
		{"IPv4", ipPacket(10, mtu), false, true},
		{"IPv4 multicast", ipPacket(224, 100), false, false},
		{"IPv6", six, false, true},
		{"IPv6 multicast", group, false, false},
		{"neither", []byte{1}, false, true},
		{"cut", ipPacket(10, 100), true, false},
		{"not cut any more", ipPacket(10, 100), false, true},
	} {
		f.cut.Store(tt.cut)
		n := carry(t, f, send, receive, tt.packet, out)
		if got := n > 0; got != tt.passes {
			t.Errorf("%s: passes %v, want %v", tt.name, got, tt.passes)
		} else if got && !bytes.Equal(out[:n], tt.packet) {
			t.Errorf("%s: changed on its way", tt.name)
		}
	}
	want := Direction{Packets: 4, Bytes: mtu + 60 + 1 + 100, Cut: 1}
	if got := f.counters.read(); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// What is on its way when the link is cut does not arrive.
func TestCutTakesWhatIsOnItsWay(t *testing.T) {
	f, send, receive := ends(t, Profile{Delay: 1})
	if _, err := unix.Write(send, ipPacket(10, 100)); err != nil {
		t.Fatal(err)
	}
	if err := f.receive(); err != nil {
		t.Fatal(err)
	}
	f.cut.Store(true)
	for f.counters.cut.Load() == 0 { // a nanosecond
		if err := f.deliver(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := unix.Read(receive, make([]byte, mtu)); err != unix.EAGAIN {
		t.Errorf("received %d bytes, %v; want nothing", n, err)
	}
}

func TestForwarderAllocatesNothing(t *testing.T) {
	f, send, receive := ends(t, Profile{Bps: 1e12, Queue: 100 * ms, Loss: 0.01})
	packet, out := ipPacket(10, 1200), make([]byte, mtu)
	if n := testing.AllocsPerRun(1000, func() { carry(t, f, send, receive, packet, out) }); n != 0 {
		t.Errorf("%v allocations a packet, want 0", n)
	}
}

// BenchmarkForwarder includes a write and a read of the benchmark's own.
func BenchmarkForwarder(b *testing.B) {
	f, send, receive := ends(b, Profile{Bps: 1e12, Queue: 100 * ms, Loss: 0.01, Seed: 1})
	packet, out := ipPacket(10, 1200), make([]byte, mtu)
	b.ReportAllocs()
	b.SetBytes(int64(len(packet)))
	for b.Loop() {
		carry(b, f, send, receive, packet, out)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
}
