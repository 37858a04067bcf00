package iceserver

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxURL is the longest URL that is taken, in bytes.
const maxURL = 512

var (
	errScheme    = errors.New("the scheme is none of stun, stuns, turn, turns")
	errHost      = errors.New("there is no host name or address")
	errPort      = errors.New("the port is not 1 to 65535")
	errTransport = errors.New("after the port there is only ?transport=udp or ?transport=tcp, and only for TURN")
)

// CheckURL says what is wrong with a STUN URI (RFC 7064) or TURN URI (RFC 7065).
// The error does not repeat the URI, which may hold what is secret.
func CheckURL(uri string) error {
	_, err := parseURL(uri)
	if err != nil {
		return fmt.Errorf("iceserver: parse URL: %w", err)
	}
	return nil
}

// IsTURN says whether a URI that CheckURL takes is that of a TURN server, which
// needs credentials.
func IsTURN(uri string) bool {
	u, err := parseURL(uri)
	return err == nil && u.turn
}

// address is what a URI says.
type address struct {
	turn bool
	host string
	port int // 0: the scheme's own
}

func parseURL(uri string) (address, error) {
	if len(uri) > maxURL {
		return address{}, fmt.Errorf("it is longer than %d bytes", maxURL)
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	var u address
	switch strings.ToLower(scheme) {
	case "turn", "turns":
		u.turn = true
	case "stun", "stuns":
	default:
		return address{}, errScheme
	}
	rest, query, asked := strings.Cut(rest, "?")
	if asked && (!u.turn || query != "transport=udp" && query != "transport=tcp") {
		return address{}, errTransport
	}
	var port string
	var ok bool
	if u.host, port, ok = splitPort(rest); !ok {
		return address{}, errHost
	}
	if port == "" {
		return u, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return address{}, errPort
	}
	u.port = int(n)
	return u, nil
}

// splitPort splits "host", "host:port" and "[IPv6 address]:port"; ok says whether
// the host is one.
func splitPort(s string) (host, port string, ok bool) {
	if inner, found := strings.CutPrefix(s, "["); found {
		host, rest, closed := strings.Cut(inner, "]")
		port, hasPort := strings.CutPrefix(rest, ":")
		ip, err := netip.ParseAddr(host)
		return host, port, closed && err == nil && ip.Is6() && ip.Zone() == "" && (rest == "" || hasPort && port != "")
	}
	host, port, hasPort := strings.Cut(s, ":")
	return host, port, isName(host) && (!hasPort || port != "")
}

// isName says whether a host consists of the characters of names and addresses.
func isName(host string) bool {
	return host != "" && len(host) <= 253 && !strings.ContainsFunc(host, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !letter && !(r >= '0' && r <= '9') && r != '-' && r != '.' && r != '_'
	})
}
