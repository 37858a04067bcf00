package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lucarne/cmd/internal/doctor"
	"lucarne/perf/viewer"
	"lucarne/signaling/iceserver"
	"lucarne/signaling/peer"
)

// mediaPatience is how long a connection, or a TURN server, may take.
const mediaPatience = 10 * time.Second

// webRTC looks at the media beside a page's socket, as a viewer.
type webRTC struct {
	offered bool
	servers []iceserver.Server // that the page is told of
}

// checks returns its checks, in this order.
func (w *webRTC) checks() []doctor.SiteCheck {
	return []doctor.SiteCheck{{Name: "WebRTC", Run: w.checkDirect}, {Name: "TURN", Run: w.checkTURN}}
}

// checkDirect connects without any server's help.
func (w *webRTC) checkDirect(ctx context.Context, site doctor.Site) doctor.Finding {
	ctx, cancel := context.WithTimeout(ctx, mediaPatience)
	defer cancel()
	began := time.Now()
	v, err := viewer.Start(ctx, site.URL, viewer.Config{Header: site.Header, Key: site.Key, TLS: site.TLS, Offered: func(servers []iceserver.Server) {
		w.offered, w.servers = true, servers
	}})
	took := time.Since(began)
	switch {
	case err == nil:
		v.Close() // that it was there is enough
		return doctor.Finding{State: doctor.OK, Found: fmt.Sprintf("connects directly in %v", took.Round(time.Millisecond))}
	case errors.Is(err, context.DeadlineExceeded) && w.offered:
		return doctor.Finding{State: doctor.Warn, Found: fmt.Sprintf("does not connect directly within %v: the WebSocket carries the picture", mediaPatience),
			User:  "nothing has to be done; another network may let it through",
			Admin: "let UDP through to lucarne (one port: --udp-port; its outside address: --public-address), or set up a TURN server (--ice-server)"}
	}
	return doctor.Finding{State: doctor.Fail, Found: err.Error(), User: "see lucarne's log for why there is no WebRTC"}
}

// checkTURN asks each server for an address, at each of its URLs.
func (w *webRTC) checkTURN(ctx context.Context, _ doctor.Site) doctor.Finding {
	var found []string
	f := doctor.Finding{State: doctor.OK}
	for _, server := range w.servers {
		for _, url := range server.URLs {
			if !strings.HasPrefix(strings.ToLower(url), "turn") {
				continue
			}
			said, err := allocate(ctx, iceserver.Server{URLs: []string{url}, Username: server.Username, Credential: server.Credential})
			if err != nil {
				f.State = doctor.Warn
				f.Admin = "see that the TURN server runs, can be reached from viewers, and has the same secret and the same time as lucarne"
			}
			found = append(found, said)
		}
	}
	if len(found) == 0 {
		return doctor.Finding{State: doctor.Skip, Found: "no server is offered (--ice-server)"}
	}
	f.Found = strings.Join(found, "; ")
	return f
}

// allocate says how a server, of one URL, has answered.
func allocate(ctx context.Context, server iceserver.Server) (said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, mediaPatience)
	defer cancel()
	took, err := peer.Allocate(ctx, server)
	if err != nil {
		return err.Error(), err
	}
	return fmt.Sprintf("%s gives an address within %v", server, took.Round(time.Millisecond)), nil
}
