package access

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Origins judges which page a request comes from, by what browsers say of it and pages
// cannot change.
type Origins struct {
	// Hosts are further names, with or without a port, by which the desktop may be
	// asked for.
	Hosts []string
	// Proxies may say by which name and scheme the browser has come (X-Forwarded-Host,
	// X-Forwarded-Proto) and from where (X-Forwarded-For). Without any, anybody may say
	// name and scheme: no page can set these headers for another origin than its own,
	// since a WebSocket and a form have none to set and the rest needs a CORS preflight
	// that is never granted (Fetch standard, §4.8), and what is no browser can write any
	// Origin as well.
	Proxies Peers
	// Guarded refuses names that are neither of Hosts nor loopback's own on a loopback
	// address: a page of a foreign name that resolves to 127.0.0.1 is of our origin,
	// but cannot hide that name from Host. With a cookie there is nothing to guard: it
	// is bound to the name it was given to.
	Guarded bool
}

// Allows refuses what a page of another origin asks for. A browser names the page's
// origin in every WebSocket handshake and every POST; it must be the host that the
// request is for, the host that a proxy in front says it was for, or one of Hosts.
//
// A request without Origin does not come from a page and is let through: what is not
// a browser can write any Origin it likes.
func (o Origins) Allows(r *http.Request) bool {
	if !SameOrigin(r) {
		return false
	}
	values, present := r.Header["Origin"]
	if !present {
		return true
	}
	if len(values) != 1 {
		return false
	}
	origin, err := url.Parse(values[0])
	if err != nil || origin.Host == "" || origin.Scheme != "http" && origin.Scheme != "https" {
		return false // "null" too: a sandboxed frame
	}
	host := withPort(origin.Host, origin.Scheme)
	own := []string{r.Host}
	if o.believes(r) {
		for _, forwarded := range r.Header.Values("X-Forwarded-Host") { // one host from each proxy on the way
			own = append(own, strings.Split(forwarded, ",")...)
		}
	}
	for _, name := range own {
		if strings.TrimSpace(name) != "" && withPort(name, origin.Scheme) == host {
			return true
		}
	}
	return o.listed(origin.Host)
}

// believes says whether the peer of a request may say how the browser has come.
func (o Origins) believes(r *http.Request) bool { return o.Proxies.None() || o.Proxies.Has(r) }

// SameOrigin refuses what a browser says comes from a page of another site or origin
// (https://www.w3.org/TR/fetch-metadata). One that does not say is judged by Origin alone.
func SameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return false
}

// Document says whether what asks for a page is going to show it, alone or, where framed
// is true, in a frame: a script that fetches it is refused, which of this origin could be
// a neighbour's.
func Document(r *http.Request, framed bool) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "", "document": // browsers of before 2023, and what is none, do not say
		return true
	case "iframe", "frame":
		return framed
	}
	return false
}

// HostAllowed says whether the desktop may be asked for by the name that a request has.
func (o Origins) HostAllowed(r *http.Request) bool {
	if !o.Guarded || !cameByLoopback(r) {
		return true
	}
	name := hostname(r.Host)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761 §6.3
		return true
	}
	if addr, err := netip.ParseAddr(name); err == nil && addr.IsLoopback() {
		return true
	}
	return o.listed(r.Host)
}

// secure says whether the browser has come by TLS, here or at the first of the proxies in front,
// each of which may have added how it was asked.
func (o Origins) secure(r *http.Request) bool {
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return r.TLS != nil || o.believes(r) && strings.EqualFold(strings.TrimSpace(first), "https")
}

// From returns where a request comes from: the address that the nearest of Proxies
// got it from, or else the peer's.
func (o Origins) From(r *http.Request) string {
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr
	}
	if !o.Proxies.Has(r) {
		return from
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for n := len(hops) - 1; n >= 0; n-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[n]))
		if err != nil {
			break
		}
		if from = addr.Unmap().String(); !o.Proxies.contain(addr) {
			break
		}
	}
	return from
}

// listed says whether a host, with or without its port, is one of Hosts.
func (o Origins) listed(host string) bool {
	for _, allowed := range o.Hosts {
		if strings.EqualFold(allowed, host) || strings.EqualFold(allowed, hostname(host)) {
			return true
		}
	}
	return false
}

// withPort is the host in lower case with its port, if only the scheme's own.
func withPort(host, scheme string) string {
	host = strings.ToLower(strings.TrimSpace(host))
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// cameByLoopback says whether the connection came in on a loopback address.
func cameByLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// hostname is a Host without port and brackets, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(strings.TrimSuffix(host, "."), "[]"))
}

// Peers are the other ends of connections. The zero value is none.
type Peers struct {
	networks []netip.Prefix
	unix     bool
}

// ParsePeers reads networks (RFC 4632, RFC 4291), single addresses, and "unix" for
// whoever can open the server's Unix socket.
func ParsePeers(texts []string) (Peers, error) {
	var p Peers
	for _, text := range texts {
		if text == "unix" {
			p.unix = true
			continue
		}
		network, err := netip.ParsePrefix(text)
		if addr, alone := netip.ParseAddr(text); alone == nil {
			network, err = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
		}
		if err != nil {
			return Peers{}, fmt.Errorf("access: peer %q: want a network such as 10.0.0.0/8, an address, or unix", text)
		}
		p.networks = append(p.networks, network.Masked())
	}
	return p, nil
}

// None says whether nobody is meant.
func (p Peers) None() bool { return len(p.networks) == 0 && !p.unix }

// Has says whether a request's connection is one of them.
func (p Peers) Has(r *http.Request) bool {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() == "unix" {
		return p.unix
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && p.contain(peer.Addr())
}

func (p Peers) contain(addr netip.Addr) bool {
	for _, network := range p.networks {
		if network.Contains(addr.Unmap().WithZone("")) {
			return true
		}
	}
	return false
}
