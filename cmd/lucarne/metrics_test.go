package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/encode"
	"lucarne/input"
	"lucarne/signaling"
	"lucarne/signaling/activity"
	"lucarne/signaling/files"
	"lucarne/signaling/session"
	"lucarne/web"
)

// example is a desktop of which there is something to be told in each respect, though
// nothing runs.
func example(t testing.TB) *figures {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	f := &figures{screen: capture.NewScreen(log), traffic: &traffic{}, files: files.New(files.Config{Dir: t.TempDir(), Log: log})}
	for _, codec := range []encode.Codec{encode.H264, encode.VP8} {
		f.fanouts = append(f.fanouts, encode.NewFanout(encode.FanoutConfig{
			Backend: encode.Backend{Name: "none", Codec: codec, Open: func(encode.Config) (encode.Encoder, error) { return nil, errors.New("none") }},
			Open:    func() capture.Source { return f.screen.NewReader() },
			Log:     log,
		}))
	}
	f.session = session.New(session.Config{Fanouts: f.fanouts, Screen: f.screen, Log: log})
	f.activity = activity.New(activity.Config{Human: f.session.Active, Log: log})
	var err error
	if f.handler, err = signaling.New(signaling.Config{Session: f.session, Screen: f.screen, Web: web.FS(), Log: log}); err != nil {
		t.Fatal(err)
	}
	f.gpus = &gpuFigures{read: func(context.Context) []signaling.GPU {
		return []signaling.GPU{{Name: "A GPU", MemoryUsed: 1 << 30, MemoryTotal: 4 << 30, Busy: 50, Encoding: 25, Sessions: 2}}
	}}
	f.processes = func() []signaling.Process {
		return []signaling.Process{{Name: "xserver", State: signaling.ProcessReady, Restarts: 3}}
	}
	return f
}

