package perf

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lucarne/perf/report"
)

// kind is a set of what a peer, with the link to it, can do.
type kind uint8

const (
	// live: its page shows what is drawn, not just a picture.
	live kind = 1 << iota
	// desktop: there is an X display behind it, not just a page's canvas.
	desktop
	// severable: the link to it can be cut.
	severable
	// native: it speaks the protocol of package signaling, and sends by WebRTC.
	native
	// own: it is the peer under test.
	own
	// ladder: it begins on the WebSocket and goes over to WebRTC by itself.
	ladder
)

// scenario measures one thing.
type scenario struct {
	name  string
	does  string // for people
	needs kind
	once  bool // it is long, and once is enough
	run   func(context.Context, *view) (report.Result, error)
}

// scenarios in the order in which they are measured.
func scenarios() []scenario {
	return []scenario{
		{name: "flip", does: "a 256×256 rectangle changes colour: drawn → shown", needs: live, run: flip},
		{name: "key", does: "a key in the page → the answer of a program on the display is shown", needs: live, run: pressKeys},
		{name: "click", does: "a click in the page → the answer is shown", needs: live, run: click},
		{name: "typing", does: "a key in the page → its letter is shown", needs: desktop, run: typing},
		{name: "scroll", does: "text scrolls, 1280×800 at 60 frames/s", needs: live, run: scroll},
		{name: "drag", does: "a window is dragged over text", needs: desktop, run: drag},
		{name: "scene", does: "a shaded scene turns, 1280×800 at 60 frames/s", needs: desktop, run: scene},
		{name: "video", does: "natural motion, 1280×720 at 60 frames/s", needs: desktop, run: video},
		{name: "settle", does: "a terminal's text appears → it is sharp, and how sharp it is at rest", needs: desktop, run: settle},
		{name: "first-frame", does: "navigation → first pixel, with an empty and a filled cache", run: firstFrame},
		{name: "switch", does: "navigation → the picture has gone over to WebRTC, and the longest standstill meanwhile; text scrolls", needs: desktop | ladder, run: switchPath},
		{name: "resize", does: "the tab changes its size → the desktop has followed", needs: desktop, run: resize},
		{name: "paste", does: "1 MiB of text, pasted in the page → on the desktop's clipboard, against one message of that size", needs: desktop | own, run: paste},
		{name: "resume", does: "the network is cut for 3 s → pixels again, from when it is back", needs: desktop | severable, run: resume},
		{name: "outage", does: "the network is cut for 25 s → pixels again, from when it is back", needs: desktop | severable, run: outage},
		{name: "wire", does: "scrolling text, received by WebRTC but not decoded: what it costs without a browser", needs: desktop | native, run: onWire},
		{name: "neighbour", does: "a program computes beside the agent, in a container of half a processor → what it keeps while the scene turns", needs: desktop | own, run: neighbour},
		{name: "upload", does: "a file of 100 MB is uploaded, interrupted twice, while the scene turns → what the scene keeps of its frames", needs: desktop | own, run: upload},
		{name: "idle", does: "nothing happens, with and without a viewer", needs: desktop, once: true, run: idle},
	}
}

// Scenario is what can be asked for by its name, and what it measures.
type Scenario struct{ Name, Does string }

// Scenarios returns what there is, in the order in which it is measured.
func Scenarios() []Scenario {
	var all []Scenario
	for _, s := range scenarios() {
		all = append(all, Scenario{s.name, s.does})
	}
	return all
}

// chosen returns the scenarios of these names, in the order in which they are
// measured; all of them for none.
func chosen(names []string) ([]scenario, error) {
	all := scenarios()
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s scenario) bool { return s.name == name }) {
			var known []string
			for _, s := range all {
				known = append(known, s.name)
			}
			return nil, fmt.Errorf("perf: no scenario %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(all, func(s scenario) bool { return !slices.Contains(names, s.name) }), nil
}
