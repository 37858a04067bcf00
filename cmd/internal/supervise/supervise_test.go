package supervise

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// crashEnv makes the test binary supervise one process and wait to be killed.
const crashEnv = "SUPERVISE_TEST_CRASH"

func TestMain(m *testing.M) {
	if script := os.Getenv(crashEnv); script != "" {
		s, err := New(Config{Processes: []Process{sh("victim", script)}})
		if err != nil {
			panic(err)
		}
		_ = s.Run(context.Background())
		return
	}
	goleak.VerifyTestMain(m)
}

var tiny = Backoff{Min: time.Millisecond, Max: 4 * time.Millisecond, Healthy: time.Hour}

func sh(name, script string, after ...string) Process {
	return Process{
		Name: name, Command: []string{"sh", "-c", script}, After: after,
		Backoff: tiny, Grace: 100 * time.Millisecond,
	}
}

// buffer is a bytes.Buffer that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// launch runs the table until stop is called.
func launch(t *testing.T, out io.Writer, table ...Process) (s *Supervisor, stop func()) {
	t.Helper()
	s, err := New(Config{Processes: table, Output: out, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want context.Canceled", err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

// await polls until ok, failing the test after ten seconds.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not seen within 10 s: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *Supervisor) of(name string) Status {
	all := s.Status()
	return all[slices.IndexFunc(all, func(st Status) bool { return st.Name == name })]
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// pidIn returns the number in the file, once it is there.
func pidIn(t *testing.T, path string) int {
	t.Helper()
	var pid int
	await(t, "a pid in "+filepath.Base(path), func() bool {
		b, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
		return err == nil
	})
	return pid
}

func TestTable(t *testing.T) {
	for name, c := range map[string]struct {
		table []Process
		want  string // the order, or a part of the error
	}{
		"as given":     {[]Process{sh("a", ""), sh("b", "")}, "a b"},
		"dependency":   {[]Process{sh("a", "", "c"), sh("b", ""), sh("c", "")}, "c a b"},
		"chain":        {[]Process{sh("a", "", "b"), sh("b", "", "c"), sh("c", "")}, "c b a"},
		"cycle":        {[]Process{sh("a", "", "b"), sh("b", "", "a")}, "comes after itself"},
		"unknown":      {[]Process{sh("a", "", "x")}, `comes after "x"`},
		"twice":        {[]Process{sh("a", ""), sh("a", "")}, "two processes"},
		"no name":      {[]Process{sh("", "")}, "without a name"},
		"no command":   {[]Process{{Name: "a"}}, "without a name or a command"},
		"empty":        {nil, ""},
		"on two of it": {[]Process{sh("a", "", "b", "c"), sh("c", "", "b"), sh("b", "")}, "b c a"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(Config{Processes: c.table})
			if err != nil {
				if c.want == "" || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %q, want %q in it", err, c.want)
				}
				return
			}
			var got []string
			for _, st := range s.Status() {
				got = append(got, st.Name)
				if st.State != Stopped {
					t.Errorf("%s is %s before Run", st.Name, st.State)
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("order %v, want %s", got, c.want)
			}
		})
	}
}

func TestStartsInOrderAndStopsInReverse(t *testing.T) {
	var out buffer
	script := `exec 2>/dev/null; trap 'echo down; exit 0' TERM; echo up; while :; do sleep 0.01; done`
	table := []Process{sh("c", script, "b"), sh("a", script), sh("b", script, "a")}
	for i := range table {
		name := table[i].Name
		table[i].Grace = 10 * time.Second
		table[i].Ready = func(ctx context.Context) error {
			for !strings.Contains(out.String(), name+": up\n") && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			return ctx.Err()
		}
	}
	s, stop := launch(t, &out, table...)
	await(t, "c ready", func() bool { return s.of("c").State == Ready })
	if pid := s.of("c").PID; !alive(pid) {
		t.Errorf("pid %d does not run", pid)
	}
	stop()
	want := "a: up\nb: up\nc: up\nc: down\nb: down\na: down\n"
	if got := out.String(); got != want {
		t.Errorf("output:\n%swant:\n%s", got, want)
	}
	for _, st := range s.Status() {
		if st.State != Stopped || st.PID != 0 {
			t.Errorf("%s after Run: %s, pid %d", st.Name, st.State, st.PID)
		}
	}
}

func TestRestartsWithBackoff(t *testing.T) {
	p := sh("flaky", "echo no; exit 3")
	p.Backoff = Backoff{Min: time.Millisecond, Max: time.Hour, Healthy: time.Hour}
	s, _ := launch(t, io.Discard, p)
	await(t, "five restarts", func() bool { return s.of("flaky").Restarts >= 5 })
	st := s.of("flaky")
	var exit *exec.ExitError
	if !errors.As(st.Err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("Err = %v, want exit status 3", st.Err)
	}
	if len(st.Lines) == 0 || st.Lines[0] != "no" {
		t.Errorf("Lines = %q", st.Lines)
	}
}

func TestNextWait(t *testing.T) {
	b := Backoff{Min: 1, Max: 10, Healthy: 100}
	wait := b.Min
	var got []time.Duration
	for _, ran := range []time.Duration{0, 0, 0, 0, 0, 99, 100, 0} {
		var now time.Duration
		now, wait = b.next(wait, ran)
		got = append(got, now)
	}
	if want := []time.Duration{1, 2, 4, 8, 10, 10, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("waits %v, want %v", got, want)
	}
}

func TestUnknownProgramIsRetried(t *testing.T) {
	s, _ := launch(t, io.Discard, Process{Name: "x", Command: []string{"/nonexistent/program"}, Backoff: tiny})
	await(t, "an error", func() bool { return errors.Is(s.of("x").Err, os.ErrNotExist) })
}

func TestDependentFollows(t *testing.T) {
	s, _ := launch(t, io.Discard, sh("base", "exec sleep 1000"), sh("top", "exec sleep 1000", "base"))
	await(t, "top ready", func() bool { return s.of("top").State == Ready })
	before := s.of("top").PID
	if err := unix.Kill(s.of("base").PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "top started again", func() bool {
		st := s.of("top")
		return st.State == Ready && st.PID != before
	})
	if s.of("base").Restarts != 1 {
		t.Errorf("base restarted %d times, want 1", s.of("base").Restarts)
	}
	if alive(before) {
		t.Error("the first top still runs")
	}
}

func TestNeverReadyIsRestarted(t *testing.T) {
	p := sh("slow", "exec sleep 1000")
	p.ReadyWithin = time.Millisecond
	p.Ready = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	s, _ := launch(t, io.Discard, p)
	await(t, "two restarts", func() bool { return s.of("slow").Restarts >= 2 })
	if err := s.of("slow").Err; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Err = %v", err)
	}
}

// The children that are hardest to be rid of: those that ignore SIGTERM, that
// leave others behind, that leave the group, and that hold the pipe open.
func TestNothingIsLeftBehind(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	leave := func(name, how string) string {
		return fmt.Sprintf(`%s sh -c 'trap "" TERM HUP; echo $$ >%s.tmp; mv %[2]s.tmp %[2]s; while :; do sleep 0.1; done' &`, how, file(name))
	}
	s, stop := launch(t, io.Discard,
		sh("stubborn", `trap "" TERM; `+leave("forked", "")+leave("escaped", "setsid")+` while :; do sleep 0.1; done`),
		sh("parent", leave("orphan", "")+leave("runaway", "setsid")+"exit 0"),
	)
	pids := map[string]int{}
	for _, name := range []string{"forked", "escaped"} {
		pids[name] = pidIn(t, file(name))
	}
	pids["stubborn"] = s.of("stubborn").PID
	await(t, "parent restarted", func() bool { return s.of("parent").Restarts > 3 })
	stop()
	for _, name := range []string{"orphan", "runaway"} {
		if b, err := os.ReadFile(file(name)); err == nil {
			pids[name], _ = strconv.Atoi(strings.TrimSpace(string(b)))
		}
	}
	for name, pid := range pids {
		await(t, name+" gone", func() bool { return !alive(pid) })
	}
	if zombies := children(t); len(zombies) > 0 {
		t.Errorf("children left: %v", zombies)
	}
}

// What a process leaves behind when it ends has the grace to save its work, in
// the group or out of it.
func TestTheRestHasItsGrace(t *testing.T) {
	for name, leader := range map[string]string{
		"leader is stopped": `trap "exit 0" TERM; while :; do sleep 0.01; done`,
		"leader ends":       `exit 0`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			worker := func(name, how string) string {
				file := filepath.Join(dir, name)
				return fmt.Sprintf(`%s sh -c 'trap "sleep 0.2; touch %s.saved; exit 0" TERM; touch %[2]s.up; while :; do sleep 0.01; done' &
					while [ ! -e %[2]s.up ]; do sleep 0.01; done; `, how, file)
			}
			exists := func(name string) bool {
				_, err := os.Stat(filepath.Join(dir, name))
				return err == nil
			}
			p := sh("leader", worker("grouped", "")+worker("escaped", "setsid")+"touch "+dir+"/up; "+leader)
			p.Grace = 10 * time.Second
			p.Backoff = Backoff{Min: time.Hour}
			s, stop := launch(t, io.Discard, p)
			await(t, "all up", func() bool { return exists("up") })
			if name == "leader ends" {
				await(t, "its end", func() bool { return s.of("leader").State == Retrying })
			}
			stop()
			for _, worker := range []string{"grouped", "escaped"} {
				if !exists(worker + ".saved") {
					t.Errorf("%s was killed before it had saved its work", worker)
				}
			}
		})
	}
}