// scraped returns what /metrics answers.
func scraped(t testing.TB, f *figures) string {
	t.Helper()
	w := httptest.NewRecorder()
	metricsHandler(f, f.handler, slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics answers %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// series returns the lines of an exposition without their values, and the names in it.
func series(exposition string) (lines, names map[string]bool) {
	lines, names = map[string]bool{}, map[string]bool{}
	for scanner := bufio.NewScanner(strings.NewReader(exposition)); scanner.Scan(); {
		line := scanner.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		sample := line[:strings.LastIndexByte(line, ' ')]
		name, _, _ := strings.Cut(sample, "{")
		lines[sample], names[name] = true, true
	}
	return lines, names
}

func TestMetricsKeepPrometheusConventions(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(scraped(t, example(t)))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "lucarne_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestMetricsTellWhatThereIs(t *testing.T) {
	text := scraped(t, example(t))
	for _, want := range []string{
		`lucarne_viewers{path="webrtc",role="owner"} 0`,
		`lucarne_display_state{state="starting"} 1`,
		`lucarne_ready 0`,
		`lucarne_busy 1`, // it has just begun
		`lucarne_process_restarts_total{process="xserver"} 3`,
		`lucarne_process_ready{process="xserver"} 1`,
		`lucarne_gpu_memory_used_bytes{gpu="0"} 1.073741824e+09`,
		`lucarne_gpu_utilization_ratio{gpu="0"} 0.5`,
		`lucarne_gpu_encoder_utilization_ratio{gpu="0"} 0.25`,
		`lucarne_gpu_encoder_sessions{gpu="0"} 2`,
		`lucarne_frame_stage_seconds_bucket{codec="VP8",encoder="none",stage="grab",le="0.00025"} 0`,
		`lucarne_frame_latency_seconds_bucket{path="ws",le="1.024"} 0`,
		`go_goroutines`, `process_cpu_seconds_total`, `lucarne_build_info{`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in what is told", want)
		}
	}
}

// However many viewers there are, whatever they say and do, there are no more series,
// and nothing that they have said is in one.
func TestMetricsDoNotGrow(t *testing.T) {
	f := example(t)
	before, _ := series(scraped(t, f))
	const secret = "alice-7f3c"
	for n := range 20 {
		v, err := f.session.Join(session.JoinConfig{Role: session.Controller})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Leave()
		v.SetPath(secret)
		v.Prefer(encode.Codec(secret))
		v.Input(input.Append(nil, 1, 0, input.Text{Text: secret}))
		v.SetClipboard([]session.Item{{MIME: session.TextPlain, Data: []byte(secret)}})
		v.Do(session.Feature(secret), func() error { return nil })
		if n%2 == 0 {
			v.Leave()
		}
	}
	text := scraped(t, f)
	after, _ := series(text)
	for line := range after {
		if !before[line] && strings.HasPrefix(line, "lucarne_") {
			t.Errorf("a new series: %s", line)
		}
	}
	if strings.Contains(text, secret) {
		t.Errorf("what a viewer has said is in:\n%s", text)
	}
	if !strings.Contains(text, `lucarne_viewers{path="none",role="controller"} 10`) {
		t.Error("10 viewers are not counted")
	}
	if most := 600; len(after) > most {
		t.Errorf("%d series, want %d at most", len(after), most)
	}
}

func TestGPUsAreReadSeldom(t *testing.T) {
	var reads atomic.Int64
	g := &gpuFigures{read: func(context.Context) []signaling.GPU { reads.Add(1); return nil }}
	for range 5 {
		g.now()
	}
	if got := reads.Load(); got != 1 {
		t.Errorf("read %d times at once, want once", got)
	}
}

func TestMetricsAddress(t *testing.T) {
	for given, want := range map[string]string{
		"": "", "9464": "127.0.0.1:9464", ":9464": "127.0.0.1:9464", "0.0.0.0:9464": "0.0.0.0:9464", "[::]:1": "[::]:1",
		"unix:/run/m.sock": "unix:/run/m.sock", "nowhere": "!", "unix:": "!", ":99999": "!", "-1": "!",
	} {
		f := metricsFlags{Metrics: given}
		if err := f.validate(); (err != nil) != (want == "!") {
			t.Errorf("%q: %v", given, err)
		} else if err == nil && f.place() != want {
			t.Errorf("%q: %q, want %q", given, f.place(), want)
		}
	}
}

// The whole: figures are told on a listener of their own, to whoever can reach it, and
// nowhere else.
func TestServeMetrics(t *testing.T) {
	needEncoder(t)
	if _, err := exec.LookPath(display.Xvfb); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	socket, figures := filepath.Join(dir, "s"), filepath.Join(dir, "m")
	a := start(t, []string{"PATH=" + os.Getenv("PATH")}, "up", "--xserver", "Xvfb", "--size", "640x480", "--session", "exec sleep 1000",
		"--listen", "unix:"+socket, "--metrics", "unix:"+figures)
	ask := func(socket, path string) (int, string) {
		client, base := a.page(socket)
		resp, err := client.Get(base + path)
		if err != nil {
			return 0, ""
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	for _, listener := range []string{socket, figures} {
		await(t, "readyz", func() bool { status, body := ask(listener, "/readyz"); return status == 200 && body == "ok\n" })
		if status, body := ask(listener, "/healthz"); status != 200 || body != "ok\n" {
			t.Errorf("healthz answers %d %q", status, body)
		}
	}
	_, text := ask(figures, "/metrics")
	for _, want := range []string{"lucarne_display_state{state=\"up\"} 1\n", "lucarne_ready 1\n", "process_resident_memory_bytes "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if status, _ := ask(socket, "/metrics"); status != http.StatusNotFound {
		t.Errorf("the page's listener answers /metrics with %d, want 404", status)
	}
	for _, path := range []string{"/", "/ws", "/session", "/api/kernels", "/debug/pprof/"} {
		if status, _ := ask(figures, path); status != http.StatusNotFound {
			t.Errorf("the listener of the figures answers %s with %d, want 404", path, status)
		}
	}
	if info, err := os.Stat(figures); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v; want mode 0600", info.Mode(), err)
	}
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, a.stderr)
	}
}

func BenchmarkScrape(b *testing.B) {
	f := example(b)
	handler := metricsHandler(f, f.handler, slog.New(slog.DiscardHandler))
	for b.Loop() {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil))
	}
}

// Of two listeners, an error says which one has failed.
func TestAnswerNamesWhatFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := answer(t.Context(), "serve metrics", &http.Server{}, l, 0); err == nil || !strings.HasPrefix(err.Error(), "serve metrics: ") {
		t.Errorf("got %v, want an error that begins with serve metrics", err)
	}
}
