package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"lucarne/cmd/internal/doctor"
	"lucarne/encode"
	"lucarne/signaling/iceserver"
)

// doctorCmd is lucarne doctor.
type doctorCmd struct {
	askFlags
	networkFlags
	turnFlags
	Display string `env:"LUCARNE_DISPLAY,DISPLAY" placeholder:":N" help:"The X display to look at."`

	URL        string        `arg:"" optional:"" placeholder:"URL" help:"The page, as a browser has it, with #token=… if it has one: looks at the way to it. Without: looks at this machine."`
	JSON       bool          `name:"json" group:"Doctor" help:"Write one JSON object a line."`
	Stay       time.Duration `default:"0s" group:"Doctor" help:"Watch the page's WebSocket for so long: does a proxy cut it?"`
	CookieFile string        `placeholder:"FILE" group:"Doctor" help:"Send the platform's cookies, as a Cookie header in this file."`
	Insecure   bool          `group:"Doctor" help:"Take any certificate of the page's."`
}

// doctorPatience is how long a check of this machine may take.
const doctorPatience = 5 * time.Second

// Run looks at what there is to be looked at, and fails if something does.
func (c *doctorCmd) Run(ctx context.Context, stdout io.Writer) error {
	each := doctor.Text(stdout)
	if c.JSON {
		each = doctor.JSON(stdout)
	}
	healthy, err := c.examine(ctx, each)
	if err == nil && !healthy {
		err = errors.Join(ctx.Err(), errUnwell)
	}
	return err
}

var errUnwell = errors.New("something is missing: see above")

func (c *doctorCmd) examine(ctx context.Context, each func(doctor.Finding)) (healthy bool, err error) {
	if c.URL != "" {
		return c.examinePage(ctx, each)
	}
	servers, err := c.servers()
	if err != nil {
		return false, err
	}
	return doctor.Together(ctx, append(machine(), c.outside(servers)...), doctorPatience, each), nil
}

// examinePage looks at the way to a page.
func (c *doctorCmd) examinePage(ctx context.Context, each func(doctor.Finding)) (healthy bool, err error) {
	header := http.Header{}
	if c.CookieFile != "" {
		text, err := os.ReadFile(c.CookieFile)
		if err != nil {
			return false, exitError{exitNoInput, fmt.Errorf("cannot use --cookie-file: %w", err)}
		}
		header.Set("Cookie", strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(text)), "Cookie:")))
	}
	checks, done, err := doctor.Remote(doctor.RemoteConfig{URL: c.URL, Header: header, Insecure: c.Insecure, Stay: c.Stay, Media: new(webRTC).checks()})
	if err != nil {
		return false, exitError{exitUsage, err}
	}
	defer done()
	return doctor.Examine(ctx, checks, each), nil
}

// machineCmd is lucarne machine: what of lucarne doctor asks nobody but this machine, for an
// agent, which has it done by a process of its own since drivers and network volumes hang.
type machineCmd struct{}

// Run writes the findings as JSON, one a line.
func (machineCmd) Run(ctx context.Context, stdout io.Writer) error {
	doctor.Together(ctx, machine(), doctorPatience, doctor.JSON(stdout))
	return ctx.Err()
}

// machine are its checks.
func machine() []doctor.Check {
	encoders := sync.OnceValues(func() ([]encode.Backend, error) { return usable(backends()) }) // two checks, one look
	return []doctor.Check{
		{Name: "X server", Run: checkServer},
		{Name: "encoders", Run: func(context.Context) doctor.Finding { return ofEncoders(encoders()) }},
		{Name: "NVIDIA driver", Run: checkCapabilities},
		{Name: "OpenGL", Run: checkOpenGL},
		{Name: "shared memory", Run: checkSharedMemory},
		{Name: "/dev/shm", Run: checkTemporary},
		{Name: "user", Run: checkUser},
		{Name: "home", Run: checkHome},
		{Name: "temporary files", Run: checkTemp},
		{Name: "processors", Run: checkProcessors},
		{Name: "UDP", Run: checkUDP},
		{Name: "JPEG", Run: func(context.Context) doctor.Finding { return ofJPEG(encoders()) }},
		{Name: "VNC", Run: checkVNC},
	}
}

// outside are the checks of what an agent that runs knows better: it has the display, and
// is what listens.
func (c *doctorCmd) outside(servers iceserver.Source) []doctor.Check {
	checks := []doctor.Check{
		{Name: "display", Run: c.checkDisplay},
		{Name: "GPU", Run: gpu{}.checkGPU},
		{Name: "listen", Run: c.checkListen},
		{Name: "base path", Run: c.checkBasePath},
		{Name: "WebSocket", Run: c.checkAgent},
		{Name: "culler", Run: c.checkCuller},
		{Name: "hub", Run: c.checkHub},
		{Name: "clock", Run: clock{service: c.ICEServersURL}.check},
	}
	return append(checks, ladder{servers: servers, tcpPort: c.TCPPort}.checks()...)
}
