package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"lucarne/perf"
	"lucarne/perf/peer"
	"lucarne/perf/report"
)

// perfCmd is lucarne perf.
type perfCmd struct {
	Run      perfRunCmd      `cmd:"" help:"Measure from the X server's pixel to the browser's pixel."`
	Compare  perfCompareCmd  `cmd:"" help:"Say what is better or worse in one run than in another."`
	Baseline perfBaselineCmd `cmd:"" help:"Keep a run as the one that later runs on such a machine are compared with."`
	Idle     perfIdleCmd     `cmd:"" help:"Measure what desktops cost that nobody uses, side by side on this machine."`
}

// perfRunCmd is lucarne perf run.
type perfRunCmd struct {
	Scenario       []string      `placeholder:"NAME" group:"Measurement" help:"What to measure; more than one with commas between. Default: all."`
	Link           []string      `default:"local" group:"Measurement" help:"What lies between display and browser: ${links}. All but local need root."`
	Transport      string        `enum:"auto,webrtc,ws" default:"webrtc" group:"Measurement" help:"How the page gets its pictures: ${enum}."`
	Codec          string        `enum:"auto,vp8,h264,h264-444" default:"auto" group:"Measurement" help:"How Lucarne encodes them: ${enum}; auto is what it chooses by itself."`
	Against        []string      `default:"floor,vnc" placeholder:"PEER" group:"Measurement" help:"What to compare with, by turns: floor, image (a page with one <img>), vnc, x11vnc, Lucarne itself by another transport (auto, webrtc, ws), codec (vp8, h264, h264-444) or bitrate (20M), or a JSON file that describes another; none for nothing."`
	Reps           int           `default:"5" group:"Measurement" help:"Repetitions; a claim needs five at least."`
	Length         time.Duration `default:"4s" group:"Measurement" help:"How long a scenario takes."`
	Idle           time.Duration `default:"30s" group:"Measurement" help:"How long the screen is left alone in the scenario idle."`
	MaxOutsideLoad float64       `default:"0.1" group:"Measurement" help:"Cores that other programs may use during a repetition; with more it is done again."`
	Bin            string        `placeholder:"FILE" group:"Measurement" help:"The lucarne to measure. Default: this one."`
	Out            string        `default:"perf-out" placeholder:"DIR" group:"Measurement" help:"Where the report is written: report.json, report.html, bench.txt, junit.xml, table.md, plot.svg."`
}

// Help is called by kong: what the scenarios are.
func (*perfRunCmd) Help() string {
	var b strings.Builder
	b.WriteString("The scenarios:\n\n")
	for _, s := range perf.Scenarios() {
		fmt.Fprintf(&b, "    %-12s %s\n", s.Name, s.Does)
	}
	return b.String()
}

// Validate is called by kong after parsing.
func (c *perfRunCmd) Validate() error {
	switch {
	case c.Reps < 1 || c.Reps > 1000:
		return fmt.Errorf("--reps %d: 1 to 1000", c.Reps)
	case c.Length < 2*time.Second || c.Length > 10*time.Minute:
		return fmt.Errorf("--length %v: 2s to 10m", c.Length)
	case c.Idle < time.Second || c.Idle > time.Hour:
		return fmt.Errorf("--idle %v: 1s to 1h", c.Idle)
	case !(c.MaxOutsideLoad > 0):
		return fmt.Errorf("--max-outside-load %v: more than 0", c.MaxOutsideLoad)
	}
	return nil
}

// Run measures, writes what was found, be it all or not, and prints the table.
func (c *perfRunCmd) Run(ctx context.Context, stdout io.Writer) error {
	cfg, err := c.config()
	if err != nil {
		return exitError{exitUsage, err}
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return exitError{exitNoListen, err}
	}
	found, err := perf.Run(ctx, cfg)
	if found == nil {
		return exitError{exitUsage, err}
	}
	if len(found.Results) > 0 {
		if wrong := errors.Join(writeReport(c.Out, found), found.WriteTable(stdout)); wrong != nil {
			return errors.Join(err, wrong)
		}
		fmt.Fprintf(stdout, "\nwritten to %s\n", c.Out)
	}
	switch {
	case ctx.Err() != nil: // to be told to stop is no error, but nobody is to take this for all of it
		return errors.New("interrupted: the report is not complete")
	case found.Partial == "" && errors.Is(err, perf.ErrInconclusive):
		return exitError{exitInconclusive, err}
	}
	return err
}

