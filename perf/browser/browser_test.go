package browser

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a page that writes down the events it gets.
const recorder = `<!doctype html><title>recorder</title><body style="margin:0;height:3000px"><script>
window.got = [];
for (const type of ["keydown", "keyup"])
  addEventListener(type, e => got.push([type, e.code, e.key, e.shiftKey, e.repeat].join(" ")));
for (const type of ["mousedown", "mouseup", "wheel"])
  addEventListener(type, e => got.push([type, e.clientX, e.clientY, e.buttons, e.deltaY || 0].join(" ")));
addEventListener("touchstart", e => got.push("touchstart " + e.touches.length));
</script>`

func start(t *testing.T, cfg Config) (context.Context, *Browser) {
	t.Helper()
	if _, err := Find(); errors.Is(err, ErrNotFound) {
		t.Skip("chromium is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	b, err := Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(b.profile.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("profile is left: %v", err)
		}
		for deadline := time.Now().Add(20 * time.Second); syscall.Kill(-b.PID(), 0) == nil; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a process is left")
			}
		}
	})
	return ctx, b
}

func serve(t *testing.T, page string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(page))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestInput(t *testing.T) {
	ctx, b := start(t, Config{})
	page, err := b.Open(ctx, serve(t, recorder))
	if err != nil {
		t.Fatal(err)
	}
	a := Key{Code: "KeyA", Key: "a"}
	again := a
	again.Repeat = true
	at := image.Pt(40, 30)
	for _, err := range []error{
		page.KeyDown(ctx, a), page.KeyDown(ctx, again), page.KeyUp(ctx, a),
		page.Type(ctx, "B!\n"),
		page.Click(ctx, at, Right),
		page.Wheel(ctx, at, image.Pt(0, 120)),
		page.Touch(ctx, at), page.TouchEnd(ctx),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"keydown KeyA a false false", "keydown KeyA a false true", "keyup KeyA a false false",
		"keydown ShiftLeft Shift true false", "keydown KeyB B true false", "keyup KeyB B true false", "keyup ShiftLeft Shift false false",
		"keydown ShiftLeft Shift true false", "keydown Digit1 ! true false", "keyup Digit1 ! true false", "keyup ShiftLeft Shift false false",
		"keydown Enter Enter false false", "keyup Enter Enter false false",
		"mousedown 40 30 2 0", "mouseup 40 30 0 0", "wheel 40 30 0 120", "touchstart 1",
	}
	if err := page.Wait(ctx, `got.includes("touchstart 1")`); err != nil {
		t.Error(err)
	}
	var got []string
	if err := page.Eval(ctx, "got", &got); err != nil {
		t.Fatal(err)
	}
	got = got[:min(len(got), len(want))] // a tap is followed by mouse events for old pages
	if !slices.Equal(got, want) {
		t.Errorf("events\n got %q\nwant %q", got, want)
	}
}

func TestPage(t *testing.T) {
	ctx, b := start(t, Config{Size: image.Pt(1000, 700), Scale: 1.5, Lang: "fr"})
	url := serve(t, recorder)
	if err := b.Grant(ctx, url, "clipboardReadWrite", "clipboardSanitizedWrite"); err != nil {
		t.Fatal(err)
	}
	page, err := b.NewPage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Init(ctx, "window.first = document.readyState"); err != nil {
		t.Fatal(err)
	}
	if err := page.Navigate(ctx, url); err != nil {
		t.Fatal(err)
	}
	var got struct {
		W, H        int
		Scale       float64
		Lang, First string
		Visible     string
		Clip        string
	}
	err = page.Eval(ctx, `navigator.clipboard.writeText("été").then(() => navigator.clipboard.readText()).then(clip => ({
		w: innerWidth, h: innerHeight, scale: devicePixelRatio, lang: navigator.language, first: first,
		visible: document.visibilityState, clip}))`, &got)
	if err != nil {
		t.Fatal(err)
	}
	want := got
	want.W, want.H, want.Scale, want.Lang, want.First, want.Visible, want.Clip = 1000, 700, 1.5, "fr", "loading", "visible", "été"
	if got != want {
		t.Errorf("page is %+v, want %+v", got, want)
	}
	shot, err := page.Screenshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := png.DecodeConfig(bytes.NewReader(shot))
	if err != nil || cfg.Width != 1500 || cfg.Height != 1050 {
		t.Errorf("screenshot is %d×%d, %v; want 1500×1050", cfg.Width, cfg.Height, err)
	}
	if err := page.Eval(ctx, `(() => { throw new Error("no") })()`, nil); err == nil {
		t.Error("Eval of a throwing expression: no error")
	}
}

