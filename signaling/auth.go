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

// errNoToken is the answer to a wrong token: it says no more than that.
var errNoToken = errors.New("signaling: login: wrong token")

// gate exchanges the token for cookies and recognises them.
//
// A cookie is when it was made, a random id and the HMAC of both under the token,
// so that nothing has to be kept, the token cannot be read from it, and it
// outlives a restart of the server exactly as long as the token does, at most
// cookieAge. It is a browser-session cookie.
type gate struct {
	token    string
	name     string // of the cookie; differs from token to token, since cookies know no ports
	attempts attempts
}

func newGate(a Auth) *gate {
	g := &gate{token: a.Token, attempts: attempts{failed: make(map[string]attempt)}}
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

// admits says whether the request comes from somebody who has logged in, or
// need not.
func (g *gate) admits(r *http.Request) bool {
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

// login answers POST login: {"token": "...", "path": "/user/alice/"} becomes a
// cookie for the directory that the page sees itself in.
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
	if h.gate.token == "" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	// A body that does not come must not hold the connection; where there is no
	// deadline to be had there is no connection either.
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.pace.login))
	want, err := parseLogin(r)
	if err != nil {
		http.Error(w, "login needs the JSON body {\"token\": \"...\"}", http.StatusBadRequest)
		return
	}
	from := remoteHost(r)
	if !h.gate.check(want.Token) {
		// Behind a proxy everybody has one address: only who is wrong waits.
		if wait := h.gate.attempts.wait(from, time.Now()); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			http.Error(w, "too many wrong tokens: wait", http.StatusTooManyRequests)
			return
		}
		h.gate.attempts.fail(from, time.Now())
		h.cfg.Log.Warn("login refused", "from", from, "err", errNoToken)
		http.Error(w, "wrong token", http.StatusUnauthorized)
		return
	}
	h.gate.attempts.forget(from)
	path := want.Path
	switch {
	case cookiePath(path):
	case kept:
		path = (&url.URL{Path: h.base}).EscapedPath()
	default:
		path = "/" // the proxy in front has stripped a prefix that nobody told us
	}
	http.SetCookie(w, h.gate.cookie(path, secure(r), time.Now()))
	w.WriteHeader(http.StatusNoContent)
}

// credentials are the body of a login.
type credentials struct {
	Token string `json:"token"`
	Path  string `json:"path"` // the page's directory, as the browser sees it; "": unknown
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
	if !h.gate.admits(r) {
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
