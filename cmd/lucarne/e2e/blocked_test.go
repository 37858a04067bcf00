package e2e

import (
	"image"
	"io"
	"net"
	"sync"
	"testing"

	"lucarne/perf/browser"
	"lucarne/perf/link"
)

// TestNetworkThatCarriesOnlyHTTP: the browser is in a network of its own, in which
// datagrams to the agent vanish without a word, and one TCP port leads to it.
func TestNetworkThatCarriesOnlyHTTP(t *testing.T) {
	profile, _ := link.Lookup("lan")
	l, err := link.Open(profile)
	if err != nil {
		t.Skipf("no links here: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	d := newAgentDesk(t, &setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	check := d.chart()
	door := d.doorIn(l.Client)
	d.browser = d.startBrowser(browser.Config{Start: l.Client.Start})
	page := d.load(d.browser, "http://"+door+"/?resize=off", peersScript)
	page.by("ws")
	check(page)
	page.write(r, "Hello, HTTP!")
	// It has tried: it has an address, knows the agent's, and hears nothing from there.
	page.wait(`peers.some(p => p.localDescription.sdp.includes("a=candidate") && p.remoteDescription.sdp.includes("a=candidate"))`)
	page.wait(`document.querySelector(".route").textContent.includes("the network may block UDP")`)
	page.wait(`peers.every(p => p.connectionState !== "connected")`)
	page.by("ws")
	page.write(r, "still here")
}

// doorIn opens a TCP port in a network that leads to the agent, and returns its
// address. It is closed after what is opened later: browsers go first.
func (d *desk) doorIn(n *link.Namespace) string {
	d.t.Helper()
	door, err := n.Listen("tcp", "127.0.0.1:0")
	d.check(err)
	var open sync.WaitGroup
	d.t.Cleanup(func() {
		door.Close()
		open.Wait()
	})
	open.Go(func() {
		for {
			in, err := door.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", d.agent.address)
			if err != nil {
				in.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				open.Go(func() {
					io.Copy(way[0], way[1]) // until either end closes
					way[0].Close()
				})
			}
		}
	})
	return door.Addr().String()
}
