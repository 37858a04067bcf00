package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"lucarne/cmd/internal/doctor"
	"lucarne/signaling"
)

const (
	// freshFindings is how long what has been found is good for: pages that ask meanwhile get
	// the same.
	freshFindings = 10 * time.Second
	// outputPatience is how long what a program has written may take to be read once it has
	// ended: a machine that is busy has not always a moment.
	outputPatience = time.Second
	// machinePatience is how long the process may take whose checks take doctorPatience: on a
	// busy machine it takes its time to start.
	machinePatience = 2 * doctorPatience
)

// examiner looks at what the desktop lacks, for pages of its owner: once at a time. What may
// hang is done by a process of its own, and what this one knows better by itself.
type examiner struct {
	d     *desktop
	began time.Time
	start func(context.Context) ([]doctor.Finding, error) // looks at the machine

	turn  chan struct{} // capacity 1: whoever has put something in may use what follows
	until time.Time     // found is good until then
	found []doctor.Finding
	stuck chan struct{} // closed when the last process has ended; nil: there was none
}

func newExaminer(d *desktop) *examiner {
	return &examiner{d: d, began: time.Now(), start: d.askMachine, turn: make(chan struct{}, 1)}
}

// examine returns what is found for a page; nil when ctx ends before.
func (e *examiner) examine(ctx context.Context, visit signaling.Visit) []signaling.Finding {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return nil
	}
	if time.Now().After(e.until) {
		found := e.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		e.found, e.until = found, time.Now().Add(freshFindings)
	}
	all := slices.Clone(e.found)
	doctor.Together(ctx, e.ofVisit(visit), doctorPatience, func(f doctor.Finding) { all = append(all, f) })
	told := make([]signaling.Finding, len(all))
	for n, f := range all {
		told[n] = signaling.Finding{Check: f.Check, State: string(f.State), Code: f.Code, Args: f.Args, Found: f.Found, User: f.User, Admin: f.Admin}
	}
	return told
}

// ofVisit are the checks of how a page has come. They ask nobody else, for pages may ask as
// often as they like.
func (e *examiner) ofVisit(visit signaling.Visit) []doctor.Check {
	checks := []doctor.Check{{Name: "base path", Run: func(context.Context) doctor.Finding {
		if visit.Page == "" {
			return basePath(e.d.flags.BasePath)
		}
		return seenPath(visit.Page, visit.Path, e.d.flags.BasePath)
	}}}
	if c := (clock{service: e.d.flags.ICEServersURL}); c.address() == "" {
		checks = append(checks, doctor.Check{Name: "clock", Run: func(context.Context) doctor.Finding {
			return skew("the browser", visit.Now.Sub(visit.Clock), 0)
		}})
	}
	return checks
}

// look has the machine looked at, and looks at what this process knows meanwhile: of two
// findings of the same check its own counts.
func (e *examiner) look(ctx context.Context) []doctor.Finding {
	machine := make(chan []doctor.Finding, 1)
	go func() { machine <- e.machine(ctx) }()
	var own []doctor.Finding
	doctor.Together(ctx, e.own(), doctorPatience, func(f doctor.Finding) { own = append(own, f) })
	rest := slices.DeleteFunc(<-machine, func(f doctor.Finding) bool {
		return slices.ContainsFunc(own, func(o doctor.Finding) bool { return o.Check == f.Check })
	})
	return append(own, rest...)
}

