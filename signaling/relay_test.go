package signaling

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/wsmedia"
)

// relay is a proxy of the kind that takes all that it is given and sends it on
// over a slow link.
type relay struct {
	mu      sync.Mutex
	more    *sync.Cond
	queue   [][]byte
	backlog int
	most    int
	late    time.Duration // at most, in sending on
	ended   bool
}

// startRelay listens in front of a server; what the server sends is passed on at a
// rate, in bits a second, after a delay.
func startRelay(t *testing.T, server string, bps float64, delay time.Duration) (r *relay, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r = &relay{}
	r.more = sync.NewCond(&r.mu)
	var tasks sync.WaitGroup
	var page, back net.Conn
	tasks.Go(func() {
		if page, err = listener.Accept(); err != nil {
			return
		}
		if back, err = net.Dial("tcp", server); err != nil {
			page.Close()
			return
		}
		tasks.Go(func() { io.Copy(back, page); back.Close() })
		tasks.Go(func() { r.fill(back) })
		r.pass(page, bps, delay)
		page.Close()
		back.Close()
	})
	t.Cleanup(func() {
		listener.Close()
		tasks.Wait()
	})
	return r, listener.Addr().String()
}

// fill takes all that the server sends.
func (r *relay) fill(server io.Reader) {
	for {
		buf := make([]byte, 16<<10)
		n, err := server.Read(buf)
		r.mu.Lock()
		r.queue = append(r.queue, buf[:n])
		r.backlog += n
		r.most = max(r.most, r.backlog)
		r.ended = err != nil
		r.mu.Unlock()
		r.more.Signal()
		if err != nil {
			return
		}
	}
}

// pass sends on what has come, at the link's rate.
func (r *relay) pass(page io.Writer, bps float64, delay time.Duration) {
	var free time.Time // when the link is
	for {
		r.mu.Lock()
		for len(r.queue) == 0 && !r.ended {
			r.more.Wait()
		}
		if len(r.queue) == 0 {
			r.mu.Unlock()
			return
		}
		next := r.queue[0]
		r.queue = r.queue[1:]
		r.mu.Unlock()
		if soonest := time.Now().Add(delay); free.Before(soonest) {
			free = soonest
		}
		free = free.Add(time.Duration(float64(len(next)) * 8 / bps * float64(time.Second)))
		time.Sleep(time.Until(free))
		if _, err := page.Write(next); err != nil {
			return
		}
		r.mu.Lock()
		r.late = max(r.late, time.Since(free))
		r.backlog -= len(next)
		r.mu.Unlock()
	}
}

// TestRelay: in a proxy that takes everything nothing queues, because the page's
// answers say how much is on its way. Where the proxy itself has to wait for a
// processor something does: that trial tells nothing.
func TestRelay(t *testing.T) {
	const size, trials = 60_000, 5
	const limit, punctual = 5 * size, 5 * time.Millisecond // 60 pictures a second are 60 times the size
	for range trials {
		var most int
		var late time.Duration
		t.Run("trial", func(t *testing.T) { most, late = relayed(t, size) })
		switch {
		case most <= limit:
			return
		case late < punctual:
			t.Fatalf("%d bytes queued in a proxy that is at most %v late, want %d at most", most, late, limit)
		}
	}
	t.Skip("the machine is too busy")
}

// relayed has a page take pictures of so many bytes by a relay. It returns how many
// bytes queued there at most, and how late it was.
func relayed(t *testing.T, size int) (most int, late time.Duration) {
	const pictures = 30
	s := serve(t, nil)
	s.picture.Store(int64(size))
	r, address := startRelay(t, strings.TrimPrefix(s.URL, "http://"), 20e6, 10*time.Millisecond)
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+address+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &client{t: t, conn: conn}
	stop := make(chan struct{})
	var moving sync.WaitGroup
	moving.Go(func() { // something moves all the time
		for {
			select {
			case <-stop:
				return
			case s.display.damaged <- struct{}{}:
			}
		}
	})
	defer moving.Wait()
	defer close(stop)

	c.send(`{"type":"hello","version":"v1","transport":"ws","codecs":["vp8"]}`)
	for seen := 0; seen < pictures; {
		m, _ := c.binary()
		if m[1]&8 != 0 {
			continue
		}
		seen++
		if got := binary.BigEndian.Uint32(m[4:]); got != uint32(seen) {
			t.Fatalf("picture %d after %d", got, seen-1)
		}
		ack := append([]byte{wsmedia.AcknowledgementType}, m[4:8]...)
		ack = binary.BigEndian.AppendUint32(ack, 0)
		ack = binary.BigEndian.AppendUint32(ack, uint32(time.Now().UnixMicro()))
		if err := conn.WriteMessage(websocket.BinaryMessage, append(ack, 1)); err != nil {
			t.Fatal(err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.most, r.late
}
