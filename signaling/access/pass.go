package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Pass is what somebody has come in by.
type Pass struct {
	Share string    // id of a link; "": without one
	User  string    // who the platform says it is; "": unknown
	Until time.Time // zero: without an end

	sealed string    // what is signed; "": there is no cookie, and no key
	born   time.Time // when it was made
}

// Same says whether both are of one stay.
func (p Pass) Same(other Pass) bool {
	return p.sealed == other.sealed && p.Share == other.Share && p.User == other.User
}

// The layout of what is signed: two times in seconds of Unix time, a link's id, zeros
// for none, and random bits.
const (
	bornAt   = 0
	untilAt  = 8
	shareAt  = 16
	nonceAt  = 24
	passSize = 40
)

// hostPrefix begins the cookie's name where the browser has come by TLS: no script of
// a page without can set such a one (RFC 6265bis §4.1.3.1). That of __Host- would
// want the path "/", which is everybody's.
const hostPrefix = "__Secure-"

// shareCookies begins the name of a link's cookie, which the link's id ends: a browser
// may have those of several desktops and links.
const shareCookies = "lucarne-share-"

// maxShareCookies are looked at in one request.
const maxShareCookies = 64

// mint makes a pass.
func mint(share string, now, until time.Time) Pass {
	sealed := make([]byte, passSize)
	binary.BigEndian.PutUint64(sealed[bornAt:], uint64(now.Unix()))
	binary.BigEndian.PutUint64(sealed[untilAt:], uint64(until.Unix()))
	hex.Decode(sealed[shareAt:nonceAt], []byte(share)) // made by the session
	rand.Read(sealed[nonceAt:])                        // crypto/rand: never fails
	return passOf(sealed)
}

func passOf(sealed []byte) Pass {
	p := Pass{
		sealed: string(sealed),
		born:   time.Unix(int64(binary.BigEndian.Uint64(sealed[bornAt:])), 0),
		Until:  time.Unix(int64(binary.BigEndian.Uint64(sealed[untilAt:])), 0),
	}
	if id := sealed[shareAt:nonceAt]; string(id) != strings.Repeat("\x00", nonceAt-shareAt) {
		p.Share = hex.EncodeToString(id)
	}
	return p
}

// key is what a pass is good for nothing without; "": it is without.
func (g *Gate) key(p Pass) string {
	if p.sealed == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(g.mac("key", []byte(p.sealed)))
}

// opens compares a key in constant time.
func (g *Gate) opens(p Pass, key string) bool {
	want := g.key(p)
	return want == "" || subtle.ConstantTimeCompare([]byte(key), []byte(want)) == 1
}

// cookieName is the name of a pass's cookie.
func (g *Gate) cookieName(p Pass, secure bool) string {
	if p.Share != "" {
		return prefixed(shareCookies+p.Share, secure)
	}
	return prefixed(g.name, secure)
}

func prefixed(name string, secure bool) string {
	if secure {
		return hostPrefix + name
	}
	return name
}

// cookie makes the cookie of a pass for a browser that sees the desktop at path. It goes
// with the browser's session at the latest.
func (g *Gate) cookie(p Pass, path string, secure bool, now time.Time) *http.Cookie {
	c := &http.Cookie{
		Name:     g.cookieName(p, secure),
		Value:    g.seal("cookie", []byte(p.sealed)),
		Path:     path,
		HttpOnly: true,
		Secure:   secure,
		SameSite: http.SameSiteStrictMode,
	}
	if p.Share != "" { // the person may come by the link again without having the link
		c.MaxAge = max(1, int(p.Until.Sub(now)/time.Second))
	}
	return c
}

// noCookie takes a pass's cookie out of a browser that sees the desktop at path: what is void
// here need not be so after a restart.
func (g *Gate) noCookie(p Pass, path string, secure bool) *http.Cookie {
	c := g.cookie(p, path, secure, p.Until)
	c.Value, c.MaxAge = "", -1
	return c
}

// seal is a value with its MAC, for one purpose.
func (g *Gate) seal(purpose string, value []byte) string {
	return base64.RawURLEncoding.EncodeToString(value) + "." + base64.RawURLEncoding.EncodeToString(g.mac(purpose, value))
}

// unseal returns the value of what has been sealed for a purpose.
func (g *Gate) unseal(purpose, text string) (value []byte, ok bool) {
	first, second, found := strings.Cut(text, ".")
	if !found {
		return nil, false
	}
	value, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		return nil, false
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(second)
	return value, err == nil && hmac.Equal(mac, g.mac(purpose, value))
}

// pass reads a cookie's value; false: it is none of ours, whatever its age.
func (g *Gate) pass(text string) (p Pass, ok bool) {
	sealed, ok := g.unseal("cookie", text)
	if !ok || len(sealed) != passSize {
		return Pass{}, false
	}
	return passOf(sealed), true
}

// valid says whether a pass is good still, as far as is known here.
func (g *Gate) valid(p Pass, now time.Time) bool { return now.Before(p.Until) && !g.voided.has(p) }

// given returns the passes without a link that a request has cookies of, whatever has become
// of them since.
func (g *Gate) given(r *http.Request) (passes []Pass) {
	for _, name := range []string{prefixed(g.name, false), prefixed(g.name, true)} {
		for _, cookie := range r.CookiesNamed(name) {
			if p, ok := g.pass(cookie.Value); ok && p.Share == "" {
				passes = append(passes, p)
			}
		}
	}
	return passes
}

// carried returns those of them that are good still.
func (g *Gate) carried(r *http.Request, now time.Time) []Pass {
	return slices.DeleteFunc(g.given(r), func(p Pass) bool { return !g.valid(p, now) })
}

// linked returns the passes of links that a request has cookies of. That a link is
// there still is for others to say.
func (g *Gate) linked(r *http.Request, now time.Time) (passes []Pass) {
	looked := 0
	for _, cookie := range r.Cookies() {
		if !strings.HasPrefix(strings.TrimPrefix(cookie.Name, hostPrefix), shareCookies) {
			continue
		}
		if looked++; looked > maxShareCookies {
			break
		}
		if p, ok := g.pass(cookie.Value); ok && p.Share != "" && g.valid(p, now) {
			passes = append(passes, p)
		}
	}
	return passes
}

// returning names a browser that has been let in before, whatever has become of its
// pass since; "": it has not. Who guesses cannot have such a cookie.
func (g *Gate) returning(r *http.Request) string {
	if given := g.given(r); len(given) > 0 {
		return given[0].sealed
	}
	return ""
}
