package e2e

import (
	"errors"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/signaling/iceserver/turntest"
)

// examination runs doctor on a page; it says what it has printed.
func examination(t *testing.T, link string) (out string, err error) {
	t.Helper()
	cmd := exec.Command(os.Getenv(binaryVariable), "doctor", link)
	cmd.Env = environment()
	text, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(text), err
}

// TestDoctorByWebRTC: doctor connects as a browser does, and asks each TURN
// server that the page is told of.
func TestDoctorByWebRTC(t *testing.T) {
	turn := turntest.Start(t)
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(640, 480)})
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(turntest.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, agent: startAgent(t, plan.Display, "--auth", "token", "--turn-secret-file", secret,
		"--ice-server", turn.UDP, "--ice-server", turn.TLS)}
	out, err := examination(t, d.link())
	if err != nil {
		t.Errorf("doctor fails: %v", err)
	}
	for _, want := range []string{
		"ok    WebRTC             connects directly in ",
		"warn  TURN               " + turn.UDP + " gives an address within ",
		"unknown authority",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	_, token, _ := strings.Cut(d.link(), "#token=")
	if strings.Contains(out, token) || strings.Contains(out, turntest.Secret+"\n") {
		t.Errorf("doctor tells a secret:\n%s", out)
	}
}