// config is the measurement that the flags ask for.
func (c *perfRunCmd) config() (perf.Config, error) {
	bin := c.Bin
	if bin == "" {
		self, err := os.Executable()
		if err != nil {
			return perf.Config{}, err
		}
		bin = self
	}
	own := variant{bin: bin, transport: c.Transport, codec: c.Codec}
	cfg := perf.Config{
		Ours:        own.spec(own),
		Scenarios:   c.Scenario,
		Links:       c.Link,
		Repetitions: c.Reps,
		Length:      c.Length,
		Idle:        c.Idle,
		MaxLoad:     c.MaxOutsideLoad,
		Command:     c.command(),
		Progress:    os.Stderr,
	}
	for _, name := range c.Against {
		if name == "none" {
			continue
		}
		spec, err := peerSpec(own, name)
		if err != nil {
			return cfg, err
		}
		if spec.Name == cfg.Ours.Name || slices.ContainsFunc(cfg.Against, func(other peer.Spec) bool { return other.Name == spec.Name }) {
			return cfg, fmt.Errorf("--against %s: %s is measured already", name, spec.Name)
		}
		cfg.Against = append(cfg.Against, spec)
	}
	return cfg, nil
}

// variant is a way to run the lucarne at path bin.
type variant struct {
	bin, transport, codec string
	bitrate               string // "": its own
}

// spec is the variant as a peer. Its name says by which transport, unless that is WebRTC,
// and in what else it differs from the one that is measured.
func (v variant) spec(measured variant) peer.Spec {
	query := url.Values{"transport": {v.transport}}
	if v.codec != "auto" {
		query.Set("codec", v.codec)
	}
	var flags []string
	if v.bitrate != "" {
		flags = []string{"--bitrate", v.bitrate}
	}
	spec := peer.Lucarne(v.bin, query.Encode(), flags...)
	if v.transport != "webrtc" {
		spec.Name += "-" + v.transport
	}
	if v.codec != measured.codec {
		spec.Name += "-" + v.codec
	}
	if v.bitrate != measured.bitrate {
		spec.Name += "-" + strings.ToLower(v.bitrate)
	}
	return spec
}

// peerSpec is a peer by its name, or by the file that describes it. measured is the
// lucarne under test, of which a name may change one thing.
func peerSpec(measured variant, name string) (peer.Spec, error) {
	v := measured
	switch name {
	case "auto", "webrtc", "ws":
		v.transport = name
		return v.spec(measured), nil
	case "vp8", "h264", "h264-444":
		v.codec = name
		return v.spec(measured), nil
	case "floor":
		return peer.Floor(), nil
	case "image":
		return peer.Image(), nil
	case "vnc":
		return peer.VNC(), nil
	case "x11vnc":
		return peer.X11VNC(), nil
	}
	if bitrate := regexp.MustCompile(`^[0-9]{1,6}[kM]$`); bitrate.MatchString(name) {
		v.bitrate = name
		return v.spec(measured), nil
	}
	if filepath.Ext(name) != ".json" {
		return peer.Spec{}, fmt.Errorf("--against %s: floor, image, vnc, x11vnc, auto, webrtc, ws, vp8, h264, h264-444, a bitrate as 20M, none or a .json file", name)
	}
	return peer.ReadSpec(name)
}

