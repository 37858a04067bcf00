package display_test

import (
	"errors"
	"image"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
)

// TestVNCSocket: Xvnc's VNC server answers to its owner alone, and nobody on the
// display can give it a clipboard.
func TestVNCSocket(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvnc, Size: image.Pt(320, 240)})
	info, err := os.Stat(plan.VNC)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got.Type() != os.ModeSocket || got.Perm() != 0o600 {
		t.Errorf("the VNC socket is %v, want a socket of mode 0600", got)
	}
	conn, err := net.Dial("unix", plan.VNC)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	version := make([]byte, 12)
	if _, err := io.ReadFull(conn, version); err != nil || string(version) != "RFB 003.008\n" {
		t.Errorf("version %q, %v, want RFB 003.008", version, err)
	}
	if _, err := exec.LookPath("vncconfig"); err != nil {
		t.Skip("vncconfig is not installed")
	}
	set := exec.Command("vncconfig", "-display", plan.Display, "-set", "SendCutText=1")
	if out, err := set.CombinedOutput(); !strings.Contains(string(out), "failed") {
		t.Errorf("%v: %v, %q, want it refused", set.Args, err, out)
	}
}

func TestOnlyXvncHasAVNCSocket(t *testing.T) {
	needs(t, "Xvfb")
	plan, err := display.New(display.Config{Server: display.Xvfb, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	if plan.VNC != "" {
		t.Errorf("Xvfb has a VNC socket: %s", plan.VNC)
	}
}

func TestLongDirectory(t *testing.T) {
	needs(t, "Xvnc")
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 25))
	if plan, err := display.New(display.Config{Server: display.Xvnc, Dir: dir}); err == nil {
		plan.Close()
		t.Error("a socket path that is too long: no error")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestMissingDriverNamesItsPackage(t *testing.T) {
	if _, err := display.FindXorg([]string{t.TempDir()}); !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "xserver-xorg-video-dummy") {
		t.Errorf("%v, want one that names the driver's package", err)
	}
}

// TestXorg: it has the size wanted, and leaves nothing behind.
func TestXorg(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []image.Point{{64, 64}, {1280, 720}, {1920, 1080}, {7680, 4320}} {
		t.Run(size.String(), func(t *testing.T) {
			plan := displaytest.Start(t, display.Config{Server: display.Xorg, Size: size, Dir: dir})
			if got := screenSize(t, plan); got != plan.Start {
				t.Errorf("the screen is %v, want %v", got, plan.Start)
			}
		})
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range left {
		if file.Name() != "server.log" { // displaytest's
			t.Errorf("%s is left behind", file.Name())
		}
	}
}
