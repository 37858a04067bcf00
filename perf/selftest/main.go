// Command selftest shows that a measurement can fail. It measures Lucarne as it
// is beside agents with one fault each, and sees whether the comparison tells:
// an encoder that takes 20 ms longer has to be worse, the same program twice must
// not be, a stream that freezes has to be called frozen, and a page that shows an
// older frame again must not have it counted.
//
//	go run ./perf/selftest
//
// It needs what lucarne perf run needs, and about three minutes of a machine that
// does nothing else. The exit code is 0 if all was told.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"lucarne/capture/display"
	"lucarne/perf"
	"lucarne/perf/peer"
	"lucarne/perf/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "selftest:", err)
		os.Exit(1)
	}
}

// run is the check, or with -serve the agent that it measures.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("selftest", flag.ContinueOnError)
	serving := flags.String("serve", "", "be an agent at this `address`")
	name := flags.String("display", "", "the agent's `display`")
	fault := sound
	flags.TextVar(&fault, "fault", sound, "the agent's: none, slow, frozen or older")
	load := flags.Float64("max-outside-load", 0.1, "`cores` that other programs may use during a repetition")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *serving != "" {
		return serve(ctx, *name, *serving, fault, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return (&check{self: self, load: *load, out: out}).all(ctx)
}

// check is the run of all checks.
type check struct {
	self   string // this program
	load   float64
	out    io.Writer
	failed int
}

// agent is this program as a peer with a fault.
func (c *check) agent(name string, f fault) peer.Spec {
	return peer.Spec{
		Name: name, Server: display.Xvnc,
		Command: [][]string{{c.self, "-serve", "{host}:{port}", "-display", "{display}", "-fault", string(f)}},
		URL:     "http://{host}:{port}/?resize=off",
	}
}

// measure measures agents by turns. A scenario that is void is part of what was found.
func (c *check) measure(ctx context.Context, scenario string, repetitions int, specs ...peer.Spec) (*report.Report, error) {
	found, err := perf.Run(ctx, perf.Config{
		Ours: specs[0], Against: specs[1:], Scenarios: []string{scenario},
		Repetitions: repetitions, Length: 3 * time.Second, MaxLoad: c.load, Progress: c.out,
	})
	if ctx.Err() != nil || errors.Is(err, perf.ErrInconclusive) || found == nil {
		return nil, err
	}
	return found, nil
}

// all measures and checks.
func (c *check) all(ctx context.Context) error {
	flip, err := c.measure(ctx, "flip", 6, c.agent("sound", sound), c.agent("again", sound), c.agent("slow", slow))
	if err != nil {
		return err
	}
	scroll, err := c.measure(ctx, "scroll", 2, c.agent("sound", sound), c.agent("frozen", frozen), c.agent("older", older))
	if err != nil {
		return err
	}
	return c.judge(flip, scroll)
}

// judge sees what is said of what was measured; the error is that checks have failed.
func (c *check) judge(flip, scroll *report.Report) error {
	for _, t := range []struct {
		says    string
		in      *report.Report
		agent   string
		verdict report.Verdict // of what regressed; "": nothing did
	}{
		{"the same program twice is not worse", flip, "again", ""},
		{"20 ms added to the encode are worse", flip, "slow", report.Worse},
		{"a stream that freezes is frozen", scroll, "frozen", report.Frozen},
	} {
		if err := c.compare(t.says, t.in, t.agent, t.verdict); err != nil {
			return err
		}
	}
	c.count(scroll)
	if c.failed > 0 {
		return fmt.Errorf("%d checks failed", c.failed)
	}
	return nil
}

// compare sees what the comparison of the sound agent with another one says. Where one
// of the two was not measured, or a figure cannot be compared, nothing is shown.
func (c *check) compare(says string, in *report.Report, agent string, want report.Verdict) error {
	for _, name := range []string{"sound", agent} {
		if of := alone(in, name); len(of.Results) == 0 && !stoodStill(of) {
			c.tell(false, "%s: no result of %s. %v", says, name, of.Void)
			return nil
		}
	}
	comparison, err := report.Compare(alone(in, "sound"), alone(in, agent), nil)
	if err != nil {
		return err
	}
	worse, unclear := comparison.Regressed(), comparison.Inconclusive()
	ok := want == "" && len(worse) == 0
	var found []string
	for _, change := range append(worse, unclear...) {
		ok = ok || want != "" && change.Verdict == want
		found = append(found, change.String())
	}
	c.tell(ok && len(unclear) == 0, "%s: %d regressions, %d inconclusive. %s", says, len(worse), len(unclear), strings.Join(found, "; "))
	return nil
}

// stoodStill reports whether an agent has no result because its page showed nothing.
func stoodStill(r *report.Report) bool {
	return slices.ContainsFunc(r.Void, func(v report.Void) bool { return v.Frozen })
}

// count sees that what the page showed again is not counted: no more frames were
// shown than an encoder can have sent that wastes every third.
func (c *check) count(in *report.Report) {
	results := alone(in, "older").Results
	if len(results) == 0 {
		c.tell(false, "older frames do not count: no result")
	}
	for _, r := range results {
		shown, again, drawn := r.Metrics["frames/s"], r.Metrics["older-frames"], r.Metrics["drawn/s"]
		ok := again > 0 && shown > 0 && shown <= drawn*2/3+1
		c.tell(ok, "older frames do not count: %.1f frames/s of %.1f drawn, %.0f times an older one", shown, drawn, again)
	}
}

func (c *check) tell(ok bool, format string, args ...any) {
	word := "ok    "
	if !ok {
		word = "FAILED"
		c.failed++
	}
	fmt.Fprintf(c.out, word+" "+format+"\n", args...)
}

// alone returns what was found of one agent, as if it were the only one.
func alone(r *report.Report, agent string) *report.Report {
	only := *r
	only.Peers = []report.Peer{{Name: agent, Ours: true}}
	only.Results = slices.DeleteFunc(slices.Clone(r.Results), func(r report.Result) bool { return r.Peer != agent })
	only.Void = slices.DeleteFunc(slices.Clone(r.Void), func(v report.Void) bool { return v.Peer != agent })
	return &only
}
