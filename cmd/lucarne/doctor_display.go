package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/x11"
	"lucarne/cmd/internal/doctor"
	"lucarne/encode"
)

// checkDisplay takes one picture of the display, by MIT-SHM, which is the only way there is.
func (c *doctorCmd) checkDisplay(context.Context) doctor.Finding {
	if c.Display == "" {
		return doctor.Tell("display-none")
	}
	source, err := x11.Open(x11.Config{Display: c.Display, Log: slog.New(slog.DiscardHandler)})
	if missing := (*display.ExtensionError)(nil); errors.As(err, &missing) {
		return doctor.Tell("display-extension", c.Display, err.Error())
	}
	if err != nil {
		return doctor.Tell("display-closed", c.Display, err.Error())
	}
	defer source.Close()
	var frame capture.Frame
	began := time.Now()
	if err := source.Grab(&frame); err != nil {
		return doctor.Tell("display-grab", c.Display, err.Error())
	}
	defer frame.Release()
	size := fmt.Sprintf("%dx%d", frame.Size.X, frame.Size.Y)
	return doctor.Tell("display-ok", c.Display, size, fmt.Sprintf("%.1f", time.Since(began).Seconds()*1000))
}

// shown says how the display is that an agent shows.
func shown(name string, status capture.Status) doctor.Finding {
	why := "–"
	if status.Err != nil {
		why = status.Err.Error()
	}
	switch status.State {
	case capture.Up:
		return doctor.Tell("display-shown", name)
	case capture.Starting:
		return doctor.Tell("display-waits", name)
	case capture.Gone:
		return doctor.Tell("display-lost", name, why)
	}
	return doctor.Tell("display-failed", name, why)
}

// checkServer looks for an X server that up can start.
func checkServer(context.Context) doctor.Finding {
	plan, err := display.New(display.Config{})
	if err != nil {
		return noServer(err)
	}
	defer plan.Close()
	return doctor.Tell("xserver-ok", plan.Server, plan.Command[0])
}

// noServer says why no X server can be started.
func noServer(err error) doctor.Finding {
	if errors.Is(err, display.ErrTemp) {
		return doctor.Tell("xserver-temp", err.Error())
	}
	return doctor.Tell("xserver-none", err.Error())
}

// ofEncoders words which encoders are of use here.
func ofEncoders(usable []encode.Backend, err error) doctor.Finding {
	if err != nil {
		return doctor.Tell("encoders-none", err.Error())
	}
	var names []string
	for _, b := range usable {
		names = append(names, fmt.Sprintf("%s (%s)", b.Codec, b.Name))
	}
	return doctor.Tell("encoders-ok", strings.Join(names, ", "))
}

// ofJPEG looks among them for the rung of browsers that have no video decoder for the socket;
// of there being none at all ofEncoders tells.
func ofJPEG(usable []encode.Backend, _ error) doctor.Finding {
	for _, b := range usable {
		if b.Codec == encode.JPEG {
			return doctor.Tell("jpeg-ok")
		}
	}
	return doctor.Tell("jpeg-none")
}

func checkVNC(context.Context) doctor.Finding {
	for _, program := range []string{"Xtigervnc", "Xvnc", "x11vnc"} {
		if path, err := exec.LookPath(program); err == nil {
			return doctor.Tell("vnc-ok", path)
		}
	}
	return doctor.Tell("vnc-none")
}

// leastShared is a System V segment for one picture of 3840x2160.
const leastShared = 4 * 3840 * 2160

// checkSharedMemory looks at how large a segment may be (proc(5), shmmax).
func checkSharedMemory(context.Context) doctor.Finding {
	text, err := os.ReadFile("/proc/sys/kernel/shmmax")
	if err != nil {
		return doctor.Tell("segments-unknown", err.Error())
	}
	most, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || most < leastShared {
		return doctor.Tell("segments-small", string(text))
	}
	return doctor.Tell("segments-ok")
}
