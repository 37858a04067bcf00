package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/x11"
	"lucarne/cmd/internal/doctor"
)

// doctorCmd is lucarne doctor.
type doctorCmd struct {
	askFlags
	Display string `env:"LUCARNE_DISPLAY,DISPLAY" placeholder:":N" help:"The X display to look at."`

	URL        string        `arg:"" optional:"" placeholder:"URL" help:"The page, as a browser has it, with #token=… if it has one: looks at the way to it. Without: looks at this machine."`
	JSON       bool          `name:"json" group:"Doctor" help:"Write one JSON object a line."`
	Stay       time.Duration `default:"0s" group:"Doctor" help:"Watch the page's WebSocket for so long: does a proxy cut it?"`
	CookieFile string        `placeholder:"FILE" group:"Doctor" help:"Send the platform's cookies, as a Cookie header in this file."`
	Insecure   bool          `group:"Doctor" help:"Take any certificate of the page's."`
}

// Run looks at what there is to be looked at, and fails if something does.
func (c *doctorCmd) Run(ctx context.Context, stdout io.Writer) error {
	checks, done, err := c.checks()
	if err != nil {
		return err
	}
	defer done()
	each := doctor.Text(stdout)
	if c.JSON {
		each = doctor.JSON(stdout)
	}
	if !doctor.Examine(ctx, checks, each) {
		return errors.Join(ctx.Err(), errUnwell)
	}
	return nil
}

var errUnwell = errors.New("something is missing: see above")

func (c *doctorCmd) checks() (checks []doctor.Check, done func(), err error) {
	if c.URL == "" {
		return c.local(), func() {}, nil
	}
	header := http.Header{}
	if c.CookieFile != "" {
		text, err := os.ReadFile(c.CookieFile)
		if err != nil {
			return nil, nil, exitError{exitNoInput, fmt.Errorf("cannot use --cookie-file: %w", err)}
		}
		header.Set("Cookie", strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(text)), "Cookie:")))
	}
	checks, done, err = doctor.Remote(doctor.RemoteConfig{URL: c.URL, Header: header, Insecure: c.Insecure, Stay: c.Stay, Media: new(webRTC).checks()})
	if err != nil {
		return nil, nil, exitError{exitUsage, err}
	}
	return checks, done, nil
}

// local looks at this machine.
func (c *doctorCmd) local() []doctor.Check {
	return []doctor.Check{
		{Name: "display", Run: c.checkDisplay},
		{Name: "X server", Run: checkServer},
		{Name: "encoders", Run: checkEncoders},
		{Name: "GPU", Run: gpu{}.checkGPU},
		{Name: "shared memory", Run: checkSharedMemory},
		{Name: "VNC", Run: checkVNC},
		{Name: "user", Run: checkUser},
		{Name: "home", Run: checkHome},
		{Name: "/dev/shm", Run: checkTemporary},
		{Name: "processors", Run: checkProcessors},
		{Name: "listen", Run: c.checkListen},
		{Name: "base path", Run: c.checkBasePath},
		{Name: "network", Run: checkNetwork},
		{Name: "culler", Run: c.checkCuller},
	}
}

func (c *doctorCmd) checkDisplay(context.Context) doctor.Finding {
	if c.Display == "" {
		return doctor.Finding{State: doctor.Skip, Found: "DISPLAY is not set; lucarne up starts a display of its own"}
	}
	source, err := x11.Open(x11.Config{Display: c.Display, Log: slog.New(slog.DiscardHandler)})
	if missing := (*display.ExtensionError)(nil); errors.As(err, &missing) {
		return doctor.Finding{State: doctor.Fail, Found: err.Error(), User: "start another X server: lucarne up does"}
	}
	if err != nil {
		return doctor.Finding{State: doctor.Fail, Found: err.Error(), User: "start it, name another with --display, or let lucarne up start one"}
	}
	defer source.Close()
	var frame capture.Frame
	began := time.Now()
	if err := source.Grab(&frame); err != nil {
		return doctor.Finding{State: doctor.Fail, Found: err.Error(), User: "share /dev/shm and the IPC namespace with the X server"}
	}
	defer frame.Release()
	return doctor.Finding{State: doctor.OK, Found: fmt.Sprintf("%s, %dx%d, grabbed in %.1f ms",
		c.Display, frame.Size.X, frame.Size.Y, time.Since(began).Seconds()*1000)}
}

