package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lucarne/capture/display"
)

// patienceOfTests is how long a test waits for what has to come.
const patienceOfTests = 30 * time.Second

// TestMain makes the test binary one of a peer's programs, or a program that has
// a peer, where its first argument says so.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 2 && os.Args[1] == "serve":
		serve(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "crash":
		crash()
	default:
		goleak.VerifyTestMain(m)
	}
}

// serve is a program that serves a page at an address, which may be empty. It may
// be "stubborn" about ending, start a "stray" that leaves its group, be "broken"
// from the beginning, or "short-lived": it ends when asked to by a page's query.
func serve(args []string) {
	if slices.Contains(args, "stubborn") {
		signal.Ignore(syscall.SIGTERM)
	}
	if slices.Contains(args, "stray") {
		stray := exec.Command("setsid", "sh", "-c", "trap '' TERM; sleep 1000; sleep 1000")
		if err := stray.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if slices.Contains(args, "broken") {
		fmt.Fprintln(os.Stderr, "first words\nlast words")
		os.Exit(3)
	}
	if args[0] == "" {
		select {}
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, os.Getpid(), os.Getenv("DISPLAY"), os.Getenv("TMPDIR"), r.URL.RawQuery)
		if r.URL.RawQuery == "end" && slices.Contains(args, "short-lived") {
			context.AfterFunc(r.Context(), func() { // the answer has been sent
				fmt.Fprintln(os.Stderr, "enough")
				os.Exit(0)
			})
		}
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(args[0], nil))
}

// crash has a peer, tells of it, and waits to be killed.
func crash() {
	p, err := Start(context.Background(), fake("stray"), Config{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.guard.mark, p.dir, p.Display())
	io.Copy(io.Discard, os.Stdin)
}

// fake is a peer whose program is the test binary.
func fake(manners ...string) Spec {
	return Spec{
		Name: "fake", Server: display.Xvfb, URL: "http://{host}:{port}/page",
		Command: [][]string{append([]string{os.Args[0], "serve", "{host}:{port}"}, manners...)},
		Version: []string{"echo", "fake 1.0"},
	}
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
}

// launch starts a peer and ends it at the test's end.
func launch(t *testing.T, spec Spec, cfg Config) *Peer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patienceOfTests)
	defer cancel()
	p, err := Start(ctx, spec, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		gone(t, p.guard.mark, p.dir, p.Display())
	})
	return p
}

// get returns a page.
func get(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patienceOfTests}
	r, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, r.Status, err)
	}
	return string(text)
}

// gone fails the test unless a peer's processes and files are, in time.
func gone(t *testing.T, mark, dir, displayName string) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(patienceOfTests); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		left = nil
		if pids := living(mark); len(pids) > 0 {
			left = append(left, fmt.Sprintf("processes %v", pids))
		}
		paths := []string{dir}
		if lock := "/tmp/.X" + displayName[1:] + "-lock"; !held(lock) { // else the number has a new owner
			paths = append(paths, lock, "/tmp/.X11-unix/X"+displayName[1:])
		}
		for _, path := range paths {
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				left = append(left, path)
			}
		}
		if left == nil {
			return
		}
	}
	t.Errorf("left behind: %v", left)
}

// held reports whether an X server's lock file is that of a process that lives.
func held(lock string) bool {
	text, err := os.ReadFile(lock)
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return err == nil && syscall.Kill(pid, 0) == nil
}

func TestNothingIsLeftAfterACrash(t *testing.T) {
	needs(t, "Xvfb", "setsid")
	cmd := exec.Command(os.Args[0], "crash")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	told := strings.Fields(line)
	if err != nil || len(told) != 3 {
		cmd.Process.Kill()
		t.Fatalf("the program that is to crash says %q, %v", line, err)
	}
	mark, dir, displayName := told[0], told[1], told[2]
	// The X server, the program, the stray and what that has started.
	if pids := living(mark); len(pids) < 3 {
		t.Errorf("processes %v before the crash, want 3 at least", pids)
	}
	cmd.Process.Kill()
	cmd.Wait()
	gone(t, mark, dir, displayName)
}

// elsewhere is a Namespace whose address is another one of the loopback's, and
// that counts what goes through it.
type elsewhere struct {
	loopback
	started []string
}

func (e *elsewhere) Start(cmd *exec.Cmd) error {
	e.started = append(e.started, cmd.Args[0])
	return e.loopback.Start(cmd)
}

func (*elsewhere) Addr() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 2}) }

func TestNamespace(t *testing.T) {
	needs(t, "Xvfb")
	space := &elsewhere{}
	p := launch(t, fake(), Config{Space: space})
	if host := "http://127.0.0.2:"; !strings.HasPrefix(p.URL(), host) {
		t.Errorf("URL %s, want it to begin with %s", p.URL(), host)
	}
	get(t, p.URL())
	if len(space.started) != 2 || !strings.Contains(space.started[0], "Xvfb") || space.started[1] != os.Args[0] {
		t.Errorf("started in the namespace: %q, want Xvfb and the program", space.started)
	}
}

// TestFreePort: each is free, and on the host that was asked for.
func TestFreePort(t *testing.T) {
	port, err := freePort(loopback{}, "127.0.0.2")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.2", port))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if port, err := freePort(loopback{}, "192.0.2.1"); err == nil {
		t.Errorf("port %s of a host that is not this machine", port)
	}
}
