package perf

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"time"

	"lucarne/perf/cost"
	"lucarne/perf/link"
	"lucarne/perf/peer"
)

// local is the route over this machine's loopback.
const local = "local"

// Links returns the names of what can lie between display and browser.
func Links() []string {
	names := []string{local}
	for _, p := range link.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// checkLinks says what is wrong with names of links, or why there can be none here.
func checkLinks(names []string) error {
	for _, name := range names {
		if !slices.Contains(Links(), name) {
			return fmt.Errorf("perf: no link %q; there are %s", name, strings.Join(Links(), ", "))
		}
		if name == local {
			continue
		}
		if err := link.Supported(); err != nil {
			return fmt.Errorf("perf: link %s: %w", name, err)
		}
	}
	return nil
}

// route is what lies between the peers and the browser: the loopback, or a link
// between two network namespaces.
type route struct {
	link  *link.Link // nil: the loopback
	stop  context.CancelFunc
	ended chan error // what the link's Run returned
}

// openRoute opens the route over a link.
func openRoute(name string) (*route, error) {
	profile, emulated := link.Lookup(name)
	if !emulated {
		return &route{}, nil
	}
	l, err := link.Open(profile)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &route{link: l, stop: stop, ended: make(chan error, 1)}
	go func() { r.ended <- l.Run(ctx) }()
	return r, nil
}

func (r *route) close() error {
	if r.link == nil {
		return nil
	}
	r.stop()
	return errors.Join(<-r.ended, r.link.Close())
}

// server is where the peers run; nil: where we do.
func (r *route) server() peer.Namespace {
	if r.link == nil {
		return nil
	}
	return r.link.Server
}

// startBrowser starts a browser where the viewers are.
func (r *route) startBrowser(cmd *exec.Cmd) error {
	if r.link == nil {
		return cmd.Start()
	}
	return r.link.Client.Start(cmd)
}

// asViewer runs what opens sockets where the viewers are.
func (r *route) asViewer(open func() error) error {
	if r.link == nil {
		return open()
	}
	return r.link.Client.Do(open)
}

// traffic is what has come to the viewers over the link; zero over the loopback.
func (r *route) traffic() (cost.Volume, error) {
	if r.link == nil {
		return cost.Volume{}, nil
	}
	s, err := r.link.Stats()
	return cost.Volume{Bytes: int(s.ToClient.Bytes), Packets: int(s.ToClient.Packets)}, err
}

// effort is the CPU time that emulating the link has taken so far.
func (r *route) effort() (time.Duration, error) {
	if r.link == nil {
		return 0, nil
	}
	s, err := r.link.Stats()
	return s.CPU, err
}

// cut has the link drop everything, or no more. There has to be one.
func (r *route) cut(gone bool) error { return r.link.Cut(gone) }

// browserArgs let pages at the peers' addresses do what pages at 127.0.0.1 may:
// decode, read the clipboard. As far as a browser knows they are a plain network away.
func (r *route) browserArgs(peers map[string]*peer.Peer) []string {
	if r.link == nil {
		return nil
	}
	var origins []string
	for _, p := range peers {
		if u, err := url.Parse(p.URL()); err == nil {
			origins = append(origins, u.Scheme+"://"+u.Host)
		}
	}
	slices.Sort(origins)
	return []string{"--unsafely-treat-insecure-origin-as-secure=" + strings.Join(origins, ",")}
}