// machine has a process look at the machine, unless an earlier one still does: a process
// that waits for a volume of the network cannot even be ended.
func (e *examiner) machine(ctx context.Context) []doctor.Finding {
	slow := doctor.Tell("slow", fmt.Sprintf("%.0f", machinePatience.Seconds()))
	slow.Check = "agent"
	if e.stuck != nil {
		select {
		case <-e.stuck:
		default:
			return []doctor.Finding{slow}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, machinePatience)
	ended := make(chan struct{})
	e.stuck = ended
	var found []doctor.Finding
	var err error
	go func() {
		defer close(ended)
		defer cancel()
		found, err = e.start(ctx)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		select {
		case <-ended:
		case <-time.After(time.Second): // it has been told to end
			return []doctor.Finding{slow}
		}
	}
	if err != nil {
		failed := doctor.Tell("machine-failed", err.Error())
		failed.Check = "agent"
		found = append(found, failed)
	}
	return found
}

// askMachine starts lucarne machine and returns what it finds.
func (d *desktop) askMachine(ctx context.Context) ([]doctor.Finding, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "machine") // this very binary
	cmd.Env = unconfigured()
	if d.display != "" {
		cmd.Env = append(cmd.Env, "DISPLAY="+d.display)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with what it has started
	cmd.WaitDelay = outputPatience
	out, err := cmd.Output()
	var found []doctor.Finding
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var f doctor.Finding
		if json.Unmarshal(lines.Bytes(), &f) == nil {
			found = append(found, f)
		}
	}
	return found, err
}

// own are the checks of what this process knows.
func (e *examiner) own() []doctor.Check {
	d := e.d
	known := func(f doctor.Finding) func(context.Context) doctor.Finding {
		return func(context.Context) doctor.Finding { return f }
	}
	checks := []doctor.Check{
		{Name: "display", Run: known(shown(d.display, d.screen.Status()))},
		{Name: "GPU", Run: known(d.foundGPU())},
		{Name: "WebSocket", Run: known(doctor.Tell("ws-page"))},
		{Name: "sign-in", Run: known(signIn(d.flags.Auth))},
		{Name: "policy", Run: known(d.ruled())},
		{Name: "audit", Run: known(d.audited())},
		{Name: "hub", Run: d.hearing},
		{Name: "culler", Run: func(context.Context) doctor.Finding {
			return asker(e.began, d.activity.Last(), d.activity.Asked())
		}},
	}
	if c := (clock{service: d.flags.ICEServersURL}); c.address() != "" {
		checks = append(checks, doctor.Check{Name: "clock", Run: c.check})
	}
	switch {
	case d.policy.Watermark != nil:
		checks = append(checks, doctor.Check{Name: "VNC", Run: known(doctor.Tell("vnc-watermark"))})
	case d.flags.VNC == "off":
		checks = append(checks, doctor.Check{Name: "VNC", Run: known(doctor.Tell("vnc-off"))})
	}
	return append(checks, ladder{servers: d.servers, tcpPort: d.flags.TCPPort}.checks()...)
}

// foundGPU says what trying the GPU has come to.
func (d *desktop) foundGPU() doctor.Finding {
	if len(d.byGPU) == 0 {
		return doctor.Tell("nvidia-none")
	}
	result := d.probed.Load()
	if result == nil {
		return doctor.Tell("gpu-tried")
	}
	return ofGPU(*result)
}

// hearing says whether the hub can be reached, and takes what it is told.
func (d *desktop) hearing(ctx context.Context) doctor.Finding {
	f := checkHub(ctx)
	if f.Code == "hub-ok" && d.hub != nil && !d.hub.Hears() {
		return doctor.Tell("hub-deaf", f.Args...)
	}
	return f
}

// ruled says by which rules the desktop is shared.
func (d *desktop) ruled() doctor.Finding {
	if d.flags.Policy == "" {
		return doctor.Tell("policy-none")
	}
	return doctor.Tell("policy-ok", cmp.Or(d.policy.Preset, d.flags.Policy))
}

// audited says whether what is done is recorded.
func (d *desktop) audited() doctor.Finding {
	file := d.policy.Audit.File
	switch {
	case file == "":
		return doctor.Tell("audit-none")
	case d.audit == nil:
		return doctor.Tell("audit-fails", file, "–")
	}
	if err := d.audit.Err(); err != nil {
		return doctor.Tell("audit-fails", file, unpath(err).Error())
	}
	return doctor.Tell("audit-ok", file)
}
