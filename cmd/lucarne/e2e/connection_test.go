package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lucarne/perf/browser"
)

// examine opens the page that checks the connection, and waits for all its findings.
func (d *desk) examine(url string, scripts ...string) *tab {
	d.t.Helper()
	page := d.load(d.browser, url, scripts...)
	page.wait(`document.documentElement.dataset.state === "done"`)
	return page
}

// found is what the page says of a rung.
type found struct{ State, Text string }

func (t *tab) found(rung string) found {
	t.d.t.Helper()
	var f found
	t.d.check(t.Eval(t.d.ctx, fmt.Sprintf(`(li => ({State: li.dataset.state, Text: li.innerText}))(document.querySelector("[data-rung=%s]"))`, rung), &f))
	return f
}

// finds checks the states of rungs, given as "page=ok socket=fail trip=ok|warn", and that one
// of those that fail has words in its text. How evenly round trips go depends on what
// else the machine does: that they are ok is for web/test to say, by a clock of its own.
func (t *tab) finds(states string, words ...string) {
	t.d.t.Helper()
	var said strings.Builder
	for _, pair := range strings.Fields(states) {
		rung, want, _ := strings.Cut(pair, "=")
		got := t.found(rung)
		if !slices.Contains(strings.Split(want, "|"), got.State) {
			t.d.t.Errorf("%s is %s, want %s: %s", rung, got.State, want, got.Text)
		}
		said.WriteString(got.Text)
	}
	for _, w := range words {
		if !strings.Contains(said.String(), w) {
			t.d.t.Errorf("nothing about %q in %q", w, said.String())
		}
	}
}

func (t *tab) reported() string {
	t.d.t.Helper()
	var text string
	t.d.check(t.Eval(t.d.ctx, `document.querySelector("textarea").value`, &text))
	return text
}

// TestConnection: where everything works the page says so with numbers, and its
// report names no machine until it is asked to.
func TestConnection(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "token"}})
	link, fragment, _ := strings.Cut(d.link(), "#")
	page := d.examine(link + "connection?stay=1#" + fragment)
	page.finds("page=ok login=ok secure=ok codecs=ok jpeg=ok socket=ok trip=ok|warn large=ok pictures=ok udp=ok tcp=skip turn=skip clipboard=ok stay=ok",
		"VP8", "host", "--tcp-port")
	page.wait(`/64\sKiB pass, (at [\d.,\s]+\sMbit\/s|too quickly to be timed)\./.test(document.body.textContent)`)
	page.wait(`document.querySelector(".verdict").textContent.includes("UDP")`)
	_, secret, _ := strings.Cut(fragment, "=")
	report := page.reported()
	for _, s := range []string{"127.0.0.1", secret} {
		if strings.Contains(report, s) {
			t.Errorf("the report tells %q:\n%s", s, report)
		}
	}
	d.check(page.Eval(d.ctx, `document.querySelector("input[type=checkbox]").click()`, nil))
	if report := page.reported(); !strings.Contains(report, "127.0.0.1") || strings.Contains(report, secret) {
		t.Errorf("the report with addresses:\n%s", report)
	}
	if !strings.Contains(report, "[ok]   WebRTC over UDP: Connects in ") {
		t.Errorf("the report:\n%s", report)
	}
	d.check(page.Eval(d.ctx, `[...document.querySelectorAll("button")].find(b => b.textContent === "Check again").click()`, nil))
	page.wait(`document.documentElement.dataset.state === "busy"`)
	page.wait(`document.documentElement.dataset.state === "done"`)
	page.finds("socket=ok udp=ok stay=ok")
}

// TestConnectionSignsIn: without a token the page asks for it, and then goes on.
func TestConnectionSignsIn(t *testing.T) {
	d := newDesk(t, setup{lang: "fr", agent: []string{"--auth", "token", "--vnc", "off"}})
	link, fragment, _ := strings.Cut(d.link(), "#")
	page := d.examine(link + "connection?stay=1")
	page.finds("page=ok login=fail socket=skip vnc=skip", "jeton", "Pour l’administrateur")
	d.check(page.Eval(d.ctx, fmt.Sprintf(`document.querySelector("#token").value = %q, document.querySelector("form").requestSubmit()`, strings.TrimPrefix(fragment, "token=")), nil))
	page.wait(`document.documentElement.dataset.state === "done" && document.querySelector("[data-rung=login]").dataset.state === "ok"`)
	page.finds("socket=ok udp=ok vnc=skip", "Désactivé")
}

