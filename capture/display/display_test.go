package display_test

import (
	"context"
	"errors"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
)

func TestServersStart(t *testing.T) {
	for _, server := range []string{display.Xvnc, display.Xvfb, display.Xorg, ""} {
		t.Run("server "+server, func(t *testing.T) {
			plan := displaytest.Start(t, display.Config{Server: server, Size: image.Pt(641, 479)})
			info, err := os.Stat(plan.Authority)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != 0o600 {
				t.Errorf("cookie's mode %o, want 600", got)
			}
			if !slices.Contains(plan.Env(), "DISPLAY="+plan.Display) {
				t.Errorf("environment %q lacks DISPLAY", plan.Env())
			}
			if got, want := screenSize(t, plan), image.Pt(641, 479); got != want {
				t.Errorf("the screen is %v, want %v", got, want)
			}
		})
	}
}

// screenSize is what clients are told of the screen's size.
func screenSize(t *testing.T, plan *display.Plan) image.Point {
	t.Helper()
	conn, err := display.Connect(plan.Display)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	screen := xproto.Setup(conn).DefaultScreen(conn)
	return image.Pt(int(screen.WidthInPixels), int(screen.HeightInPixels))
}

func TestSizes(t *testing.T) {
	needs(t, "Xvfb")
	for _, c := range []struct {
		size, max   image.Point
		want, start image.Point
		fails       bool
	}{
		{want: image.Pt(1920, 1080), start: image.Pt(1920, 1080)},
		{size: image.Pt(800, 600), want: image.Pt(800, 600), start: image.Pt(800, 600)},
		{size: image.Pt(800, 600), max: image.Pt(3840, 100), want: image.Pt(800, 600), start: image.Pt(3840, 600)},
		{size: image.Pt(-1, 600), fails: true},
		{size: image.Pt(800, 0), fails: true},
		{size: image.Pt(100000, 1), fails: true},
		{size: image.Pt(800, 600), max: image.Pt(40000, 600), fails: true},
	} {
		plan, err := display.New(display.Config{Server: display.Xvfb, Size: c.size, Max: c.max, Dir: t.TempDir()})
		if c.fails {
			if err == nil {
				plan.Close()
				t.Errorf("%v up to %v: no error", c.size, c.max)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if plan.Size != c.want || plan.Start != c.start {
			t.Errorf("%v up to %v: %v from %v, want %v from %v", c.size, c.max, plan.Size, plan.Start, c.want, c.start)
		}
		plan.Close()
	}
}

func TestNumbersAndCookiesDiffer(t *testing.T) {
	needs(t, "Xvfb")
	dir := filepath.Join(t.TempDir(), "made")
	var plans []*display.Plan
	for range 3 {
		plan, err := display.New(display.Config{Server: display.Xvfb, Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer plan.Close()
		plans = append(plans, plan)
	}
	first, err := os.ReadFile(plans[0].Authority)
	if err != nil {
		t.Fatal(err)
	}
	for _, plan := range plans[1:] {
		if plan.Display == plans[0].Display {
			t.Errorf("display %s twice", plan.Display)
		}
		other, err := os.ReadFile(plan.Authority)
		if err != nil {
			t.Fatal(err)
		}
		if string(first[len(first)-16:]) == string(other[len(other)-16:]) {
			t.Error("the same cookie twice")
		}
	}
}

func TestCloseRemovesTheCookie(t *testing.T) {
	needs(t, "Xvfb")
	plan, err := display.New(display.Config{Server: display.Xvfb})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := plan.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Dir(plan.Authority)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the cookie's directory: %v, want it gone", err)
	}
}

// A server that is killed removes nothing; Close does, so that the number is free again.
func TestCloseRemovesWhatAKilledServerLeaves(t *testing.T) {
	plan, kill := displaytest.StartProcess(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 64)})
	traces := []string{"/tmp/.X" + plan.Display[1:] + "-lock", "/tmp/.X11-unix/X" + plan.Display[1:]}
	left := func() (there []string) {
		for _, path := range traces {
			if _, err := os.Lstat(path); err == nil {
				there = append(there, path)
			}
		}
		return there
	}
	kill()
	if got := left(); len(got) != len(traces) {
		t.Fatalf("a server that was killed has left %q, want %q", got, traces)
	}
	if err := plan.Close(); err != nil {
		t.Error(err)
	}
	if got := left(); len(got) != 0 {
		t.Errorf("after Close there are %q", got)
	}
}

func TestReadyNeedsTheCookie(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 64)})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stranger := *plan
	display.SetCookie(&stranger, make([]byte, 16))
	if err := stranger.Ready(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("ready with a wrong cookie: %v (%v)", err, ctx.Err())
	}
}

func TestReadyGivesUpWithItsContext(t *testing.T) {
	needs(t, "Xvfb")
	plan, err := display.New(display.Config{Server: display.Xvfb})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := plan.Ready(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ready without a server: %v", err)
	}
}

func TestMissingProgramNamesItsPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for server, pkg := range map[string]string{
		display.Xvnc: "tigervnc-standalone-server",
		display.Xvfb: "xvfb",
		"":           "tigervnc-standalone-server",
	} {
		_, err := display.New(display.Config{Server: server})
		if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), pkg) {
			t.Errorf("%q: %v, want one that names %s", server, err, pkg)
		}
	}
	if _, err := display.New(display.Config{Server: "Xwayland"}); err == nil {
		t.Error("an unknown server: no error")
	}
}

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(err)
	}
}

func TestRefusedConnectionIsToldApart(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 64)})
	t.Setenv("XAUTHORITY", filepath.Join(t.TempDir(), "none"))
	if _, err := display.Connect(plan.Display); !errors.Is(err, display.ErrRefused) || !errors.Is(err, display.ErrNoDisplay) {
		t.Errorf("without the cookie: %v", err)
	}
	if _, err := display.Connect(":98765"); errors.Is(err, display.ErrRefused) || !errors.Is(err, display.ErrNoDisplay) {
		t.Errorf("where there is no server: %v", err)
	}
}

// The servers' directory is made as all users' where there is none; one that cannot be
// used is told before a server is started.
func TestTemp(t *testing.T) {
	temp := t.TempDir()
	sockets := filepath.Join(temp, ".X11-unix")
	for range 2 {
		if err := display.PrepareTemp(temp); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(sockets); err != nil || info.Mode() != os.ModeDir|os.ModeSticky|0o777 {
			t.Errorf("%s: %v, %v", sockets, info.Mode(), err)
		}
	}
	if err := display.PrepareTemp("/proc"); !errors.Is(err, display.ErrTemp) {
		t.Errorf("where nothing can be made: %v", err)
	}
	if err := os.Chmod(sockets, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := display.PrepareTemp(temp); os.Getuid() != 0 && !errors.Is(err, display.ErrTemp) {
		t.Errorf("where no socket can be made: %v", err)
	}
}
