package cost

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// What everybody is told of a process's memory is enough, if it is this user's.
func TestClosedMemory(t *testing.T) {
	own, err := closedMemory(os.Getpid())
	if err != nil || own.Resident < 1<<20 || own.Proportional != own.Resident {
		t.Errorf("got %+v, %v", own, err)
	}
	if os.Getuid() != 0 {
		return // only root starts processes as another user
	}
	other := exec.Command("sleep", "600")
	other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer other.Process.Kill()
	if got, err := closedMemory(other.Process.Pid); !errors.Is(err, os.ErrPermission) {
		t.Errorf("another user's: got %+v, %v", got, err)
	}
}