// children returns this process's children, zombies included.
func children(t *testing.T) []string {
	t.Helper()
	var all []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(os.Getpid()) {
			all = append(all, string(b))
		}
	}
	return all
}

func TestChildrenDieWithACrash(t *testing.T) {
	pidfile := filepath.Join(t.TempDir(), "pid")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashEnv+"=trap '' TERM HUP; echo $$ >"+pidfile+"; while :; do sleep 0.1; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := pidIn(t, pidfile)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	await(t, "the child gone", func() bool { return !alive(pid) })
}

func TestEnvironmentAndDirectory(t *testing.T) {
	var out buffer
	p := sh("env", `echo "$GREETING from $(pwd)"; exec sleep 1000`)
	p.Env, p.Dir = []string{"GREETING=hello"}, "/"
	launch(t, &out, p)
	await(t, "the line", func() bool { return strings.Contains(out.String(), "env: hello from /\n") })
}

func TestLinesGoToTheLog(t *testing.T) {
	var out buffer
	s, err := New(Config{Processes: []Process{sh("a", "echo hello; exec sleep 1000")}, Log: slog.New(slog.NewTextHandler(&out, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	await(t, "the line", func() bool { return strings.Contains(out.String(), "msg=hello process=a\n") })
	cancel()
	<-done
}

func TestBellsRing(t *testing.T) {
	s, err := New(Config{Processes: []Process{sh("a", "echo hello; exec sleep 1000")}, Output: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	first, forget := s.Subscribe()
	second, keep := s.Subscribe()
	defer keep()
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	for _, bell := range []<-chan struct{}{first, second} {
		for s.of("a").State != Ready || !slices.Contains(s.of("a").Lines, "hello") {
			<-bell
		}
	}
	forget()
	for len(first) > 0 {
		<-first
	}
	cancel()
	<-done
	<-second
	if len(first) > 0 {
		t.Error("a bell rings for who has left")
	}
}

// What is done in this process takes its place among the others, and fails once.
func TestDone(t *testing.T) {
	var out buffer
	failure := errors.New("the disk is full")
	s, stop := launch(t, &out,
		Process{Name: "right", Do: func(context.Context) error { return nil }},
		Process{Name: "wrong", Do: func(context.Context) error { return failure }},
		Process{Name: "endless", Do: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		sh("after right", "exec sleep 1000", "right"),
		sh("after wrong", "exec sleep 1000", "wrong"),
	)
	await(t, "what comes after", func() bool { return s.of("after right").State == Ready })
	await(t, "the failure", func() bool { return s.of("wrong").State == Failed })
	for name, want := range map[string]State{"right": Ready, "endless": Starting, "after wrong": Waiting} {
		await(t, name+" to be "+string(want), func() bool { return s.of(name).State == want })
		if err := s.of(name).Err; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.of("wrong").Err; !errors.Is(err, failure) {
		t.Errorf("Err = %v, want %v", err, failure)
	}
	stop()
	for _, st := range s.Status() {
		if st.State != Stopped {
			t.Errorf("%s is %s after Run", st.Name, st.State)
		}
	}
}

// What is preferred is waited for, and may fail, end and never come.
func TestPrefers(t *testing.T) {
	opened := make(chan struct{})
	ready := sh("ready", "exec sleep 1000")
	ready.Ready = func(ctx context.Context) error {
		select {
		case <-opened:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	top := sh("top", "exec sleep 1000")
	top.Prefer = []string{"ready", "failing", "undone"}
	s, _ := launch(t, io.Discard, top, ready, sh("failing", "exit 1"),
		Process{Name: "undone", Do: func(context.Context) error { return os.ErrPermission }})
	await(t, "a failure", func() bool { return s.of("failing").Restarts > 1 && s.of("undone").State == Failed })
	await(t, "top waiting", func() bool { return s.of("top").State != Stopped })
	if st := s.of("top"); st.State != Waiting {
		t.Errorf("top is %s before what it prefers", st.State)
	}
	close(opened)
	await(t, "top", func() bool { return s.of("top").State == Ready })
	pid := s.of("top").PID
	if err := unix.Kill(s.of("ready").PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "the other again", func() bool { st := s.of("ready"); return st.Restarts == 1 && st.State == Ready })
	if st := s.of("top"); st.PID != pid || st.State != Ready {
		t.Errorf("top is %s, pid %d; want ready, still %d", st.State, st.PID, pid)
	}
}
