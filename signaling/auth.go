package signaling

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lucarne/signaling/session"
)

// Auth says who may open the WebSocket. The zero value lets everybody in who
// reaches the handler, which Host and Origin checks still narrow.
type Auth struct {
	// Token is the secret that the page exchanges for a cookie; NewToken makes
	// one. Whoever gives the same token again after a restart keeps the
	// viewers' cookies valid; another token makes all of them void.
	Token string
}

// NewToken returns 256 random bits in the URL alphabet of base64 (RFC 4648 §5).
func NewToken() string {
	bits := make([]byte, 32)
	rand.Read(bits) // crypto/rand: never fails
	return base64.RawURLEncoding.EncodeToString(bits)
}

const (
	maxLogin  = 4 << 10 // bytes of a login's body
	maxPath   = 1 << 10 // bytes of a cookie's path
	cookieAge = 30 * 24 * time.Hour
)

// errNoToken and errNoShare are the answers to a wrong secret: they say no more
// than that.
var (
	errNoToken = errors.New("signaling: login: wrong token")
	errNoShare = errors.New("signaling: login: the link is not valid, or no longer")
)

// gate exchanges the token and the secrets of links for cookies and recognises them.
//
// The token's cookie is when it was made, a random id and the HMAC of both under
// the token, so that nothing has to be kept, the token cannot be read from it, and
// it outlives a restart of the server exactly as long as the token does, at most
// cookieAge. It is a browser-session cookie. Those of links are in share.go.
type gate struct {
	token    string
	name     string // of the cookie; differs from token to token, since cookies know no ports
	key      []byte // of the cookies of links, which live as long as the process, as links do
	attempts attempts
}

func newGate(a Auth) *gate {
	g := &gate{token: a.Token, key: make([]byte, sha256.Size), attempts: attempts{failed: make(map[string]attempt)}}
	rand.Read(g.key) // crypto/rand: never fails
	if g.token != "" {
		g.name = "lucarne-" + hex.EncodeToString(g.mac("name", nil)[:4])
	}
	return g
}

// mac is HMAC-SHA256 (RFC 2104) under the token, for one purpose.
func (g *gate) mac(purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, []byte(g.token))
	io.WriteString(h, "lucarne "+purpose+"\x00")
	h.Write(data)
	return h.Sum(nil)
}

// owns says whether the request comes from somebody who has given the token, or
// need not.
func (g *gate) owns(r *http.Request) bool {
	if g.token == "" {
		return true
	}
	for _, cookie := range r.CookiesNamed(g.name) {
		id, mac, found := strings.Cut(cookie.Value, ".")
		if !found {
			continue
		}
		idBytes, err := base64.RawURLEncoding.DecodeString(id)
		if err != nil {
			continue
		}
		macBytes, err := base64.RawURLEncoding.DecodeString(mac)
		if err == nil && hmac.Equal(macBytes, g.mac("cookie", idBytes)) && fresh(idBytes, time.Now()) {
			return true
		}
	}
	return false
}

// fresh says whether a cookie's id is young enough.
func fresh(id []byte, now time.Time) bool {
	return len(id) == idSize && now.Sub(time.Unix(int64(binary.BigEndian.Uint64(id)), 0)) < cookieAge
}

const idSize = 8 + 16 // when it was made, in seconds of Unix time; random

// cookie makes the credential for a browser that sees the handler at path.
func (g *gate) cookie(path string, secure bool, now time.Time) *http.Cookie {
	id := binary.BigEndian.AppendUint64(make([]byte, 0, idSize), uint64(now.Unix()))[:idSize]
	rand.Read(id[8:])
	return &http.Cookie{
		Name:     g.name,
		Value:    base64.RawURLEncoding.EncodeToString(id) + "." + base64.RawURLEncoding.EncodeToString(g.mac("cookie", id)),
		Path:     path,
		HttpOnly: true,
		Secure:   secure,
		SameSite: http.SameSiteStrictMode,
	}
}

// check compares a token in constant time.
func (g *gate) check(token string) bool {
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(g.token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// login answers POST login: {"token": "...", "path": "/user/alice/"}, or {"share": "..."}
// with the secret of a link, becomes a cookie for the directory that the page sees
// itself in. For a link the answer has a body, {"share": "id"}: what its page says
// in hello.
func (h *Handler) login(w http.ResponseWriter, r *http.Request, kept bool) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "login takes a POST", http.StatusMethodNotAllowed)
		return
	}
	if !sameSite(r) || !h.originAllowed(r) {
		http.Error(w, "login from another site refused", http.StatusForbidden)
		return
	}
	// A body that does not come must not hold the connection; where there is no
	// deadline to be had there is no connection either.
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.pace.login))
	want, err := parseLogin(r)
	switch {
	case h.gate.token == "" && want.Share == "": // whoever asks is in
		w.WriteHeader(http.StatusNoContent)
		return
	case err != nil:
		http.Error(w, "login needs the JSON body {\"token\": \"...\"}", http.StatusBadRequest)
		return
	}
	from, now := remoteHost(r), time.Now()
	share, err := h.check(want)
	if err != nil {
		// Behind a proxy everybody has one address: only who is wrong waits.
		if wait := h.gate.attempts.wait(from, now); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			http.Error(w, "too many wrong tokens: wait", http.StatusTooManyRequests)
			return
		}
		h.gate.attempts.fail(from, now)
		h.cfg.Log.Warn("login refused", "from", from, "err", err)
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	path := want.Path
	switch {
	case cookiePath(path):
	case kept:
		path = (&url.URL{Path: h.base}).EscapedPath()
	default:
		path = "/" // the proxy in front has stripped a prefix that nobody told us
	}
	if share == (session.Share{}) { // a link lets nobody guess at the token for longer
		h.gate.attempts.forget(from)
		http.SetCookie(w, h.gate.cookie(path, secure(r), now))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	http.SetCookie(w, h.gate.shareCookie(share, path, secure(r), now))
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"share": share.ID})
}

// check compares the secret of a login, and returns the link if it is that of one.
func (h *Handler) check(c credentials) (session.Share, error) {
	if c.Share == "" {
		if !h.gate.check(c.Token) {
			return session.Share{}, errNoToken
		}
		return session.Share{}, nil
	}
	share, err := h.cfg.Session.Redeem(c.Share)
	if err != nil {
		return session.Share{}, errNoShare
	}
	return share, nil
}

// credentials are the body of a login.
type credentials struct {
	Token string `json:"token"`
	Share string `json:"share"` // a link's secret; "": none, the token counts
	Path  string `json:"path"`  // the page's directory, as the browser sees it; "": unknown
}

func parseLogin(r *http.Request) (credentials, error) {
	var c credentials
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return c, errors.New("signaling: login: not JSON")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxLogin))
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(body, &c)
}

// cookiePath says whether a path can be a cookie's (RFC 6265 §4.1.1).
func cookiePath(path string) bool {
	odd := func(c rune) bool { return c < 0x20 || c > 0x7e || c == ';' }
	return strings.HasPrefix(path, "/") && len(path) <= maxPath && !strings.ContainsFunc(path, odd)
}

// probe answers GET session: 204 if the WebSocket would be opened, else 401.
// A page cannot see the status of a refused WebSocket; it can see this one.
func (h *Handler) probe(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !h.admission(r).any() {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// secure says whether the browser came by TLS, here or at the proxy in front.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
