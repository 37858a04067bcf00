// Command probe measures from the X server's pixel to the browser's pixel, ours
// and TigerVNC with noVNC by turns on the same machine, and prints a table and
// Go benchmark lines (for benchstat).
//
//	go run ./perf/probe -bin bin/lucarne
//
// Everything runs on one machine and is dated by its clock: the X clients that
// draw, and a headless Chromium that reads the shown picture on every animation
// frame. It needs Chromium, Xvnc, and for the comparison websockify and noVNC.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"lucarne/perf/browser"
	"lucarne/perf/sample"
)

// The exit codes.
const (
	exitError        = 1
	exitInconclusive = 3
)

var errInconclusive = errors.New("inconclusive: the machine was too busy for the browser")

// config is what to measure.
type config struct {
	bin       string
	peers     []string
	scenarios []string
	reps      int
	length    time.Duration // of a scenario
	idle      time.Duration // of the idle scenario
}

func main() {
	var cfg config
	peers := flag.String("peers", "lucarne,novnc", "what to measure, by turns")
	names := flag.String("scenarios", "flip,key,scroll,scene,idle", "which scenarios to measure")
	flag.StringVar(&cfg.bin, "bin", "bin/lucarne", "the `program` to measure")
	flag.IntVar(&cfg.reps, "reps", 5, "repetitions; a claim needs five at least")
	flag.DurationVar(&cfg.length, "length", 5*time.Second, "how long a scenario takes")
	flag.DurationVar(&cfg.idle, "idle", 30*time.Second, "how long the screen is left alone; done once")
	flag.Parse()
	cfg.peers, cfg.scenarios = strings.Split(*peers, ","), strings.Split(*names, ",")

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, cfg, os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, errInconclusive):
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(exitInconclusive)
	case err != nil:
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(exitError)
	}
}