// command is the command line that measures the same again.
func (c *perfRunCmd) command() string {
	words := []string{"lucarne perf run"}
	if len(c.Scenario) > 0 {
		words = append(words, "--scenario", strings.Join(c.Scenario, ","))
	}
	words = append(words, "--link", strings.Join(c.Link, ","), "--against", strings.Join(c.Against, ","),
		"--reps", fmt.Sprint(c.Reps), "--length", c.Length.String(), "--idle", c.Idle.String())
	if c.Transport != "webrtc" {
		words = append(words, "--transport", c.Transport)
	}
	if c.Codec != "auto" {
		words = append(words, "--codec", c.Codec)
	}
	if c.MaxOutsideLoad != 0.1 {
		words = append(words, "--max-outside-load", fmt.Sprint(c.MaxOutsideLoad))
	}
	return strings.Join(words, " ")
}

// writeReport writes a report, which has results, in all its forms into a directory.
func writeReport(dir string, r *report.Report) error {
	var errs []error
	for name, write := range map[string]func(io.Writer) error{
		"report.json": r.WriteJSON,
		"report.html": r.WriteHTML,
		"bench.txt":   r.WriteBenchmarks,
		"junit.xml":   r.WriteJUnit,
		"table.md":    r.WriteMarkdown,
	} {
		errs = append(errs, writeFile(filepath.Join(dir, name), write))
	}
	plot := filepath.Join(dir, "plot.svg")
	os.Remove(plot) // of an earlier run
	// Without latencies and frames there is nothing to plot, which is no fault.
	_ = writeFile(plot, func(w io.Writer) error { return r.WriteSVG(w, r.Results[0].Link) })
	return errors.Join(errs...)
}

// writeFile writes a file as a whole or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already, if it was renamed
	if err := errors.Join(write(file), file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// perfCompareCmd is lucarne perf compare.
type perfCompareCmd struct {
	Old   string `arg:"" help:"report.json of the earlier run, or the folder of baselines."`
	New   string `arg:"" help:"report.json of the later run."`
	JUnit string `name:"junit" placeholder:"FILE" help:"Write the verdicts as JUnit XML as well."`
}

// Run prints the verdicts. What regressed is an error that names it.
func (c *perfCompareCmd) Run(_ context.Context, stdout io.Writer) error {
	later, err := report.ReadFile(c.New)
	if err != nil {
		return exitError{exitNoInput, err}
	}
	earlier, err := c.earlier(later.Machine.Class)
	if err != nil {
		return exitError{exitNoInput, err}
	}
	comparison, err := report.Compare(earlier, later, nil)
	if err != nil {
		return exitError{exitUsage, err}
	}
	if err := comparison.WriteText(stdout); err != nil {
		return err
	}
	if c.JUnit != "" {
		if err := writeFile(c.JUnit, comparison.WriteJUnit); err != nil {
			return err
		}
	}
	if worse := comparison.Regressed(); len(worse) > 0 {
		return fmt.Errorf("regressed: %s", sentence(worse))
	}
	if untold := comparison.Inconclusive(); len(untold) > 0 {
		return exitError{exitInconclusive, fmt.Errorf("inconclusive: %s", sentence(untold))}
	}
	return nil
}

// earlier reads the run to compare with: a file, or the baseline of a class.
func (c *perfCompareCmd) earlier(class string) (*report.Report, error) {
	if info, err := os.Stat(c.Old); err == nil && info.IsDir() {
		return report.Baseline(os.DirFS(c.Old), class)
	}
	return report.ReadFile(c.Old)
}

// sentence names changes in one line.
func sentence(changes []report.Change) string {
	var all []string
	for _, change := range changes {
		all = append(all, change.String())
	}
	return strings.Join(all, "; ")
}

// perfBaselineCmd is lucarne perf baseline.
type perfBaselineCmd struct {
	Report string `arg:"" help:"report.json of the run."`
	Folder string `default:"perf/baseline" placeholder:"DIR" help:"Where the baselines are, one file for each machine class."`
}

// Run writes the baseline and says where it is.
func (c *perfBaselineCmd) Run(_ context.Context, stdout io.Writer) error {
	r, err := report.ReadFile(c.Report)
	if err != nil {
		return exitError{exitNoInput, err}
	}
	name, err := r.WriteBaseline(c.Folder)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, name)
	return err
}
