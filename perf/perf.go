// Package perf measures a desktop in a browser from the X server's pixel to the
// browser's pixel: what is drawn on a real display is dated when a real Chromium
// shows it. Each figure stands beside those of other ways to show a display,
// measured by turns on the same machine, and beside the floor: the least that a
// page can do.
//
// Everything runs on one machine and is dated by its clock. A repetition counts
// only if the page had at least 55 animation frames/s while nothing happened, and
// if other programs used less than a tenth of a core; else it is done again.
package perf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"lucarne/perf/peer"
	"lucarne/perf/report"
)

// Config says what to measure.
type Config struct {
	Ours    peer.Spec   // the peer under test
	Against []peer.Spec // those that it is compared with, by turns

	Scenarios   []string      // by their names (see Scenarios); none: all
	Links       []string      // "local" or the name of a link.Profile; none: local
	Repetitions int           // 0: 5, the least for a claim
	Length      time.Duration // of a scenario; 0: 4 s
	Idle        time.Duration // of the scenario idle; 0: 30 s
	MaxLoad     float64       // cores that other programs may use during a repetition; 0: 0.1

	Command  string       // that makes the same run again, for the report
	Progress io.Writer    // for a person: a line for each result; nil: none
	Log      *slog.Logger // nil: none
}

// withDefaults returns the configuration with what was left out.
func (cfg Config) withDefaults() Config {
	if len(cfg.Links) == 0 {
		cfg.Links = []string{local}
	}
	cfg.Repetitions = cmp.Or(cfg.Repetitions, 5)
	cfg.Length = cmp.Or(cfg.Length, 4*time.Second)
	cfg.Idle = cmp.Or(cfg.Idle, 30*time.Second)
	cfg.MaxLoad = cmp.Or(cfg.MaxLoad, 0.1)
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	return cfg
}

// specs are all peers, ours first.
func (cfg Config) specs() []peer.Spec { return append([]peer.Spec{cfg.Ours}, cfg.Against...) }

// length is how long a scenario takes, about.
func (cfg Config) length(s scenario) time.Duration {
	if s.once {
		return 2 * cfg.Idle // without a viewer and with one
	}
	return cfg.Length
}

// turns are all that is measured over a link.
func (cfg Config) turns(link string, scenarios []scenario) []turn {
	var peers []contender
	for i, spec := range cfg.specs() {
		c := contender{name: spec.Name}
		if spec.Live() {
			c.kinds |= live
		}
		if spec.Server != "" {
			c.kinds |= desktop
		}
		if i == 0 {
			c.kinds |= own
			if transport(spec.URL) != "ws" {
				c.kinds |= native
			}
		}
		if transport(spec.URL) == climbing {
			c.kinds |= ladder
		}
		if link != local {
			c.kinds |= severable
		}
		peers = append(peers, c)
	}
	return turns(scenarios, peers, cfg.Repetitions)
}

// climbing is the transport of a page that begins on the WebSocket and goes over to WebRTC.
const climbing = "auto"

// transport is how a page of ours is to have its pictures, as its URL asks; "": the URL
// does not say.
func transport(page string) string {
	_, query, _ := strings.Cut(page, "?")
	asked, _ := url.ParseQuery(query) // what cannot be read does not say
	return asked.Get("transport")
}

// Run measures and returns what was found. With an error that is what there is
// all the same, and its Partial or Void says what is missing: after ctx was
// done, when a peer does not start or its page shows nothing, and when the
// machine was too busy, which is an ErrInconclusive. Only when the configuration
// makes no sense there is no report.
//
// It sets XAUTHORITY of this process. Nothing is left running.
func Run(ctx context.Context, cfg Config) (*report.Report, error) {
	cfg = cfg.withDefaults()
	scenarios, err := chosen(cfg.Scenarios)
	if err != nil {
		return nil, err
	}
	if err := checkLinks(cfg.Links); err != nil {
		return nil, err
	}
	var all []turn
	for _, link := range cfg.Links {
		all = append(all, cfg.turns(link, scenarios)...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("perf: %s cannot be measured over %s", strings.Join(cfg.Scenarios, ", "), strings.Join(cfg.Links, ", "))
	}
	m := &measurement{
		maxLoad:  cfg.MaxLoad,
		progress: newProgress(cfg.Progress, cfg.length, all),
		report:   &report.Report{Schema: report.Schema, Started: time.Now().UTC().Truncate(time.Second), Command: cfg.Command, Machine: machine()},
	}
	for i, spec := range cfg.specs() {
		m.report.Peers = append(m.report.Peers, report.Peer{Name: spec.Name, Ours: i == 0, Floor: spec.Server == "" && spec.Live()})
	}
	for _, link := range cfg.Links {
		if err = m.over(ctx, cfg, link, cfg.turns(link, scenarios)); err != nil {
			break
		}
	}
	m.report.Machine.Load = loadAverage()
	return m.report, m.verdict(ctx, err)
}

// over measures the turns over one link.
func (m *measurement) over(ctx context.Context, cfg Config, link string, turns []turn) error {
	b, err := openBench(ctx, cfg, link)
	if err != nil {
		return err
	}
	m.describe(b)
	err = m.run(ctx, link, turns, b.try)
	m.report.Machine.ClockOffsetMax = max(m.report.Machine.ClockOffsetMax, b.offset.Seconds()*1000)
	return errors.Join(err, b.close())
}

// describe notes which versions are measured.
func (m *measurement) describe(b *bench) {
	m.report.Machine.Browser = b.version
	for i, p := range m.report.Peers {
		if running := b.peers[p.Name]; running != nil {
			m.report.Peers[i].Version = running.Version()
			if p.Ours {
				m.report.Build = build(running.Version())
			}
		}
	}
}

// build reads the first line of lucarne --version: "lucarne 1.2, commit 0123, …".
func build(version string) report.Build {
	b := report.Build{Version: version}
	for i, part := range strings.Split(version, ", ") {
		if name, ok := strings.CutPrefix(part, "lucarne "); ok && i == 0 {
			b.Version = name
		}
		if commit, ok := strings.CutPrefix(part, "commit "); ok {
			b.Commit = commit
		}
	}
	return b
}

// verdict returns the run's error and notes in the report what is missing.
func (m *measurement) verdict(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		m.report.Partial = "interrupted"
		return ctx.Err()
	}
	if err != nil {
		m.report.Partial = err.Error()
		return fmt.Errorf("perf: %w", err)
	}
	for _, void := range m.errs {
		if m.report.Partial == "" && !errors.Is(void, ErrInconclusive) {
			m.report.Partial = void.Error()
		}
	}
	if len(m.errs) > 0 {
		return fmt.Errorf("perf: %w", errors.Join(m.errs...))
	}
	return nil
}
