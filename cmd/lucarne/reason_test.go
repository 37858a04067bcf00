package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"lucarne/capture"
	"lucarne/capture/display"
)

func TestDisplayReason(t *testing.T) {
	raw, err := os.ReadFile("../../web/src/codes.json")
	if err != nil {
		t.Fatal(err)
	}
	var known struct{ Display []string }
	if err := json.Unmarshal(raw, &known); err != nil {
		t.Fatal(err)
	}
	unreachable := fmt.Errorf("x11: open: %w", display.ErrNoDisplay)
	for name, c := range map[string]struct {
		status capture.Status
		ours   bool
		code   string
		args   []string
	}{
		"up":                {capture.Status{State: capture.Up}, false, "", nil},
		"ours starts":       {capture.Status{State: capture.Starting}, true, "display-starting", nil},
		"another's starts":  {capture.Status{State: capture.Starting}, false, "display-waiting", []string{":7"}},
		"ours has ended":    {capture.Status{State: capture.Gone, Err: errors.New("exit status 1")}, true, "xserver-exited", nil},
		"another's is lost": {capture.Status{State: capture.Gone, Err: unreachable}, false, "display-lost", []string{":7"}},
		"not there":         {capture.Status{State: capture.Failed, Err: unreachable}, false, "display-open", []string{":7"}},
		"refused":           {capture.Status{State: capture.Failed, Err: fmt.Errorf("%w: %w", display.ErrNoDisplay, display.ErrRefused)}, false, "access-refused", []string{":7"}},
		"no extension": {capture.Status{State: capture.Failed, Err: fmt.Errorf("x11: open: %w", &display.ExtensionError{Extension: "DAMAGE"})},
			false, "extension-missing", []string{"DAMAGE"}},
		"no /tmp": {capture.Status{State: capture.Failed, Err: fmt.Errorf("display: %w: read-only", display.ErrTemp)}, true, "xserver-temp", nil},
		"not installed": {capture.Status{State: capture.Failed, Err: fmt.Errorf("display: %w", &exec.Error{Name: "Xvnc", Err: exec.ErrNotFound})},
			true, "xserver-missing", []string{"Xvnc"}},
	} {
		code, args := displayReason(":7", c.ours, c.status)
		if code != c.code || !slices.Equal(args, c.args) {
			t.Errorf("%s: got %q %q, want %q %q", name, code, args, c.code, c.args)
		}
		if code != "" && !slices.Contains(known.Display, code) {
			t.Errorf("%s: the page has no words for %q", name, code)
		}
	}
}