// run measures and prints. What was found before an error is printed too.
func run(ctx context.Context, cfg config, out, progress io.Writer) error {
	b, err := browser.Start(ctx, browser.Config{Size: screen})
	if err != nil {
		return err
	}
	defer b.Close()
	version, err := b.Version(ctx)
	if err != nil {
		return err
	}
	var peers []*peer
	defer func() {
		for _, p := range peers {
			p.stop()
		}
	}()
	for _, name := range cfg.peers {
		p, err := startPeer(ctx, cfg, name)
		if p != nil {
			peers = append(peers, p)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	m := &measurement{browser: b, peers: peers, cfg: cfg, progress: progress}
	m.attempt = m.measure
	err = m.run(ctx)
	fmt.Fprintf(out, "goos: %s\ngoarch: %s\ncpu: %s\ncores: %d\nbrowser: %s\nscreen: %dx%d\nclock-offset-max: %v\nload-average: %s\n\n",
		runtime.GOOS, runtime.GOARCH, cpuModel(), runtime.NumCPU(), version, screen.X, screen.Y, m.offset, loadAverage())
	writeBenchmarks(out, m.results, cfg.peers)
	fmt.Fprintln(out)
	writeTable(out, m.results, cfg.peers)
	return err
}

func startPeer(ctx context.Context, cfg config, name string) (*peer, error) {
	switch name {
	case "lucarne":
		return startLucarne(ctx, cfg.bin)
	case "novnc":
		return startVNC(ctx)
	}
	return nil, errors.New("not a peer: lucarne or novnc")
}

// measurement is a run in progress.
type measurement struct {
	browser  *browser.Browser
	peers    []*peer
	cfg      config
	progress io.Writer

	// attempt measures a scenario on a peer once, and how many animation frames
	// a second the page had before, when nothing happened.
	attempt func(context.Context, *peer, scenario) (figures, float64, error)

	results []result
	offset  time.Duration // the largest between a page's clock and ours
}

// maxAttempts is how often one repetition is tried before its scenario is given up.
const maxAttempts = 10

// minRate is the animation frames a second that a page must have when nothing
// happens; below it the browser is starved, and nothing it shows counts.
const minRate = 55

// run measures all scenarios. One that is inconclusive has no results, and the
// others are measured all the same.
func (m *measurement) run(ctx context.Context) error {
	givenUp := map[string]error{}
	for rep := 1; rep <= m.cfg.reps; rep++ {
		for _, s := range scenarios() {
			if s.name == "idle" && rep > 1 || !slices.Contains(m.cfg.scenarios, s.name) || givenUp[s.name] != nil {
				continue
			}
			r, err := m.repetition(ctx, s, rep)
			switch {
			case errors.Is(err, errInconclusive):
				givenUp[s.name] = err
				m.results = slices.DeleteFunc(m.results, func(r result) bool { return r.scenario == s.name })
			case err != nil:
				return err
			default:
				m.results = append(m.results, r)
			}
		}
	}
	return errors.Join(slices.Collect(maps.Values(givenUp))...)
}

// repetition measures one scenario on each peer.
func (m *measurement) repetition(ctx context.Context, s scenario, rep int) (result, error) {
	r := result{scenario: s.name, figures: map[string]figures{}}
	for _, p := range m.peers {
		f, err := m.repeat(ctx, p, s)
		if err != nil {
			return r, fmt.Errorf("%s: %s: %w", s.name, p.name, err)
		}
		r.figures[p.name] = f
		fmt.Fprintf(m.progress, "%d/%d %-7s %-8s", rep, m.cfg.reps, s.name, p.name)
		for _, unit := range sortedUnits(f) {
			fmt.Fprintf(m.progress, "  %.1f %s", f[unit], unit)
		}
		fmt.Fprintln(m.progress)
	}
	return r, nil
}

// repeat measures one scenario on one peer until the browser was not starved.
func (m *measurement) repeat(ctx context.Context, p *peer, s scenario) (figures, error) {
	for range maxAttempts {
		f, rate, err := m.attempt(ctx, p, s)
		if err != nil {
			return nil, err
		}
		if rate >= minRate {
			return f, nil
		}
		fmt.Fprintf(m.progress, "%s %s: only %.0f animation frames/s when idle; again\n", s.name, p.name, rate)
	}
	return nil, errInconclusive
}

// measure opens a page, checks that the browser has its share of the machine,
// and runs the scenario if so.
func (m *measurement) measure(ctx context.Context, p *peer, s scenario) (figures, float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := p.enter(); err != nil {
		return nil, 0, err
	}
	length := m.cfg.length
	without := figures{}
	if s.name == "idle" {
		length = m.cfg.idle
		// The page before this one has closed: its end is not idleness.
		if err := sleep(ctx, 3*time.Second); err != nil {
			return nil, 0, err
		}
		before := cpuTime(p.carriers())
		if err := sleep(ctx, length); err != nil {
			return nil, 0, err
		}
		without["cpu-ms-alone"] = msIn30s(cpuTime(p.carriers())-before, length)
	}
	sampler, page, err := sample.Open(ctx, m.browser, p.url)
	if err != nil {
		return nil, 0, err
	}
	defer page.Close()
	v := &viewer{peer: p, page: page, sampler: sampler}
	m.offset = max(m.offset, sampler.Offset().Abs())
	rate, err := v.rate(ctx)
	if err != nil || rate < minRate {
		return nil, rate, err
	}
	f, err := s.run(ctx, v, length)
	if err != nil {
		return nil, rate, err
	}
	maps.Copy(f, without)
	return f, rate, v.stages(ctx, f)
}

// stages adds what a page of ours knows of its frames' way: the median of each
// stage in ms, over the last seconds.
func (v *viewer) stages(ctx context.Context, f figures) error {
	var medians map[string]*float64
	if err := v.page.Eval(ctx, "window.lucarne?.stats().stages ?? {}", &medians); err != nil {
		return err
	}
	for stage, ms := range medians {
		if ms != nil {
			f["stage-"+stage+"-ms"] = *ms
		}
	}
	return nil
}

// rate waits until the page shows something and returns its animation frames a
// second while nothing happens: before the scenario, and in the best of three
// seconds, since what a page does when it starts is not the machine's fault.
func (v *viewer) rate(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := v.page.Wait(ctx, "lucarneSampler.colours([[10, 10]])[0] >= 0"); err != nil {
		return 0, fmt.Errorf("no picture: %w", err)
	}
	best := 0.0
	for tries := 0; tries < 3 && best < minRate; tries++ {
		if err := sleep(ctx, time.Second); err != nil {
			return 0, err
		}
		if err := v.sampler.StartColour(ctx, middle(flipBounds)); err != nil {
			return 0, err
		}
		if err := sleep(ctx, time.Second); err != nil {
			return 0, err
		}
		r, err := v.sampler.Stop(ctx)
		if err != nil {
			return 0, err
		}
		best = max(best, r.Rate())
	}
	return best, nil
}

// sleep waits, unless ctx is done before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// cpuModel returns the processor's name.
func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return "unknown"
}

// loadAverage returns the machine's load over the last 1, 5 and 15 minutes,
// this program and all that it measures included.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(text) + " - - -")[:3], " ")
}
