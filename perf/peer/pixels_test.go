package peer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"testing"
	"time"

	"lucarne/perf/browser"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

// TestPixels: what is drawn on each peer's display is shown by its page, also
// after a restart.
func TestPixels(t *testing.T) {
	if _, err := browser.Find(); errors.Is(err, browser.ErrNotFound) {
		t.Skip("chromium is not installed")
	}
	example, err := ReadSpec("example.json")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	b, err := browser.Start(ctx, browser.Config{Size: image.Pt(1280, 720)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, spec := range []Spec{Lucarne("../../bin/lucarne", ""), VNC(), X11VNC(), example} {
		t.Run(spec.Name, func(t *testing.T) {
			if err := spec.missing(); err != nil {
				t.Skip(err)
			}
			t.Setenv("XAUTHORITY", "") // restored after the test
			p := launch(t, spec, Config{Size: image.Pt(1280, 720)})
			if err := p.Enter(); err != nil {
				t.Fatal(err)
			}
			w, err := xclient.Open(p.Display(), image.Rect(320, 160, 640, 320), 0x2060c0)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			shows(ctx, t, b, p.URL(), 0x2060c0)
			if err := p.Restart(ctx); err != nil {
				t.Fatal(err)
			}
			w.Fill(image.Rect(0, 0, 320, 160), 0xe0a030)
			shows(ctx, t, b, p.URL(), 0xe0a030)
		})
	}
}

// shows opens a page and waits until it shows a colour inside the window.
func shows(ctx context.Context, t *testing.T, b *browser.Browser, url string, want xclient.RGB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patienceOfTests)
	defer cancel()
	_, page, err := sample.Open(ctx, b, url)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	expression := fmt.Sprintf(`(c => [0, 8, 16].every(s => Math.abs((c >> s & 255) - (%d >> s & 255)) <= 24))
		(lucarneSampler.colours([[480, 240]])[0])`, want)
	if err := page.Wait(ctx, expression); err != nil {
		t.Fatalf("%s does not show %06x: %v", url, want, err)
	}
}

// TestEnvironment: what configures the programs is not handed on.
func TestEnvironment(t *testing.T) {
	t.Setenv("LUCARNE_LISTEN", "x")
	t.Setenv("NB_PREFIX", "x")
	t.Setenv("JUPYTERHUB_SERVICE_PREFIX", "x")
	if got, all := len(environment()), len(os.Environ()); got > all-3 {
		t.Errorf("%d variables of %d are handed on, want three less", got, all)
	}
}
