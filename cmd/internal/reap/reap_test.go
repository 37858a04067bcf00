package reap

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// programEnv makes the test binary the first process, and then the program that it runs:
// the value is what that does.
const programEnv = "REAP_TEST_PROGRAM"

func TestMain(m *testing.M) {
	switch program := os.Getenv(programEnv); {
	case program == "":
		os.Exit(m.Run())
	case First():
		code, err := Run()
		if err != nil {
			fmt.Println(err)
			code = 99
		}
		os.Exit(code)
	default:
		err := syscall.Exec("/bin/sh", []string{"sh", "-c", program}, os.Environ())
		fmt.Println(err)
		os.Exit(98)
	}
}

// container runs a shell script as the program of a container's first process.
func container(t *testing.T, program string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), programEnv+"="+program)
	// The first process of a PID namespace, whose /proc tells of it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `mount -t proc proc /proc && exec "$0"`, os.Args[0]}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); errors.Is(err, unix.EPERM) {
		t.Skip("no PID namespace can be made here:", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, bufio.NewReader(stdout)
}

// line returns the next line that the program writes.
func line(t *testing.T, from *bufio.Reader) string {
	t.Helper()
	text, err := from.ReadString('\n')
	if err != nil {
		t.Fatalf("read %q: %v", text, err)
	}
	return strings.TrimSpace(text)
}

func TestExitCodes(t *testing.T) {
	for program, want := range map[string]int{
		"exit 0":         0,
		"exit 69":        69,
		"kill -KILL $$":  128 + 9,
		"kill -TERM $$":  128 + 15,
		"sleep 1000 & :": 0, // what is left ends with the first process
	} {
		cmd, _ := container(t, program)
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case err := <-done:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != want {
				t.Errorf("%s: exit code %d, want %d", program, got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: still running", program)
		}
	}
}

// Orphans are buried, those of grandchildren too.
func TestOrphans(t *testing.T) {
	cmd, out := container(t, `for i in 1 2 3; do
		sh -c '{ sleep 0.05; echo orphan; } & exit'
		sh -c 'setsid sh -c "{ sleep 0.05; echo orphan; } & exit" & exec true'
	done; exec sleep 1000`)
	for range 6 {
		if got := line(t, out); got != "orphan" {
			t.Errorf("the program says %q", got)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		left := children(t, cmd.Process.Pid)
		if len(left) == 1 && strings.Contains(left[0], "(sleep)") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("children of the first process, beside the program: %q", left)
		}
	}
}

// children returns what /proc/PID/stat says of the children of pid, zombies included.
func children(t *testing.T, pid int) (all []string) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			all = append(all, string(text))
		}
	}
	return all
}

func TestSignalsArePassedOn(t *testing.T) {
	for _, s := range []syscall.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGUSR1, unix.SIGWINCH} {
		name := strings.TrimPrefix(unix.SignalName(s), "SIG")
		cmd, out := container(t, `trap 'echo got; exit 7' `+name+`; echo up; while :; do sleep 0.01; done`)
		line(t, out)
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if got := line(t, out); got != "got" {
			t.Errorf("%s: the program says %q", name, got)
		}
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != 7 {
			t.Errorf("%s: exit code %d, want the program's", name, got)
		}
	}
}