// checkServer looks for an X server that up can start.
func checkServer(context.Context) doctor.Finding {
	plan, err := display.New(display.Config{})
	if err != nil {
		return doctor.Finding{State: doctor.Warn, Found: err.Error(), User: "serve a display that is there already, or ask for an image with an X server",
			Admin: "install tigervnc-standalone-server in the image"}
	}
	f := doctor.Finding{State: doctor.OK, Found: plan.Server + ": " + plan.Command[0]}
	if err := plan.Close(); err != nil {
		return doctor.Finding{State: doctor.Warn, Found: err.Error()}
	}
	return f
}

func checkEncoders(context.Context) doctor.Finding {
	usable, err := usable(backends())
	if err != nil {
		return doctor.Finding{State: doctor.Fail, Found: err.Error()}
	}
	var names []string
	for _, b := range usable {
		names = append(names, fmt.Sprintf("%s (%s)", b.Codec, b.Name))
	}
	return doctor.Finding{State: doctor.OK, Found: strings.Join(names, ", ")}
}

// leastShared is a System V segment for one picture of 3840x2160.
const leastShared = 4 * 3840 * 2160

// checkSharedMemory looks at how large a segment may be (proc(5), shmmax).
func checkSharedMemory(context.Context) doctor.Finding {
	text, err := os.ReadFile("/proc/sys/kernel/shmmax")
	if err != nil {
		return doctor.Finding{State: doctor.Skip, Found: err.Error()}
	}
	most, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || most < leastShared {
		return doctor.Finding{State: doctor.Warn, Found: "segments of " + strings.TrimSpace(string(text)) + " bytes at most: too small for a picture of 3840x2160",
			Admin: "raise kernel.shmmax"}
	}
	return doctor.Finding{State: doctor.OK, Found: "segments for any picture"}
}

func checkVNC(context.Context) doctor.Finding {
	for _, program := range []string{"Xtigervnc", "Xvnc", "x11vnc"} {
		if path, err := exec.LookPath(program); err == nil {
			return doctor.Finding{State: doctor.OK, Found: path}
		}
	}
	return doctor.Finding{State: doctor.Warn, Found: "neither Xvnc nor x11vnc is installed: the page has no VNC to fall back on",
		Admin: "install tigervnc-standalone-server or x11vnc in the image"}
}

func (c *doctorCmd) checkListen(context.Context) doctor.Finding {
	network, address, err := splitListen(c.Listen)
	if err != nil {
		return doctor.Finding{State: doctor.Fail, Found: err.Error()}
	}
	if network == "unix" {
		return doctor.Finding{State: doctor.Skip, Found: "a Unix socket: " + address}
	}
	l, err := net.Listen(network, address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return doctor.Finding{State: doctor.Warn, Found: address + " is taken, perhaps by a lucarne that runs", User: "choose another with --listen"}
	}
	if err != nil {
		return doctor.Finding{State: doctor.Fail, Found: err.Error(), User: "choose another with --listen"}
	}
	l.Close()
	return doctor.Finding{State: doctor.OK, Found: address + " is free"}
}

func (c *doctorCmd) checkBasePath(context.Context) doctor.Finding {
	for _, name := range []string{"LUCARNE_BASE_PATH", "NB_PREFIX", "JUPYTERHUB_SERVICE_PREFIX"} {
		if os.Getenv(name) != "" {
			return doctor.Finding{State: doctor.OK, Found: fmt.Sprintf("%s, by %s", c.BasePath, name)}
		}
	}
	return doctor.Finding{State: doctor.OK, Found: c.BasePath + "; a proxy that strips a prefix needs none"}
}

// checkNetwork looks for an address that a browser elsewhere could reach by UDP.
func checkNetwork(context.Context) doctor.Finding {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return doctor.Finding{State: doctor.Warn, Found: err.Error()}
	}
	var usable []string
	for _, a := range addresses {
		ip, ok := a.(*net.IPNet)
		if !ok || !ip.IP.IsGlobalUnicast() {
			continue
		}
		socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip.IP})
		if err != nil {
			continue
		}
		socket.Close()
		usable = append(usable, ip.IP.String())
	}
	if len(usable) == 0 {
		return doctor.Finding{State: doctor.Warn, Found: "no address but this machine's own: WebRTC reaches nobody else, the WebSocket carries the picture",
			Admin: "give the container a network, or a TURN server"}
	}
	return doctor.Finding{State: doctor.OK, Found: "UDP at " + strings.Join(usable, ", ")}
}
