package peer

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// markName is the environment variable by which whatever a peer has started is
// recognised, also when it has left its process group.
const markName = "LUCARNE_PEER"

// guardian is what a guard runs. $0 begins the mark, the arguments are what to
// remove. It reads until its input ends, which is when this process has ended,
// however that came. A death signal (prctl(2)) would not do: it reaches children
// but not theirs, and it comes when the thread ends that has forked.
const guardian = `
read -r _
ours() { grep -lz -- "^$0" /proc/[0-9]*/environ | cut -d/ -f3; }
kill -TERM $(ours)
n=0
while [ -n "$(ours)" ] && [ $n -lt 20 ]; do
	sleep 0.1
	n=$((n + 1))
done
kill -KILL $(ours)
rm -rf -- "$@"
`

// guard ends what a peer has started, and removes its files, should this
// process end without having done so.
type guard struct {
	mark string // of everything that the peer starts: "LUCARNE_PEER=0123abcd."
	cmd  *exec.Cmd
	held io.Closer // the guardian's input
}

// newGuard starts a guardian that will remove files.
func newGuard(files ...string) (*guard, error) {
	g := &guard{mark: fmt.Sprintf("%s=%s.", markName, rand.Text())}
	in, held, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	g.cmd = exec.Command("/bin/sh", append([]string{"-c", guardian, g.mark}, files...)...)
	g.cmd.Stdin = in
	g.cmd.Env = []string{"PATH=/usr/bin:/bin"}              // without a mark of its own, should we be marked
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what ends our group does not end it
	if err := g.cmd.Start(); err != nil {
		held.Close()
		return nil, err
	}
	g.held = held
	return g, nil
}

// close ends the guardian: there is nothing left to guard.
func (g *guard) close() {
	g.cmd.Process.Kill()
	g.cmd.Wait() // killed, as it should be
	g.held.Close()
}

// living returns the processes with an environment entry that begins with a mark.
func living(mark string) []int {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	var pids []int
	for _, path := range paths {
		env, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(env, []byte(mark)) && !bytes.Contains(env, append([]byte{0}, mark...)) {
			continue
		}
		if pid, err := strconv.Atoi(strings.Split(path, "/")[2]); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// sweepLimit is how long killed processes may take to be gone. One that waits
// for a device cannot be killed, and not be waited for either.
const sweepLimit = 3 * time.Second

// sweep kills all that has a mark, again for what has been forked meanwhile.
func sweep(mark string) error {
	for deadline := time.Now().Add(sweepLimit); ; time.Sleep(5 * time.Millisecond) {
		pids := living(mark)
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v cannot be ended", pids)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
	}
}