func TestNavigationMeanwhile(t *testing.T) {
	ctx, b := start(t, Config{})
	page, err := b.Open(ctx, serve(t, `<!doctype html><script>
sessionStorage.loads = Number(sessionStorage.loads || 0) + 1;
if (sessionStorage.loads > 1 && sessionStorage.loads < 20) setTimeout(() => location.reload());
</script>`))
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Eval(ctx, "new Promise(() => location.reload())", nil); !errors.Is(err, ErrNavigated) {
		t.Errorf("Eval over a reload: %v, want ErrNavigated", err)
	}
	if err := page.Wait(ctx, `sessionStorage.loads === "20"`); err != nil {
		t.Error(err)
	}
}

func TestVisibility(t *testing.T) {
	ctx, b := start(t, Config{})
	page, err := b.Open(ctx, serve(t, recorder))
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.Open(ctx, serve(t, recorder)) // a window of its own covers nothing
	if err != nil {
		t.Fatal(err)
	}
	wait := func(want string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := page.Wait(ctx, `document.visibilityState === "`+want+`"`); err != nil {
			t.Fatal(err)
		}
	}
	wait("visible")
	if err := page.Hide(ctx); err != nil {
		t.Fatal(err)
	}
	wait("hidden")
	if err := page.Show(ctx); err != nil {
		t.Fatal(err)
	}
	wait("visible")
	for _, p := range []*Page{other, page} {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A browser that is killed is known to be gone, and was started as asked.
func TestGone(t *testing.T) {
	var started *exec.Cmd
	ctx, b := start(t, Config{Start: func(cmd *exec.Cmd) error {
		started = cmd
		return cmd.Start()
	}})
	if started == nil || started.Process.Pid != b.PID() {
		t.Fatalf("started %v, want the browser by Start", started)
	}
	select {
	case <-b.Gone():
		t.Fatal("gone while it runs")
	default:
	}
	if err := syscall.Kill(b.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-b.Gone():
	case <-ctx.Done():
		t.Fatal("killed, but not gone")
	}
	if _, err := b.Version(ctx); err == nil {
		t.Error("a browser that has gone answers")
	}
}

// TestPageThatCannotBeMade: nothing of it stays open.
func TestPageThatCannotBeMade(t *testing.T) {
	ctx, b := start(t, Config{})
	pages := func() (ids []string) {
		var all struct {
			TargetInfos []struct{ TargetID, Type string }
		}
		if err := b.conn.call(ctx, "", "Target.getTargets", nil, &all); err != nil {
			t.Fatal(err)
		}
		for _, target := range all.TargetInfos {
			if target.Type == "page" {
				ids = append(ids, target.TargetID)
			}
		}
		slices.Sort(ids)
		return ids
	}
	before := pages()
	b.cfg.Size.X = -1
	for name, open := range map[string]func(context.Context) (*Page, error){"common": b.NewPage, "private": b.NewPrivatePage} {
		if _, err := open(ctx); err == nil {
			t.Errorf("%s: a page of a negative width, want an error", name)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); !slices.Equal(pages(), before); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("pages %v, want %v", pages(), before)
		}
	}
}
