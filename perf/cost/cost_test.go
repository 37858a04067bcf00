package cost

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roleVariable makes the test binary a process of a test: what is to be measured.
const roleVariable = "LUCARNE_COST_TEST_ROLE"

// burned is how much CPU time a burner uses, at least.
const burned = 200 * time.Millisecond

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	act(role)
	os.Stdout.WriteString("done\n")
	io.Copy(io.Discard, os.Stdin) // until the test has measured
}

// act is what a process of a test does before it says that it is done.
func act(role string) {
	switch role {
	case "burn":
		burn()
	case "burn in a thread that ends":
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
			burn()
		}()
		<-ended
	case "burn in a grandchild that ends":
		run("burn", nil).Wait()
	case "burn in an orphan":
		// The one between ends at once; the orphan stays in the group.
		run("start a burner and end", os.Stdin).Wait()
	case "start a burner and end":
		run("burn", os.Stdin)
		os.Exit(0)
	case "occupy":
		memory := make([]byte, 64<<20)
		for i := range memory {
			memory[i] = byte(i)
		}
		defer runtime.KeepAlive(memory)
	}
}

// run starts the test binary in a role; it ends with its input, nil at once.
func run(role string, in io.Reader) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Stdin = in
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	return cmd
}

func burn() {
	for begin := cpuTime(os.Getpid()); cpuTime(os.Getpid())-begin < burned; {
	}
}

// start runs a process of a test until it is done, and lets it end at the test's end.
func start(t *testing.T, role string) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	// The race detector would have each process end a second later.
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	// An orphan and the one that started it each say that they are done.
	lines := bufio.NewReader(out)
	for range strings.Count(role, "orphan") + strings.Count(role, "grandchild") + 1 {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatalf("%s: %v", role, err)
		}
	}
	return cmd.Process.Pid
}

func TestCPU(t *testing.T) {
	for _, role := range []string{"burn", "burn in a thread that ends", "burn in a grandchild that ends", "burn in an orphan"} {
		t.Run(role, func(t *testing.T) {
			pid := start(t, role)
			got, err := CPU(pid)
			// Those that have ended are told in ticks, rounded down. No bound on
			// what starting a process costs is tight.
			if least, most := burned-2*clockTick, burned+2*time.Second; err != nil || got < least || got > most {
				t.Errorf("CPU = %v, %v; want %v to %v", got, err, least, most)
			}
			if again, err := CPU(pid, pid); err != nil || again < got || again > got+burned/2 {
				t.Errorf("CPU of the same root twice = %v, %v; want %v, each process once", again, err, got)
			}
		})
	}
}

func TestCPUOfTheDead(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if got, err := CPU(cmd.Process.Pid); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("CPU = %v, %v; want an error", got, err)
	}
	if got, err := MemoryOf(cmd.Process.Pid); err == nil {
		t.Errorf("MemoryOf = %v, want an error", got)
	}
}

func TestMemory(t *testing.T) {
	got, err := MemoryOf(start(t, "occupy"))
	if err != nil || got.Proportional < 64<<20 || got.Resident < got.Proportional {
		t.Errorf("memory %+v, %v; want 64 MiB proportional at least, and no less resident", got, err)
	}
}

func TestOutside(t *testing.T) {
	idle := start(t, "nothing")
	before, err := Read(idle)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	start(t, "burn")
	after, err := Read(idle)
	if err != nil {
		t.Fatal(err)
	}
	later, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	// Half of it, as the machine's time is told by sampling.
	seconds := after.At.Sub(before.At).Seconds()
	if got, least := before.Until(after).Outside, burned.Seconds()/2/seconds; got < least {
		t.Errorf("outside load %.2f cores, want %.2f at least: the burner is not asked for", got, least)
	}
	if got := later.Ours - mine.Ours; got < burned {
		t.Errorf("ours %v, want %v at least: the burner is a child", got, burned)
	}
}