// between starts a proxy before the agent that treats sockets in a way of its own.
func (d *desk) between(sockets http.HandlerFunc) string {
	d.t.Helper()
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: d.agent.address})
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			sockets(w, r)
			return
		}
		forward.ServeHTTP(w, r)
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	d.check(err)
	go proxy.Serve(l) // until Close
	d.t.Cleanup(func() { proxy.Close() })
	return "http://" + l.Addr().String() + "/"
}

// pump passes a socket on by two functions of the caller's, each of which copies
// until it is done; then both ends are closed.
func (d *desk) pump(toAgent, toPage func(to, from net.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		agent, err := net.Dial("tcp", d.agent.address)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		front, rw, err := w.(http.Hijacker).Hijack()
		if err != nil || r.Write(agent) != nil {
			agent.Close()
			return
		}
		page := &buffered{front, rw.Reader}
		d.t.Cleanup(func() { page.Close(); agent.Close() })
		var both sync.WaitGroup
		both.Go(func() { toAgent(agent, page); agent.Close(); page.Close() })
		both.Go(func() { toPage(page, agent); agent.Close(); page.Close() })
		both.Wait()
	}
}

// buffered is a connection of which a part has been read already.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

func through(to, from net.Conn) { io.Copy(to, from) }

// gather passes on every 150 ms what has come.
func gather(to, from net.Conn) {
	buf := make([]byte, 1<<20)
	for n := 0; ; n = 0 {
		for flush := time.Now().Add(150 * time.Millisecond); ; {
			from.SetReadDeadline(flush)
			m, err := from.Read(buf[n:])
			n += m
			if timeout := (net.Error)(nil); errors.As(err, &timeout) && timeout.Timeout() || n == len(buf) {
				break
			}
			if err != nil {
				to.Write(buf[:n])
				return
			}
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// answerOnly passes the answer to the request on, and nothing after it.
func answerOnly(to, from net.Conn) {
	head := bufio.NewReader(from)
	for {
		line, err := head.ReadString('\n')
		if _, failed := io.WriteString(to, line); err != nil || failed != nil {
			return
		}
		if line == "\r\n" {
			io.Copy(io.Discard, head)
			return
		}
	}
}

// TestConnectionBehindBadProxies puts proxies of all kinds before the agent: the
// rung that meets the fault fails, and the advice names the remedy.
func TestConnectionBehindBadProxies(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "token"}})
	owner := d.load(d.browser, d.link())
	owner.wait(`document.documentElement.dataset.state === "connected"`)
	var key string
	d.check(owner.Eval(d.ctx, `"#key=" + history.state.lucarne.key`, &key)) // its cookie knows no port
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: d.agent.address})
	for _, c := range []struct {
		name    string
		sockets http.HandlerFunc
		states  string
		advice  string
	}{
		{"strips Upgrade", func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Upgrade")
			forward.ServeHTTP(w, r)
		}, "page=ok login=ok socket=fail trip=skip pictures=skip udp=skip turn=skip stay=skip", "proxy_http_version"},
		{"does not reach it", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
		}, "page=ok socket=fail udp=skip", "502"},
		{"holds back", d.pump(through, answerOnly), "socket=fail trip=skip", "buffer"},
		{"gathers", d.pump(through, gather), "socket=ok trip=warn large=ok pictures=ok", "tcp_nodelay"},
		{"cuts what is large", d.pump(func(to, from net.Conn) { io.CopyN(to, from, 60<<10) }, through),
			"socket=ok trip=ok|warn large=fail pictures=skip", "1 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := *d
			d.t = t
			page := d.examine(d.between(c.sockets) + "connection?stay=1" + key)
			page.finds(c.states, c.advice)
		})
	}
	t.Run("another name", func(t *testing.T) {
		d := *d
		d.t = t
		proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Host = "inside.example"
			forward.ServeHTTP(w, r)
		})}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		d.check(err)
		go proxy.Serve(l) // until Close
		t.Cleanup(func() { proxy.Close() })
		d.examine("http://"+l.Addr().String()+"/connection?stay=1"+key).finds("page=ok login=ok socket=fail", "proxy_set_header Host")
	})
	t.Run("cuts", func(t *testing.T) {
		d := *d
		d.t = t
		cut := make(chan struct{})
		page := d.load(d.browser, d.between(d.pump(func(to, from net.Conn) {
			go func() {
				<-cut
				from.Close()
			}()
			through(to, from)
		}, through))+"connection?stay=600"+key)
		page.wait(`document.querySelector("[data-rung=stay]").dataset.state === "busy"`)
		close(cut)
		page.wait(`document.documentElement.dataset.state === "done"`)
		page.finds("socket=ok stay=fail", "proxy_read_timeout")
	})
}

