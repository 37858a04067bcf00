package link

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a link, runs it, and takes it away when the test ends.
func open(t *testing.T, p Profile) *Link {
	t.Helper()
	if err := Supported(); err != nil {
		t.Skipf("no links here: %v", err)
	}
	l, err := Open(p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return l
}

// sockets returns an unconnected UDP socket at each end.
func sockets(t *testing.T, l *Link) (server, client net.PacketConn) {
	t.Helper()
	listen := func(n *Namespace) net.PacketConn {
		c, err := socket(n)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(30 * time.Second))
		return c
	}
	return listen(l.Server), listen(l.Client)
}

// stats waits until the link has decided on n packets to the client.
func stats(t *testing.T, l *Link, n uint64) Direction {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(ms) {
		s, err := l.Stats()
		if err != nil {
			t.Fatal(err)
		}
		d := s.ToClient
		if d.Packets+d.Dropped+d.Lost+d.Cut == n {
			return d
		}
		if time.Now().After(deadline) {
			t.Fatalf("link has %+v after 20 s; want %d packets", d, n)
		}
	}
}

const ipAndUDP = 28 // bytes of headers

// Datagrams arrive in order and unchanged; which are lost is known beforehand.
func TestDatagrams(t *testing.T) {
	for _, p := range Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			const n, size = 150, 200 // what fits into slow's queue, and into a socket's buffer
			l := open(t, p)
			server, client := sockets(t, l)
			body := make([]byte, size)
			for i := range uint32(n) {
				binary.BigEndian.PutUint32(body, i)
				if _, err := server.WriteTo(body, client.LocalAddr()); err != nil {
					t.Fatal(err)
				}
			}
			// Time takes no part in loss without a queue that is full, so neither
			// does it in what is expected.
			var want []uint32
			model := newLane(p, 0)
			for i := range uint32(n) {
				if _, fate, _ := model.admit(time.Duration(i)*time.Second, size+ipAndUDP); fate == delivered {
					want = append(want, i)
				}
			}
			for _, want := range want {
				k, _, err := client.ReadFrom(body)
				if err != nil {
					t.Fatalf("datagram %d: %v", want, err)
				}
				if got := binary.BigEndian.Uint32(body); k != size || got != want {
					t.Fatalf("received datagram %d of %d bytes; want %d of %d", got, k, want, size)
				}
			}
			s := stats(t, l, n)
			if s.Packets != uint64(len(want)) || s.Lost != uint64(n-len(want)) || s.Dropped != 0 {
				t.Errorf("link says %+v; want %d packets, %d lost", s, len(want), n-len(want))
			}
			if p.Emulated && s.Bytes != s.Packets*(size+ipAndUDP) {
				t.Errorf("link says %d bytes, want %d", s.Bytes, s.Packets*(size+ipAndUDP))
			}
		})
	}
}

// A round trip takes twice the delay at least.
func TestRoundTrip(t *testing.T) {
	for _, p := range Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			p.Loss = 0
			l := open(t, p)
			server, client := sockets(t, l)
			body := make([]byte, 1)
			for range 10 {
				start := time.Now()
				if _, err := client.WriteTo(body, server.LocalAddr()); err != nil {
					t.Fatal(err)
				}
				_, from, err := server.ReadFrom(body)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := server.WriteTo(body, from); err != nil {
					t.Fatal(err)
				}
				if _, _, err := client.ReadFrom(body); err != nil {
					t.Fatal(err)
				}
				rtt := time.Since(start)
				if rtt < 2*p.Delay {
					t.Errorf("round trip in %v; the link is %v long", rtt, p.Delay)
				}
			}
		})
	}
}

// A stream arrives byte by byte as it was sent, and its first and last bytes lie
// as far apart as the rate says, at least.
func TestStream(t *testing.T) {
	for _, p := range Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			size := max(1<<20, p.Bps/8)
			if p.Loss > 0 {
				size = 200_000 // TCP is slow here
			}
			l := open(t, p)
			listener, err := l.Server.Listen("tcp", net.JoinHostPort(serverAddr, "0"))
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			sent := make(chan [sha256.Size]byte, 1)
			go func() {
				body := make([]byte, size)
				rand.NewChaCha8([32]byte{}).Read(body)
				if c, err := listener.Accept(); err == nil {
					c.Write(body)
					c.Close()
				}
				sent <- sha256.Sum256(body)
			}()
			c, err := l.Client.Dial(t.Context(), "tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(60 * time.Second))
			start := time.Now()
			body, err := io.ReadAll(c)
			took := time.Since(start)
			if err != nil || len(body) != size {
				t.Fatalf("received %d bytes, %v; want %d", len(body), err, size)
			}
			if sha256.Sum256(body) != <-sent {
				t.Error("received other bytes than were sent")
			}
			s, err := l.Stats()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%.1f Mbit/s in %v, CPU %v, %+v", float64(size)*8/took.Seconds()/1e6, took, s.CPU, s.ToClient)
			if s.ToClient.MaxQueue > p.Queue {
				t.Errorf("queue was up to %v, want at most %v", s.ToClient.MaxQueue, p.Queue)
			}
			if s.ToClient.Bytes < uint64(size) {
				t.Errorf("link says %d bytes, want %d at least", s.ToClient.Bytes, size)
			}
		})
	}
}

