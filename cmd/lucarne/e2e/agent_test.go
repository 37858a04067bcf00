package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// agent is a running lucarne serve.
type agent struct {
	t       testing.TB
	scheme  string // of its page
	address string // host:port
	args    []string
	temp    string // its TMPDIR: what is killed leaves its files behind
	cmd     *exec.Cmd
	log     syncBuffer
	exited  chan struct{}
}

// syncBuffer may be written and read at once.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// startAgent serves a display at a free port of loopback and waits until HTTP answers.
func startAgent(t testing.TB, displayName string, args ...string) *agent {
	t.Helper()
	return launch(t, append([]string{"serve", "--display", displayName}, args...)...)
}

// launch runs a subcommand at a free port of loopback and waits until HTTP answers.
func launch(t testing.TB, args ...string) *agent {
	t.Helper()
	a := &agent{t: t, scheme: "http", address: freeAddress(t), temp: t.TempDir()}
	if slices.Contains(args, "--tls") {
		a.scheme = "https"
	}
	a.args = append(args, "--listen", a.address)
	a.start()
	t.Cleanup(func() {
		a.stop()
		if t.Failed() {
			t.Logf("lucarne %s\n%s", strings.Join(a.args, " "), a.log.String())
		}
	})
	return a
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start starts the agent, again if it has been stopped.
func (a *agent) start() {
	a.t.Helper()
	a.cmd = exec.Command(os.Getenv(binaryVariable), a.args...)
	a.cmd.Env = append(environment(), "TMPDIR="+a.temp)
	a.cmd.Stdout, a.cmd.Stderr = &a.log, &a.log
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	cmd, exited := a.cmd, make(chan struct{})
	a.exited = exited
	go func() {
		cmd.Wait() // what it logged says more than its status
		close(exited)
	}()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // made by the agent
	}}
	poll(a.t, "an answer from "+a.address, func() bool {
		select {
		case <-exited:
			a.t.Fatalf("lucarne has ended:\n%s", a.log.String())
		default:
		}
		r, err := client.Get(a.scheme + "://" + a.address + "/")
		if err != nil {
			return false
		}
		r.Body.Close()
		return true
	})
}

// environment is ours without what would configure the agent.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "LUCARNE_") && !strings.HasPrefix(e, "NB_PREFIX=") && !strings.HasPrefix(e, "JUPYTERHUB_") && !strings.HasPrefix(e, "RENKU_") {
			env = append(env, e)
		}
	}
	return env
}

func (a *agent) signal(sig syscall.Signal) {
	a.t.Helper()
	if err := a.cmd.Process.Signal(sig); err != nil {
		a.t.Fatal(err)
	}
}

// freeze stops the agent where it is. The signal stops the process only when the
// thread that gets it has its turn, and the others run on until then.
func (a *agent) freeze() {
	a.t.Helper()
	a.signal(syscall.SIGSTOP)
	threads := fmt.Sprintf("/proc/%d/task/*/stat", a.cmd.Process.Pid)
	poll(a.t, "stop of the agent", func() bool {
		stats, err := filepath.Glob(threads)
		return err == nil && !slices.ContainsFunc(stats, runs)
	})
}

// runs says whether a thread is not stopped, by its stat (proc(5)).
func runs(stat string) bool {
	text, err := os.ReadFile(stat)
	_, state, _ := strings.Cut(string(text), ") ")
	return err == nil && !strings.HasPrefix(state, "T")
}

func (a *agent) thaw() {
	a.t.Helper()
	a.signal(syscall.SIGCONT)
}

// kill ends the agent without a chance to say good-bye.
func (a *agent) kill() {
	a.cmd.Process.Kill()
	<-a.exited
}

func (a *agent) stop() {
	a.cmd.Process.Signal(syscall.SIGCONT)
	a.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-a.exited:
	case <-time.After(10 * time.Second):
		a.t.Errorf("lucarne does not end within 10 s of SIGTERM")
		a.kill()
	}
}

// patience is how long a test waits for what has to come. It is long because
// the machine may be busy; what works is not waited for.
const patience = 30 * time.Second

// poll waits until a condition holds.
func poll(t testing.TB, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		if condition() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s within %v", what, patience)
		}
	}
}
