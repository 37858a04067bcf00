package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"lucarne/signaling/iceserver"
)

// errNoRelay is of a TURN server that has given no address, for a reason unknown.
var errNoRelay = errors.New("no address")

// Allocate asks a TURN server for a relayed address, as a connection does, and
// returns how long that took. The address is given back. Of several URLs the first
// that gives one counts.
func Allocate(ctx context.Context, server iceserver.Server) (time.Duration, error) {
	took, err := allocate(ctx, server)
	if err != nil {
		return 0, fmt.Errorf("peer: allocate at %s: %w", server, err)
	}
	return took, nil
}

func allocate(ctx context.Context, server iceserver.Server) (time.Duration, error) {
	lost := make(chan error, 1)
	var se webrtc.SettingEngine
	se.LoggerFactory = relayLog{lost: lost}
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.SetIncludeLoopbackCandidate(true)
	gatherer, err := webrtc.NewAPI(webrtc.WithSettingEngine(se)).NewICEGatherer(webrtc.ICEGatherOptions{
		ICEServers:      []webrtc.ICEServer{{URLs: server.URLs, Username: server.Username, Credential: server.Credential}},
		ICEGatherPolicy: webrtc.ICETransportPolicyRelay,
	})
	if err != nil {
		return 0, err
	}
	defer gatherer.Close()
	found := make(chan bool, 1) // false: there is nothing more to come
	gatherer.OnLocalCandidate(func(c *webrtc.ICECandidate) {
		select {
		case found <- c != nil:
		default:
		}
	})
	began := time.Now()
	if err := gatherer.Gather(); err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case gave := <-found:
		if gave {
			return time.Since(began), nil
		}
	}
	select {
	case err := <-lost:
		return 0, err
	default:
		return 0, errNoRelay
	}
}

// relayLog takes the reason for which a TURN server is of no use, which pion only
// logs.
type relayLog struct {
	pionLog
	lost chan<- error
}

// NewLogger implements logging.LoggerFactory.
func (l relayLog) NewLogger(string) logging.LeveledLogger {
	l.pionLog = pionLog{slog.New(slog.DiscardHandler)}
	return l
}

func (l relayLog) Warnf(format string, a ...any) {
	if !slices.ContainsFunc(relayLost, func(begin string) bool { return strings.HasPrefix(format, begin) }) {
		return
	}
	select {
	case l.lost <- fmt.Errorf(format, a...):
	default:
	}
}
