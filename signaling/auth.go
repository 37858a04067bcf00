package signaling

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
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

// maxLogin bounds the body of a login in bytes.
const maxLogin = 4 << 10

// errNoToken is the answer to a wrong token: it says no more than that.
var errNoToken = errors.New("signaling: login: wrong token")

// gate exchanges the token for cookies and recognises them.
//
// A cookie is a random id and its HMAC under the token, so that nothing has to
// be kept, the token cannot be read from it, and it outlives a restart of the
// server exactly as long as the token does. It is a browser-session cookie.
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
		if err == nil && hmac.Equal(macBytes, g.mac("cookie", idBytes)) {
			return true
		}
	}
	return false
}

// cookie makes the credential for a browser that sees the handler at path.
func (g *gate) cookie(path string, secure bool) *http.Cookie {
	id := make([]byte, 16)
	rand.Read(id)
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

// login answers POST login: {"token": "..."} becomes a cookie.
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
	from := remoteHost(r)
	if wait := h.gate.attempts.wait(from, time.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		http.Error(w, "too many wrong tokens: wait", http.StatusTooManyRequests)
		return
	}
	token, err := loginToken(r)
	if err != nil {
		http.Error(w, "login needs the JSON body {\"token\": \"...\"}", http.StatusBadRequest)
		return
	}
	if !h.gate.check(token) {
		h.gate.attempts.fail(from, time.Now())
		h.cfg.Log.Warn("login refused", "from", from, "err", errNoToken)
		http.Error(w, "wrong token", http.StatusUnauthorized)
		return
	}
	h.gate.attempts.forget(from)
	path := "/" // the proxy in front has stripped a prefix that nobody told us
	if kept {
		path = (&url.URL{Path: h.base}).EscapedPath()
	}
	http.SetCookie(w, h.gate.cookie(path, secure(r)))
	w.WriteHeader(http.StatusNoContent)
}

func loginToken(r *http.Request) (string, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return "", errors.New("signaling: login: not JSON")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxLogin))
	if err != nil {
		return "", err
	}
	var login struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(body, &login); err != nil {
		return "", err
	}
	return login.Token, nil
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
