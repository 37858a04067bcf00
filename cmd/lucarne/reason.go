package main

import (
	"errors"
	"os/exec"

	"lucarne/capture"
	"lucarne/capture/display"
)

// displayReason words the state of the display called name for the page, by the
// codes of web/src/codes.json. ours: the X server is a process of ours.
func displayReason(name string, ours bool, status capture.Status) (code string, args []string) {
	missing, program := (*display.ExtensionError)(nil), (*exec.Error)(nil)
	switch {
	case status.State == capture.Up:
		return "", nil
	case errors.As(status.Err, &missing):
		return "extension-missing", []string{missing.Extension}
	case errors.As(status.Err, &program):
		return "xserver-missing", []string{program.Name}
	case errors.Is(status.Err, display.ErrTemp):
		return "xserver-temp", nil
	case errors.Is(status.Err, display.ErrRefused):
		return "access-refused", []string{name}
	case status.State == capture.Starting && ours:
		return "display-starting", nil
	case status.State == capture.Starting:
		return "display-waiting", []string{name}
	case ours:
		return "xserver-exited", nil
	case status.State == capture.Gone:
		return "display-lost", []string{name}
	}
	return "display-open", []string{name}
}
