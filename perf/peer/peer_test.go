package peer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/capture/display"
	"lucarne/perf/cost"
	"lucarne/perf/xclient"
)

func TestPeer(t *testing.T) {
	needs(t, "Xvfb", "setsid")
	t.Setenv("NB_PREFIX", "/must/not/be/inherited")
	p := launch(t, fake("stray"), Config{Size: image.Pt(640, 400)})
	if p.Name() != "fake" || p.Version() != "fake 1.0" {
		t.Errorf("%q, version %q", p.Name(), p.Version())
	}
	fields := strings.Fields(get(t, p.URL("a=1", "b=2")))
	if len(fields) != 4 || fields[1] != p.Display() || fields[2] != p.dir || fields[3] != "a=1&b=2" {
		t.Fatalf("page %q, want the display %s, the directory %s and the query", fields, p.Display(), p.dir)
	}
	first, _ := strconv.Atoi(fields[0])
	if got := p.Carriers(); !slices.Equal(got, []int{first}) {
		t.Errorf("carriers %v, want [%d]", got, first)
	}
	if got := p.Everyone(); len(got) != 2 || got[0] != first {
		t.Errorf("everyone %v, want %d and the X server", got, first)
	}

	t.Setenv("XAUTHORITY", "") // restored after the test
	if err := p.Enter(); err != nil {
		t.Fatal(err)
	}
	w, err := xclient.Open(p.Display(), image.Rect(0, 0, 10, 10), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if size, err := w.ScreenSize(); err != nil || size != image.Pt(640, 400) {
		t.Errorf("screen %v, %v; want 640×400", size, err)
	}

	strays := living(p.agents[0].mark)
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := strings.Fields(get(t, p.URL()))[0]; again == fields[0] {
		t.Errorf("process %s as before, want another one", again)
	}
	for _, pid := range strays {
		if slices.Contains(living(p.guard.mark), pid) {
			t.Errorf("process %d of %v outlives the restart", pid, strays)
		}
	}
	if err := w.Sync(); err != nil {
		t.Errorf("the X server after the restart: %v", err)
	}
	w.Close()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Restart(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Restart after Close: %v, want %v", err, os.ErrClosed)
	}
}

func TestErr(t *testing.T) {
	needs(t, "Xvfb")
	p := launch(t, fake("short-lived"), Config{})
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	get(t, p.URL("end"))
	var err error
	for deadline := time.Now().Add(patienceOfTests); err == nil && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		err = p.Err()
	}
	if err == nil || !strings.Contains(err.Error(), "peer: fake: "+os.Args[0]+" has ended:\n\tenough") {
		t.Errorf("Err = %v, want what the program said", err)
	}
	if _, err := cost.CPU(p.Everyone()...); err != nil {
		t.Errorf("what it used before: %v", err)
	}
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

// TestCloseOfAStubbornProgram, and of a crowd that its parent has left.
func TestCloseOfAStubbornProgram(t *testing.T) {
	needs(t, "Xvfb", "setsid")
	launch(t, fake("stubborn", "stray"), Config{})
}

// TestCloseSparesOthers: what has not been started by the peer lives on.
func TestCloseSparesOthers(t *testing.T) {
	needs(t, "Xvfb")
	other := exec.Command("sleep", "1000")
	other.Env = append(os.Environ(), markName+"=other.1.")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	p := launch(t, fake(), Config{})
	neighbour := launch(t, fake(), Config{})
	p.Close()
	get(t, neighbour.URL())
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Error("a process that is not the peer's was ended")
	}
	other.Process.Kill()
	other.Wait()
}

