package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// relay is the network between the browser and the agent: a TCP port for the
// page and its WebSocket, and a UDP port for each of the agent's candidates.
// Frozen, it holds TCP back and drops UDP, as a link does that stands still.
type relay struct {
	d       *desk
	address string

	mu   sync.Mutex
	gate chan struct{} // closed while the link works
	hole chan struct{} // closed when the TCP connections of now lead nowhere

	deaf atomic.Bool // UDP is dropped
}

// candidatesScript sends all media through the relay: the agent's UDP candidates
// are replaced by the relay's ports, as soon as the test has opened them, and the
// browser's own candidates are kept from the agent.
const candidatesScript = `window.wanted = [];
window.relayed = {};
const add = RTCPeerConnection.prototype.addIceCandidate;
RTCPeerConnection.prototype.addIceCandidate = async function (candidate) {
  const parts = (candidate?.candidate || "").split(" ");
  if (parts.length < 6 || parts[2].toLowerCase() !== "udp" || parts[4].includes(":")) return;
  const to = parts[4] + " " + parts[5];
  wanted.push(to);
  while (!relayed[to]) await new Promise(resolve => setTimeout(resolve, 10));
  parts[4] = "127.0.0.1";
  parts[5] = relayed[to];
  return add.call(this, { ...candidate, candidate: parts.join(" ") });
};
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (typeof data === "string" && data.startsWith('{"type":"candidate"')) return;
  return send.call(this, data);
};`

func newRelay(d *desk) *relay {
	d.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	d.check(err)
	r := &relay{d: d, address: l.Addr().String(), gate: make(chan struct{}), hole: make(chan struct{})}
	close(r.gate)
	d.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			browser, err := l.Accept()
			if err != nil {
				return
			}
			agent, err := net.Dial("tcp", d.agent.address)
			if err != nil {
				browser.Close()
				continue
			}
			d.t.Cleanup(func() { browser.Close(); agent.Close() })
			hole := r.where()
			go r.pump(agent, browser, hole)
			go r.pump(browser, agent, hole)
		}
	}()
	return r
}

// pump copies bytes while the link works, until either side ends. In the hole
// nothing arrives, not even that the other side has ended.
func (r *relay) pump(to, from net.Conn, hole chan struct{}) {
	for buf := make([]byte, 32<<10); ; {
		n, err := from.Read(buf)
		<-r.link()
		select {
		case <-hole:
			if err != nil {
				return
			}
			continue
		default:
		}
		if err != nil {
			to.Close()
			from.Close()
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (r *relay) link() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gate
}

func (r *relay) where() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hole
}

// lose makes the TCP connections of now lead nowhere, as a proxy does that has
// forgotten them; new ones work.
func (r *relay) lose() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.hole)
	r.hole = make(chan struct{})
}

func (r *relay) freeze() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate = make(chan struct{})
}

func (r *relay) thaw() { close(r.link()) }

// works says whether datagrams pass.
func (r *relay) works() bool {
	if r.deaf.Load() {
		return false
	}
	select {
	case <-r.link():
		return true
	default:
		return false
	}
}

// open opens the page with all its traffic through the relay.
func (r *relay) open() *tab { return r.openBy("webrtc") }

// openBy is open for a page that is bound to a path, or to none.
func (r *relay) openBy(transport string) *tab {
	r.d.t.Helper()
	page := r.d.load(r.d.browser, "http://"+r.address+"/?resize=off&transport="+transport, candidatesScript)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.relayCandidates(page, stop)
	}()
	r.d.t.Cleanup(func() {
		close(stop)
		<-done
	})
	page.picture()
	return page
}

// relayCandidates opens a port for each candidate that the page has heard of.
func (r *relay) relayCandidates(page *tab, stop chan struct{}) {
	known := map[string]bool{}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		var wanted []string
		if page.Eval(r.d.ctx, "wanted", &wanted) != nil {
			return // the page has gone
		}
		for _, to := range wanted {
			if known[to] {
				continue
			}
			known[to] = true
			target, err := netip.ParseAddrPort(strings.ReplaceAll(to, " ", ":"))
			if err != nil {
				continue
			}
			port, err := r.udp(target, stop)
			if err != nil || page.Eval(r.d.ctx, fmt.Sprintf("relayed[%q] = %d", to, port), nil) != nil {
				return
			}
		}
	}
}

// udp relays datagrams between whoever sends to the port and a candidate.
func (r *relay) udp(target netip.AddrPort, stop chan struct{}) (port int, err error) {
	front, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		return 0, err
	}
	go func() {
		<-stop
		front.Close()
	}()
	go func() {
		backs := map[netip.AddrPort]*net.UDPConn{}
		defer func() {
			for _, back := range backs {
				back.Close()
			}
		}()
		for buf := make([]byte, 2048); ; {
			n, from, err := front.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if !r.works() {
				continue
			}
			if backs[from] == nil {
				back, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(target))
				if err != nil {
					return
				}
				backs[from] = back
				go r.answer(front, back, from)
			}
			backs[from].Write(buf[:n]) // lost like any datagram
		}
	}()
	return front.LocalAddr().(*net.UDPAddr).Port, nil
}

// answer relays a candidate's datagrams back.
func (r *relay) answer(front, back *net.UDPConn, to netip.AddrPort) {
	for buf := make([]byte, 2048); ; {
		n, err := back.Read(buf)
		if err != nil {
			return
		}
		if r.works() {
			front.WriteToUDPAddrPort(buf[:n], to) // lost like any datagram
		}
	}
}
