package signaling

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// originAllowed refuses what a page of another origin asks for. A browser names
// the page's origin in every WebSocket handshake and every POST; it must be the
// host that the request is for, the host that a proxy in front says it was for
// (no page can set X-Forwarded-Host on a WebSocket), or one that was allowed.
//
// A request without Origin does not come from a page and is let through: what
// is not a browser can write any Origin it likes.
func (h *Handler) originAllowed(r *http.Request) bool {
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
	for _, forwarded := range r.Header.Values("X-Forwarded-Host") { // one host from each proxy on the way
		own = append(own, strings.Split(forwarded, ",")...)
	}
	for _, name := range own {
		if name != "" && withPort(name, origin.Scheme) == host {
			return true
		}
	}
	return h.hostListed(origin.Host)
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

// sameSite refuses what a browser says comes from another site or origin
// (https://www.w3.org/TR/fetch-metadata). A browser that does not say is judged
// by Origin alone.
func sameSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return false
}

// hostAllowed guards an open handler on loopback against DNS rebinding: a page
// of a foreign name that resolves to 127.0.0.1 is same-origin with us, but
// cannot hide that name from Host. With a token there is nothing to guard: the
// cookie is bound to the name it was given to.
func (h *Handler) hostAllowed(r *http.Request) bool {
	if h.gate.token != "" || !cameByLoopback(r) {
		return true
	}
	name := hostname(r.Host)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761 §6.3
		return true
	}
	if addr, err := netip.ParseAddr(name); err == nil && addr.IsLoopback() {
		return true
	}
	return h.hostListed(r.Host)
}

// cameByLoopback says whether the connection came in on a loopback address.
func cameByLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// hostListed says whether a host, with or without its port, is in AllowedHosts.
func (h *Handler) hostListed(host string) bool {
	for _, allowed := range h.cfg.AllowedHosts {
		if strings.EqualFold(allowed, host) || strings.EqualFold(allowed, hostname(host)) {
			return true
		}
	}
	return false
}

// hostname is a Host without port and brackets, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(strings.TrimSuffix(host, "."), "[]"))
}
