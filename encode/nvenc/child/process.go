package child

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Start starts cmd, in which Serve has to be called with the connection that
// Inherit returns. The process ends with this one.
func Start(cmd *exec.Cmd) (*Process, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("nvenc: socket pair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "encoder")
	defer theirs.Close()
	conn, err := connection(os.NewFile(uintptr(fds[0]), "encoder"))
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{theirs}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("nvenc: start %s: %w", cmd.Path, err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = cmd.Wait() // how it ended does not matter
	}()
	return &Process{
		Conn: conn,
		End: func(patience time.Duration) {
			if !closedWithin(gone, patience) {
				_ = cmd.Process.Kill() // it may have ended
				closedWithin(gone, dying)
			}
		},
		Used: func() (time.Duration, bool) {
			select {
			case <-gone:
				return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), true
			default:
				return used(cmd.Process.Pid), false
			}
		},
	}, nil
}

// used returns the CPU time of a process by its clock (clock_getcpuclockid(3)).
func used(pid int) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
		return 0 // it has just ended
	}
	return time.Duration(t.Nano())
}

// dying is how long a process that is killed may take. One that the kernel holds
// in a driver takes for ever, and must not hold up who has killed it.
const dying = 200 * time.Millisecond

func closedWithin(c <-chan struct{}, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

// inherited is the descriptor of the first of exec.Cmd's ExtraFiles.
const inherited = 3

// Inherit returns the connection to the process that has called Start.
func Inherit() (net.Conn, error) { return connection(os.NewFile(inherited, "encoder")) }

// connection takes file over.
func connection(file *os.File) (net.Conn, error) {
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("nvenc: connection: %w", err)
	}
	return conn, nil
}
