// Package displaytest starts real X servers for tests.
package displaytest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lucarne/capture/display"
)

// How long a server may take to start and to end. A loaded machine is slow; a
// server that works is not waited for.
const (
	startTimeout = 20 * time.Second
	stopTimeout  = 10 * time.Second
)

// Start starts an X server on a free display and waits until it answers. It
// sets XAUTHORITY for the test (so the test cannot be parallel) and stops the
// server at the test's end. The test is skipped where the server is not
// installed.
func Start(t testing.TB, cfg display.Config) *display.Plan {
	t.Helper()
	plan, _ := StartProcess(t, cfg)
	return plan
}

// StartProcess is Start for a test that ends the server itself: kill stops it
// at once and returns when it is gone. kill may be called more than once.
func StartProcess(t testing.TB, cfg display.Config) (plan *display.Plan, kill func()) {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	plan, err := display.New(cfg)
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plan.Close() })
	t.Setenv("XAUTHORITY", plan.Authority)

	// A file, not a buffer: nothing of ours has to read while the server runs.
	logPath := filepath.Join(cfg.Dir, "server.log")
	log, err := os.Create(logPath)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(plan.Command[0], plan.Command[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // should the test panic
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
		cancel()
	}()
	t.Cleanup(func() { stop(cmd.Process, ended) })
	if err := plan.Ready(ctx); err != nil {
		text, _ := os.ReadFile(logPath)
		t.Fatalf("%v\n%v\n%s", err, plan.Command, text)
	}
	return plan, func() {
		cmd.Process.Kill()
		<-ended
	}
}

// Freeze stops a server in its tracks (SIGSTOP), as a debugger or a lack of
// memory does: it accepts connections and answers nothing. It goes on at the
// test's end, or when thaw is called.
func Freeze(t testing.TB, plan *display.Plan) (thaw func()) {
	t.Helper()
	lock, err := os.ReadFile("/tmp/.X" + plan.Display[1:] + "-lock")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(lock)))
	if err != nil {
		t.Fatal(err)
	}
	thaw = func() { syscall.Kill(pid, syscall.SIGCONT) }
	t.Cleanup(thaw)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	return thaw
}

// stop ends the server so that it removes its lock and socket, by force if it
// does not hear.
func stop(server *os.Process, ended <-chan struct{}) {
	server.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(stopTimeout):
		server.Kill()
		<-ended
	}
}
