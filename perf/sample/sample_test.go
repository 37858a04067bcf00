package sample

import (
	"context"
	"errors"
	"image"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lucarne/perf/browser"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A page that shows bar codes when asked to and goes on to a colour at each key
// press.
const animated = `<!doctype html><body style="margin:0"><canvas width=640 height=480></canvas><script>
const c = document.querySelector("canvas").getContext("2d");
window.show = n => {
  const sum = ((n >> 12) + (n >> 8) + (n >> 4) + n + 5) & 15;
  const bits = (1 << 23) | (n << 6) | (sum << 2) | 1;
  for (let i = 0; i < 24; i++) {
    c.fillStyle = (bits >> (23 - i)) & 1 ? "#fff" : "#000";
    c.fillRect(32 + 16 * i, 48, 16, 16);
  }
};
addEventListener("keydown", () => { c.fillStyle = "#e0c040"; c.fillRect(0, 0, 640, 480); });
</script>`

// launch starts a browser for as long as the test.
func launch(t *testing.T) (context.Context, *browser.Browser) {
	t.Helper()
	if _, err := browser.Find(); errors.Is(err, browser.ErrNotFound) {
		t.Skip("chromium is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	b, err := browser.Start(ctx, browser.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return ctx, b
}

// serve returns the URL of a page.
func serve(t *testing.T, page string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(page))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestSampler(t *testing.T) {
	ctx, b := launch(t)
	s, page, err := Open(ctx, b, serve(t, animated))
	if err != nil {
		t.Fatal(err)
	}

	if err := s.StartFrames(ctx, image.Pt(32, 48)); err != nil {
		t.Fatal(err)
	}
	const frames = `(async () => {
		const next = () => new Promise(requestAnimationFrame);
		for (const n of [1, 2, 2, 4, 2, 4]) { show(n); await next(); await next(); }
	})()`
	if err := page.Eval(ctx, frames, nil); err != nil {
		t.Fatal(err)
	}
	r, err := s.Stop(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, v := range r.Samples {
		if v.Value >= 0 {
			got = append(got, v.Value)
		}
	}
	// An older frame that is shown again is recorded too: Shown has to know of it.
	if want := []int{1, 2, 4, 2, 4}; !slices.Equal(got, want) {
		t.Errorf("frames %v, want %v", got, want)
	}
	if r.Frames < 12 {
		t.Errorf("%d animation frames, want 12 or more", r.Frames)
	}

	if err := s.StartColour(ctx, image.Pt(100, 200)); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	if err := page.Press(ctx, browser.Key{Code: "KeyA", Key: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := page.Wait(ctx, "lucarneSampler.colours([[100, 200]])[0] === 0xe0c040"); err != nil {
		t.Fatal(err)
	}
	page.Eval(ctx, "new Promise(requestAnimationFrame)", nil)
	if r, err = s.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if len(r.Keys) != 1 || len(r.Clicks) != 0 || len(r.Samples) == 0 {
		t.Fatalf("recording %+v, want one key and a colour", r)
	}
	last := r.Samples[len(r.Samples)-1]
	if last.Value != 0xe0c040 || last.At.Before(r.Keys[0]) {
		t.Errorf("colour %06x at %v, want e0c040 after %v", last.Value, last.At, r.Keys[0])
	}
	// One machine, one clock: the event lies between what we did before and after it.
	if slack := 5 * time.Millisecond; r.Keys[0].Before(before.Add(-slack)) || r.Keys[0].After(time.Now().Add(slack)) {
		t.Errorf("key at %v, not between %v and now", r.Keys[0], before)
	}

	if err := s.StartColour(ctx, image.Pt(100, 200)); err != nil {
		t.Fatal(err)
	}
	if err := page.Click(ctx, image.Pt(100, 200), browser.Left); err != nil {
		t.Fatal(err)
	}
	if r, err = s.Stop(ctx); err != nil || len(r.Keys) != 0 || len(r.Clicks) != 1 {
		t.Errorf("recording %+v, %v; want one click", r, err)
	}
}