// TestConnectionBehindNginx: as Debian's nginx passes things on when nobody has
// thought of WebSockets.
func TestConnectionBehindNginx(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed")
	}
	const base = "/user/alice/desktop/"
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--base-path", base}})
	for _, c := range []struct{ name, address, states, advice string }{
		{"without upgrade", serveByNginx(t, fmt.Sprintf("location %s { proxy_pass http://%s; proxy_set_header Host $http_host; }", base, d.agent.address)),
			"page=ok login=ok socket=fail udp=skip", "proxy_set_header Upgrade"},
		{"with it", startNginx(t, base, "http://"+d.agent.address), "page=ok login=ok socket=ok trip=ok|warn pictures=ok udp=ok stay=ok", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := *d
			d.t = t
			d.examine("http://"+c.address+base+"connection?stay=1").finds(c.states, c.advice)
		})
	}
}

// astrayScript sends what the browser sends by UDP to a port where nobody is, and
// keeps the browser's own candidates from the agent.
const astrayScript = `const add = RTCPeerConnection.prototype.addIceCandidate;
RTCPeerConnection.prototype.addIceCandidate = function (init) {
  const parts = init.candidate.split(" ");
  parts[5] = "9";
  return add.call(this, { ...init, candidate: parts.join(" ") });
};
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (typeof data !== "string" || !data.startsWith('{"type":"candidate"')) send.call(this, data);
};`

// TestConnectionWithoutUDP: the page says what the network takes away, and what is left.
func TestConnectionWithoutUDP(t *testing.T) {
	d := newDesk(t, setup{})
	page := d.examine(d.url("connection?stay=1"), astrayScript)
	page.finds("pictures=ok udp=fail", "--udp-port")
	page.wait(`document.querySelector(".verdict").textContent.includes("own connection")`)
	again := d.examine(d.url("connection?stay=1"), "delete window.RTCPeerConnection")
	again.finds("pictures=ok udp=fail tcp=fail", "has no WebRTC")
}

// TestConnectionByTCP: a port for ICE-TCP is found and measured.
func TestConnectionByTCP(t *testing.T) {
	_, port, _ := strings.Cut(freeAddress(t), ":")
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--tcp-port", port}})
	d.examine(d.url("connection?stay=1")).finds("udp=ok tcp=ok", "Round trip")
}

// TestConnectionWithoutTLS: by plain HTTP there is neither WebCodecs nor a clipboard.
func TestConnectionWithoutTLS(t *testing.T) {
	const host = "desk.example"
	d := newDesk(t, setup{
		agent: []string{"--auth", "none", "--allowed-host", host, "--vnc", "unix:/nonexistent"},
		args:  []string{"--host-resolver-rules=MAP " + host + " 127.0.0.1"},
	})
	_, port, _ := strings.Cut(d.agent.address, ":")
	page := d.examine("http://" + host + ":" + port + "/connection?stay=1")
	page.finds("secure=warn codecs=warn jpeg=ok socket=ok pictures=ok vnc=fail clipboard=warn", "--tls-cert", "x11vnc")
	d.check(page.Click(d.ctx, page.middle(".report button"), browser.Left))
	page.wait(`document.querySelector(".report .note").textContent === "Copied"`)
}

// middle returns the middle of an element, which is scrolled to, in CSS pixels.
func (t *tab) middle(selector string) image.Point {
	t.d.t.Helper()
	var at struct{ X, Y float64 }
	t.d.check(t.Eval(t.d.ctx, fmt.Sprintf(`(e => { e.scrollIntoView(); const b = e.getBoundingClientRect();
		return {X: b.x + b.width / 2, Y: b.y + b.height / 2}; })(document.querySelector(%q))`, selector), &at))
	return image.Pt(int(at.X), int(at.Y))
}
