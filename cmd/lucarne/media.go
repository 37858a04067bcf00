package main

import (
	"context"
	"net"
	"slices"

	"lucarne/encode"
	"lucarne/encode/mediadev"
	"lucarne/signaling"
	"lucarne/signaling/iceserver"
	"lucarne/signaling/peer"
	"lucarne/signaling/session"
)

// openMedia returns what connects each viewer by WebRTC.
func (d *desktop) openMedia(usable []encode.Backend) signaling.OpenMedia {
	video := slices.DeleteFunc(slices.Clone(usable), func(b encode.Backend) bool { return b.Codec == encode.JPEG })
	common := peer.Config{
		Register:        mediadev.Register(video),
		Network:         d.network,
		RelayViewer:     d.flags.Relay == "viewer",
		MaxPlayoutDelay: d.flags.PlayoutDelay,
		MinBitrate:      int(d.flags.MinBitrate),
		MaxBitrate:      int(d.flags.Bitrate),
		Log:             d.log,
	}
	return func(v *session.Viewer, out signaling.Out, generation int) (signaling.Media, error) {
		cfg := common
		cfg.Generation = generation
		if d.servers != nil {
			cfg.Servers = func(ctx context.Context) ([]iceserver.Server, error) { return d.servers.Servers(ctx, v.ID()) }
		}
		p, err := peer.New(cfg, v, out)
		if err != nil {
			return nil, err
		}
		return counted{p, &d.traffic}, nil
	}
}

// onLoopback says whether only this machine can reach the address.
func onLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