func TestStartErrors(t *testing.T) {
	needs(t, "Xvfb")
	with := func(change func(*Spec)) Spec {
		s := fake()
		change(&s)
		return s
	}
	for _, c := range []struct {
		name string
		spec Spec
		want []string // parts of the error
	}{
		{"missing program", with(func(s *Spec) {
			s.Command[0][0], s.Needs = "no-such-program", map[string]string{"no-such-program": "apt install it"}
		}), []string{"no-such-program is missing: apt install it"}},
		{"missing file", with(func(s *Spec) { s.Needs = map[string]string{"/no/such/file": "apt install files"} }),
			[]string{"/no/such/file is missing: apt install files"}},
		{"missing and nobody knows", with(func(s *Spec) { s.Command[0][0] = "no-such-program" }), []string{"no-such-program is missing"}},
		{"missing X server", with(func(s *Spec) { s.Server = "Xnone" }), []string{`"Xnone"`}},
		{"program that ends", fake("broken"), []string{os.Args[0] + " has ended", "first words", "last words"}},
		{"program that does not listen", with(func(s *Spec) { s.Command[0] = []string{"sleep", "1000", "{port}"} }),
			[]string{"sleep does not listen at 127.0.0.1:", "and said nothing"}},
		{"X server of its own that ends", with(func(s *Spec) {
			s.Server, s.Command = Own, [][]string{{os.Args[0], "serve", "{port}", "broken"}}
		}), []string{os.Args[0] + " has ended", "last words"}},
		{"bad spec", with(func(s *Spec) { s.URL = "http://{host}/" }), []string{"url"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			p, err := Start(ctx, c.spec, Config{})
			if err == nil {
				p.Close()
				t.Fatal("no error")
			}
			for _, part := range append(c.want, "peer: fake: ") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

// TestVNCPeers reads the greeting of the VNC server through each of them.
func TestVNCPeers(t *testing.T) {
	example, err := ReadSpec("example.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		spec     Spec
		needs    []string
		carriers int
		path     string
	}{
		{VNC(), []string{"Xtigervnc", "websockify"}, 2, "vnc.html"},
		{X11VNC(), []string{"Xvfb", "x11vnc", "websockify"}, 2, "vnc.html"},
		{example, []string{"Xtigervnc", "websockify"}, 2, "vnc_lite.html"},
	} {
		t.Run(c.spec.Name, func(t *testing.T) {
			needs(t, c.needs...)
			if _, err := os.Stat(noVNCFiles); err != nil {
				t.Skip("novnc is not installed")
			}
			p := launch(t, c.spec, Config{})
			for _, round := range []string{"at first", "after a restart"} {
				if page := get(t, p.URL()); !strings.Contains(page, "noVNC") {
					t.Errorf("%s: page %.100q", round, page)
				}
				if got := greeting(t, p); !strings.HasPrefix(got, "RFB 003.") {
					t.Errorf("%s: greeting %q, want RFB's", round, got)
				}
				if err := p.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := greeting(t, p); !strings.HasPrefix(got, "RFB 003.") {
				t.Errorf("at last: greeting %q, want RFB's", got)
			}
			if p.Version() == "" || len(p.Carriers()) != c.carriers {
				t.Errorf("version %q, carriers %v; want one, and %d", p.Version(), p.Carriers(), c.carriers)
			}
			if !slices.Contains(p.Carriers(), p.server.pid()) && p.spec.Server != display.Xvfb {
				t.Error("the VNC server is no carrier")
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// greeting returns the first message of a VNC server behind a websockify, which
// stays connected: it has a process for each connection.
func greeting(t *testing.T, p *Peer) string {
	t.Helper()
	address := fmt.Sprintf("ws://%s:%s/websockify", p.values["{host}"], p.values["{port}"])
	conn, _, err := websocket.DefaultDialer.Dial(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(patienceOfTests))
	_, message, err := conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(message)
}

func TestFloor(t *testing.T) {
	space := &elsewhere{}
	p, err := Start(t.Context(), Floor(), Config{Size: image.Pt(320, 200), Space: space})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if page := get(t, p.URL()); !strings.Contains(page, `<canvas width="320" height="200"`) {
		t.Errorf("page %s", page)
	}
	if err := p.Floor().Open(image.Rect(0, 0, 10, 10), 0x102030).Sync(); err != nil {
		t.Error(err)
	}
	if p.Display() != "" || p.Enter() != nil || len(p.Carriers())+len(p.Everyone()) > 0 || len(space.started) > 0 {
		t.Errorf("display %q, processes %v, %v; want none", p.Display(), p.Everyone(), space.started)
	}
	if err := p.Restart(t.Context()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Restart: %v, want %v", err, errors.ErrUnsupported)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", net.JoinHostPort("127.0.0.2", p.values["{port}"])); err == nil {
		t.Error("it listens after Close")
	}
}

func TestLucarne(t *testing.T) {
	needs(t, "Xtigervnc")
	const bin = "../../bin/lucarne"
	if _, err := os.Stat(bin); err != nil {
		t.Skip("bin/lucarne is not built")
	}
	p := launch(t, Lucarne(bin, "codec=vp8"), Config{})
	if !strings.HasSuffix(p.URL("stats=1"), "/?resize=off&codec=vp8&stats=1") || !strings.HasPrefix(p.Version(), "lucarne ") {
		t.Errorf("URL %s, version %q", p.URL("stats=1"), p.Version())
	}
	if page := get(t, p.URL()); !strings.Contains(page, "Lucarne") {
		t.Errorf("page %.100q", page)
	}
	if p.Floor() != nil {
		t.Error("it is no floor")
	}
	if carriers, all := p.Carriers(), p.Everyone(); len(carriers) != 1 || len(all) != 2 {
		t.Errorf("carriers %v of %v, want one and the X server", carriers, all)
	}
}
