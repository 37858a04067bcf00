// Package iceserver says which STUN and TURN servers a viewer's connection may
// use, and with which credentials. There is none that was not asked for.
package iceserver

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Server is an entry of RTCConfiguration.iceServers (W3C WebRTC §4.2.4). Printed
// or logged it shows its URLs alone.
type Server struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// String returns the URLs.
func (s Server) String() string { return strings.Join(s.URLs, " ") }

// GoString is String, so that no verb of package fmt shows the credential.
func (s Server) GoString() string { return s.String() }

// LogValue returns the URLs.
func (s Server) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Config is what one side of a connection is told, in the terms of
// RTCConfiguration. The zero value is for direct connections.
type Config struct {
	Servers []Server `json:"iceServers,omitempty"`
	// Policy is "relay" for a side that must reach the other through a TURN
	// server, and empty for one that may try everything.
	Policy string `json:"iceTransportPolicy,omitempty"`
}

// RelayOnly is the Policy of a side that must use a TURN server.
const RelayOnly = "relay"

// Source finds the servers for the next connection, or the next ICE restart, of a
// viewer. Its method may be called from several goroutines. Servers that are
// returned beside an error can be used.
type Source interface {
	Servers(ctx context.Context, viewer string) ([]Server, error)
}

// Sources is several sources as one.
type Sources []Source

// Servers asks one source after the other.
func (all Sources) Servers(ctx context.Context, viewer string) ([]Server, error) {
	var found []Server
	var failed error
	for _, source := range all {
		servers, err := source.Servers(ctx, viewer)
		found = append(found, servers...)
		failed = errors.Join(failed, err)
	}
	return found, failed
}

// Static is servers whose credentials are always the same.
type Static []Server

// Servers returns them.
func (s Static) Servers(context.Context, string) ([]Server, error) { return s, nil }

// ErrExpired is of credentials whose time is over.
var ErrExpired = errors.New("the TURN credentials have expired")

// expiry is when a user name as in Shared ends to be valid; ok is false for one of
// another kind.
func expiry(username string) (end time.Time, ok bool) {
	seconds, _, _ := strings.Cut(username, ":")
	if len(seconds) != 10 { // those of the years 2001 to 2286
		return time.Time{}, false
	}
	n, err := strconv.ParseUint(seconds, 10, 63)
	return time.Unix(int64(n), 0), err == nil
}

// valid returns the servers without those whose credentials have expired, and
// ErrExpired if there were any.
func valid(servers []Server, now time.Time) ([]Server, error) {
	var left []Server
	var err error
	for _, s := range servers {
		if end, ok := expiry(s.Username); ok && !now.Before(end) {
			err = ErrExpired
			continue
		}
		left = append(left, s)
	}
	return left, err
}
