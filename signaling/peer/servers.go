package peer

import (
	"context"
	"time"

	"github.com/pion/webrtc/v4"

	"lucarne/signaling/iceserver"
)

// serversPatience is how long an offer waits for the servers.
const serversPatience = 6 * time.Second

// servers finds the servers for the next offer. Without them it goes out all the
// same: most viewers need none.
func (p *Peer) servers(ctx context.Context) []iceserver.Server {
	if p.cfg.Servers == nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, serversPatience)
	defer cancel()
	found, err := p.cfg.Servers(limited)
	if err != nil && ctx.Err() == nil {
		p.cfg.Log.Warn("a viewer's connection lacks ICE servers", "err", err)
	}
	return found
}

// ours returns what this side uses of the servers.
func (p *Peer) ours(servers []iceserver.Server) []webrtc.ICEServer {
	if p.cfg.RelayViewer {
		return nil
	}
	var all []webrtc.ICEServer
	for _, s := range servers {
		all = append(all, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	return all
}

// theirs returns what the page is told of them.
func (p *Peer) theirs(servers []iceserver.Server) iceserver.Config {
	ice := iceserver.Config{Servers: servers}
	if p.cfg.RelayViewer {
		ice.Policy = iceserver.RelayOnly
	}
	return ice
}