// What does not fit into the queue is dropped, all of it at the tail.
func TestQueueOverflows(t *testing.T) {
	const n, size = 200, 1000
	p := Profile{Bps: 80_000, Queue: time.Second, Emulated: true} // 10 kB fit
	l := open(t, p)
	server, client := sockets(t, l)
	body := make([]byte, size-ipAndUDP)
	for i := range uint32(n) {
		binary.BigEndian.PutUint32(body, i)
		if _, err := server.WriteTo(body, client.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	s := stats(t, l, n)
	if s.Packets < 10 || s.Dropped == 0 || s.MaxQueue > p.Queue || s.MaxQueue < p.Queue-100*ms {
		t.Errorf("link says %+v; want 10 packets at least, the others dropped, and a full queue", s)
	}
	for i := range uint32(10) {
		if _, _, err := client.ReadFrom(body); err != nil {
			t.Fatal(err)
		}
		if got := binary.BigEndian.Uint32(body); got != i {
			t.Errorf("received datagram %d, want %d", got, i)
		}
	}
}

// A cut is silent: sending works, nothing arrives, and then all is as before.
func TestCut(t *testing.T) {
	for _, name := range []string{"lan", "wan"} {
		t.Run(name, func(t *testing.T) {
			p, _ := Lookup(name)
			l := open(t, p)
			server, client := sockets(t, l)
			body := make([]byte, 100)
			for i, cut := range []bool{true, false, true, false} {
				if err := l.Cut(cut); err != nil {
					t.Fatal(err)
				}
				body[0] = byte(i)
				if _, err := server.WriteTo(body, client.LocalAddr()); err != nil {
					t.Fatalf("send, cut %v: %v", cut, err)
				}
				s := stats(t, l, uint64(i+1))
				if want := uint64(i+2) / 2; s.Cut != want {
					t.Errorf("cut %d packets, want %d", s.Cut, want)
				}
				if cut {
					continue
				}
				if _, _, err := client.ReadFrom(body); err != nil || body[0] != byte(i) {
					t.Errorf("received datagram %d, %v; want %d", body[0], err, i)
				}
			}
		})
	}
}

func TestStart(t *testing.T) {
	l := open(t, Profile{Name: "lan"})
	for _, n := range []*Namespace{l.Server, l.Client} {
		var out bytes.Buffer
		cmd := exec.Command("cat", "/proc/net/dev")
		cmd.Stdout = &out
		if err := n.Start(cmd); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), device) {
			t.Errorf("the command sees these devices:\n%s\nwant %s among them", &out, device)
		}
	}
	here, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(here), device+":") {
		t.Errorf("this process sees %s, too", device)
	}
}

// Nothing is left of a link: no file descriptor, and with it no namespace and no
// device.
func TestCloseLeavesNothing(t *testing.T) {
	if err := Supported(); err != nil {
		t.Skipf("no links here: %v", err)
	}
	before := descriptors(t)
	for _, p := range Profiles()[:2] {
		l, err := Open(p)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- l.Run(context.Background()) }()
		for range 2 {
			if err := l.Close(); err != nil {
				t.Errorf("%s: Close: %v", p.Name, err)
			}
		}
		<-done // an error if it came after Close
		if err := l.Run(context.Background()); err == nil {
			t.Errorf("%s: Run after Close: no error", p.Name)
		}
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d file descriptors open, want %d as before", after, before)
	}
	devices, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range devices {
		if d.Name == device {
			t.Errorf("%s has been left here", device)
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

func TestOpenRefuses(t *testing.T) {
	for _, p := range []Profile{
		{Name: "delay", Delay: -1},
		{Name: "rate", Bps: -1},
		{Name: "loss", Loss: 1.5},
	} {
		l, err := Open(p)
		if err == nil {
			l.Close()
			t.Errorf("Open(%+v): no error", p)
		} else if !strings.Contains(err.Error(), p.Name) {
			t.Errorf("Open(%+v): %v; want it to name the profile", p, err)
		}
	}
}

// A thread that has been in a namespace is back when others use it.
func TestDoGoesBack(t *testing.T) {
	l := open(t, Profile{})
	refused := errors.New("refused")
	for range 20 {
		if err := l.Client.Do(func() error { return refused }); !errors.Is(err, refused) {
			t.Errorf("Do: %v, want %v", err, refused)
		}
		devices, err := os.ReadFile("/proc/thread-self/net/dev")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(devices), device+":") {
			t.Fatal("another goroutine runs in the namespace")
		}
	}
}
