package perf

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lucarne/perf/cgroup"
	"lucarne/perf/report"
	"lucarne/perf/xclient"
)

const (
	halfCore = 0.5             // processors that the agent and its neighbour share
	beside   = 4 * time.Second // the least time for which the neighbour is watched
	// neighbourly is the metric that says how much of its throughput a busy neighbour keeps.
	neighbourly = "neighbour"
)

// neighbour puts the agent and a program that computes into a group with half a
// processor, and measures how much of what the program does alone it still does
// while the page shows the scene. The scene is drawn both times; X server, browser
// and what draws are outside.
func neighbour(ctx context.Context, v *view) (_ report.Result, err error) {
	v.close()
	group, err := cgroup.Open(halfCore)
	if err != nil {
		return report.Result{}, fmt.Errorf("%w: %w", errNotHere, err)
	}
	defer func() { err = errors.Join(err, group.Close()) }()
	busy, err := startCounter()
	if err != nil {
		return report.Result{}, err
	}
	defer busy.stop()
	if err := group.Add(append(v.peer.Carriers(), busy.cmd.Process.Pid)...); err != nil {
		return report.Result{}, err
	}
	scene, clear, err := v.openScene()
	if err != nil {
		return report.Result{}, err
	}
	defer clear()
	watched := *v
	defer watched.close()
	watched.length = max(v.length, beside)
	alone, err := busy.rate(func() error { return draw(ctx, scene, watched.length) })
	if err != nil {
		return report.Result{}, err
	}
	if err := watched.open(ctx, v.peer.URL()); err != nil {
		return report.Result{}, err
	}
	if err := draw(ctx, scene, 2*warmUp); err != nil { // the agent has noticed that it is not alone
		return report.Result{}, err
	}
	var r report.Result
	with, err := busy.rate(func() error {
		r, err = watched.motion(ctx, scene, moveBounds)
		return err
	})
	if err != nil {
		return r, err
	}
	r.Metrics[neighbourly] = with / alone
	return r, nil
}

// draw draws an animation for a while.
func draw(ctx context.Context, a xclient.Animation, d time.Duration) error {
	moving, stop := context.WithTimeout(ctx, d)
	defer stop()
	if _, err := xclient.Animate(moving, a, frameRate); err != nil {
		return err
	}
	return ctx.Err()
}

// counting is a program that does nothing but count, and says how far it is when
// it is asked by SIGUSR1. After ten minutes of half a processor it ends by itself.
const counting = `
ulimit -t 300
n=0
trap 'echo $n' USR1
echo $n
while :; do n=$((n + 1)); done
`

// counter is that program, running.
type counter struct {
	cmd    *exec.Cmd
	output io.Closer
	lines  *bufio.Reader
}

// startCounter starts a program that counts, and waits until it does.
func startCounter() (*counter, error) {
	c := &counter{cmd: exec.Command("/bin/sh", "-c", counting)}
	output, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.output, c.lines = output, bufio.NewReader(output)
	if _, err := c.line(); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// rate returns how far the program counts in a second while something is done.
func (c *counter) rate(while func() error) (float64, error) {
	before, began, err := c.count()
	if err != nil {
		return 0, err
	}
	if err := while(); err != nil {
		return 0, err
	}
	after, ended, err := c.count()
	if err != nil {
		return 0, err
	}
	if after == before {
		return 0, errors.New("the neighbour does not count")
	}
	return float64(after-before) / ended.Sub(began).Seconds(), nil
}

// count asks how far the program is.
func (c *counter) count() (int, time.Time, error) {
	if err := c.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return 0, time.Time{}, fmt.Errorf("the neighbour: %w", err)
	}
	n, err := c.line()
	return n, time.Now(), err
}

func (c *counter) line() (int, error) {
	line, err := c.lines.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("the neighbour: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(line))
}

// stop ends the program.
func (c *counter) stop() {
	c.cmd.Process.Kill()
	c.output.Close()
	c.cmd.Wait() // killed, as it should be
}
