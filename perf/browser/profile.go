package browser

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// profile is a browser's folder, which is gone when this process has ended,
// however that came.
type profile struct {
	dir      string
	guardian *exec.Cmd
	held     io.Closer // the guardian's input
}

// remover waits for the end of its input, which is when this process has ended or
// has removed the folder itself, and removes the folder, again while a browser that
// is ending still writes to it.
const remover = `
read -r _
n=0
while [ -e "$1" ] && [ $n -lt 50 ]; do
	rm -rf -- "$1" 2>/dev/null
	sleep 0.1
	n=$((n + 1))
done
`

// newProfile makes a folder and has it guarded.
func newProfile() (*profile, error) {
	dir, err := os.MkdirTemp("", "lucarne-browser-")
	if err != nil {
		return nil, fmt.Errorf("browser: profile: %w", err)
	}
	p := &profile{dir: dir}
	if err := p.guard(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("browser: profile: %w", err)
	}
	return p, nil
}

func (p *profile) guard() error {
	in, held, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	p.guardian = exec.Command("/bin/sh", "-c", remover, "remover", p.dir)
	p.guardian.Stdin = in
	p.guardian.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what ends our group does not end it
	if err := p.guardian.Start(); err != nil {
		held.Close()
		return err
	}
	p.held = held
	return nil
}

// remove tries to remove the folder.
func (p *profile) remove() error { return os.RemoveAll(p.dir) }

// release ends the guardian, which removes what is left.
func (p *profile) release() {
	p.held.Close()
	p.guardian.Wait() // whether it could is seen by the next who looks
}
