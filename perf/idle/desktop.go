package idle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	// readiness is how long a desktop may take until it can be shown.
	readiness = time.Minute
	// farewell is how long one has to end when asked.
	farewell = 15 * time.Second
)

// running is a desktop that was started.
type running struct {
	cmd  *exec.Cmd
	page string // its URL
	said *bytes.Buffer
	done chan error
}

// start starts a desktop with a home of its own below dir and waits until it can be shown.
func start(ctx context.Context, cfg Config, dir string, n int) (*running, error) {
	home := filepath.Join(dir, strconv.Itoa(n))
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	d := &running{page: "http://" + address + "/", said: new(bytes.Buffer), done: make(chan error, 1)}
	d.cmd = exec.Command(cfg.Bin, "up", "--listen", address, "--auth", "none", "--xserver", "Xvnc", "--session", cfg.Session)
	d.cmd.Dir = home
	d.cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir}
	d.cmd.Stdout, d.cmd.Stderr = d.said, d.said
	d.cmd.WaitDelay = farewell // for who inherited what it says it by
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.done <- d.cmd.Wait() }()
	if err := d.ready(ctx); err != nil {
		return nil, errors.Join(err, d.stop(), fmt.Errorf("it said: %s", d.said))
	}
	return d, nil
}

// freeAddress returns an address of the loopback that nobody listens at for now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// ready asks until the desktop says that it can be shown.
func (d *running) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readiness)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.page+"readyz", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-d.done:
			d.done <- err
			return fmt.Errorf("has ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("is not ready: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (d *running) pid() int { return d.cmd.Process.Pid }

// stop ends the desktop: lucarne up ends what it has started.
func (d *running) stop() error {
	d.cmd.Process.Signal(syscall.SIGTERM) // fails where it has ended
	select {
	case <-d.done:
		return nil
	case <-time.After(farewell):
	}
	syscall.Kill(-d.pid(), syscall.SIGKILL)
	<-d.done
	return fmt.Errorf("idle: process %d did not end in %v", d.pid(), farewell)
}
