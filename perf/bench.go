package perf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"lucarne/perf/browser"
	"lucarne/perf/cost"
	"lucarne/perf/peer"
	"lucarne/perf/report"
)

// turnLimit is how long an attempt may take beside the scenario's own length.
const turnLimit = 2 * time.Minute

// bench is the peers on one side of a link and a browser on the other.
type bench struct {
	cfg     Config
	route   *route
	browser *browser.Browser
	version string // of the browser
	peers   map[string]*peer.Peer
	failed  map[string]error // why a peer is not running
	offset  time.Duration    // the largest between a page's clock and ours
}

// openBench opens a link, starts the browser and the peers. A peer that does not
// start is no error: each attempt to measure it will be.
func openBench(ctx context.Context, cfg Config, link string) (_ *bench, err error) {
	b := &bench{cfg: cfg, peers: map[string]*peer.Peer{}, failed: map[string]error{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.route, err = openRoute(link); err != nil {
		return nil, err
	}
	for _, spec := range cfg.specs() {
		p, err := peer.Start(ctx, spec, peer.Config{Size: screen, Space: b.route.server(), Log: cfg.Log})
		if err != nil {
			b.failed[spec.Name] = fmt.Errorf("%w: %w", errDown, err)
		} else {
			b.peers[spec.Name] = p
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return b, b.startBrowser(ctx)
}

// startBrowser starts a browser on the viewers' side of the link.
func (b *bench) startBrowser(ctx context.Context) error {
	started, err := browser.Start(ctx, browser.Config{Size: screen, Start: b.route.startBrowser, Args: b.route.browserArgs(b.peers)})
	if err != nil {
		return err
	}
	b.browser = started
	b.version, err = started.Version(ctx)
	return err
}

// close ends everything.
func (b *bench) close() error {
	var errs []error
	for _, p := range b.peers {
		errs = append(errs, p.Close())
	}
	if b.browser != nil {
		errs = append(errs, b.browser.Close())
	}
	if b.route != nil {
		errs = append(errs, b.route.close())
	}
	return errors.Join(errs...)
}

// try is an attempt: it opens a page, sees whether the browser has its share of
// the machine, and runs the scenario if so.
func (b *bench) try(ctx context.Context, t turn) (report.Result, error) {
	p, err := b.peers[t.peer], b.failed[t.peer]
	if err != nil {
		return report.Result{}, err
	}
	v := &view{peer: p, route: b.route, browser: b.browser, length: b.cfg.Length}
	if t.scenario.once {
		v.length = b.cfg.Idle
	}
	limited, cancel := context.WithTimeout(ctx, v.length+turnLimit)
	defer cancel()
	r, err := b.measure(limited, v, t.scenario)
	if err != nil && ctx.Err() == nil {
		err = b.mend(ctx, p, err)
	}
	return r, err
}

// mend starts again what has ended by itself, so that one crash does not end the
// run, and says so in the error.
func (b *bench) mend(ctx context.Context, p *peer.Peer, err error) error {
	if ended := p.Err(); ended != nil {
		if again := p.Restart(ctx); again != nil {
			b.failed[p.Name()] = fmt.Errorf("%w: %w", errDown, again)
		}
		return fmt.Errorf("%w: %w", errDown, ended) // what ends a peer is no accident: the scenario is given up
	}
	if b.hasDied() {
		b.browser.Close() // of its end nothing more is to be learnt
		if again := b.startBrowser(ctx); again != nil {
			return fmt.Errorf("%w: the browser has died: %w", errDown, again)
		}
		return fmt.Errorf("the browser has died: %w", err)
	}
	return err
}

func (b *bench) hasDied() bool {
	select {
	case <-b.browser.Gone():
		return true
	default:
		return false
	}
}

// measure runs a scenario on a peer and says how busy the machine was.
func (b *bench) measure(ctx context.Context, v *view, s scenario) (report.Result, error) {
	if err := v.peer.Enter(); err != nil {
		return report.Result{}, err
	}
	defer v.close()
	if err := v.open(ctx, v.peer.URL()); err != nil {
		return report.Result{}, err
	}
	b.offset = max(b.offset, v.sampler.Offset().Abs())
	rate, err := v.rate(ctx)
	if err != nil || rate < minRate {
		return report.Result{AnimationRate: rate}, err
	}
	before, err := cost.Read(os.Getpid())
	if err != nil {
		return report.Result{}, err
	}
	effort, err := b.route.effort()
	if err != nil {
		return report.Result{}, err
	}
	r, err := s.run(ctx, v)
	if err != nil {
		return r, err
	}
	if r.Transport, r.Codec, err = v.way(ctx); err != nil {
		return r, err
	}
	after, err := cost.Read(os.Getpid())
	if err != nil {
		return r, err
	}
	load := before.Until(after)
	r.AnimationRate, r.OutsideLoad, r.Steal = rate, load.Outside, load.Steal
	spent, err := b.route.effort()
	if spent > 0 {
		r.Metrics[emulation] = ms(spent-effort) / after.At.Sub(before.At).Seconds()
	}
	return r, err
}
