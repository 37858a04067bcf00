// Package access says who may come in: it recognises who asks, exchanges a
// credential for a cookie and a key, and says when a stay is over.
//
// # Cookie and key
//
// All users of a notebook platform share one origin, so that a page of a neighbour's
// sends this origin's cookies with whatever it asks for. The cookie, which is for
// the desktop's path alone and which no script can read, opens only what is nobody's
// secret. All else needs the key as well, which is the answer to the POST that logs
// in and is in no answer to a GET: the page says it in the WebSocket's hello and in the
// header Lucarne-Key (a form's field "key"). It is bound to the cookie and lives as
// long.
//
// Both are made of a pass, which says when it was made, until when it is good, by
// which link its bearer has come if by one, and 128 random bits: the cookie is the
// pass with its HMAC, the key another HMAC of it. Nothing is kept of either.
//
// With None and Proxy there is neither: there, whatever reaches the server by the
// right way is let in, a neighbour's page in the person's browser included.
package access

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// Method is how people come in who have no link.
type Method string

// The methods.
const (
	None     Method = "none"     // whoever reaches the server is in
	Token    Method = "token"    // a secret of the server's own
	Password Method = "password" // one that people choose
	OAuth    Method = "oauth"    // JupyterHub says who it is
	Proxy    Method = "proxy"    // a proxy in front says who it is
)

// ByLink is how somebody comes in who has a link, beside the methods.
const ByLink = "link"

// Config is what a Gate is made of.
type Config struct {
	Method Method // "": None
	// Token is the secret of Token; NewToken makes one. Whoever gives the same again
	// after a restart keeps cookies and keys valid; another makes all of them void.
	Token    string
	Password *Verifier // of Password
	Hub      *Hub      // of OAuth
	Identity Identity  // of Proxy

	// MaxAge is how long a stay lasts at most, links excepted, which have an end of
	// their own; 0: 30 days by Token, else 12 hours.
	MaxAge time.Duration
	// Base is the path under which the browser sees the desktop, decoded; it begins
	// and ends with "/".
	Base    string
	Origins Origins

	// Redeem returns a link by its secret: its id, 16 hexadecimal digits, and its end.
	// Linked says whether there is a link of that id now.
	Redeem func(secret string) (id string, until time.Time, err error)
	Linked func(id string) bool

	// Refused is told of each login that was wrong; which it was: a Method, or ByLink.
	// It must not block. nil: nobody is.
	Refused func(which, from string, err error)
	Log     *slog.Logger
}

// NewToken returns 256 random bits in the URL alphabet of base64 (RFC 4648 §5).
func NewToken() string {
	bits := make([]byte, 32)
	rand.Read(bits) // crypto/rand: never fails
	return base64.RawURLEncoding.EncodeToString(bits)
}

// What keeps somebody out, and what ends a stay.
var (
	ErrLogin     = errors.New("access: not logged in")
	ErrNoLink    = errors.New("access: there is no such link")
	ErrIdentity  = errors.New("access: the proxy in front does not say who this is")
	ErrLoggedOut = errors.New("access: logged out")
	ErrTooOld    = errors.New("access: the stay is over")
	ErrBarred    = errors.New("access: the hub no longer lets this person in")
	ErrHub       = errors.New("access: the hub does not answer")
)

// Gate lets people in. Its methods may be called from any goroutine.
type Gate struct {
	cfg      Config
	secret   []byte // of all that is signed
	name     string // of the cookie; differs from secret to secret, since cookies know no ports
	attempts *attempts
	voided   *voided
	accounts *accounts // of OAuth
	pace     pace
	refused  refusals
}

// pace is how long the gate waits for what.
type pace struct {
	body   time.Duration // for the whole of a login
	state  time.Duration // for somebody to come back from the hub
	pickup time.Duration // from there until the page fetches its key
}

const (
	tokenAge = 30 * 24 * time.Hour
	otherAge = 12 * time.Hour
)

// New returns a gate. It starts nothing.
func New(cfg Config) (*Gate, error) {
	cfg.Method = cmp.Or(cfg.Method, None)
	cfg.Base = cmp.Or(cfg.Base, "/")
	secret := []byte(cfg.Token)
	missing := false
	switch cfg.Method {
	case None:
		secret = nil
	case Token:
		missing = cfg.Token == ""
		cfg.MaxAge = cmp.Or(cfg.MaxAge, tokenAge)
	case Password:
		missing = cfg.Password == nil
	case OAuth:
		missing = cfg.Hub == nil
	case Proxy:
		missing = cfg.Identity.Header == ""
	default:
		return nil, fmt.Errorf("access: method %q: unknown", cfg.Method)
	}
	if missing {
		return nil, fmt.Errorf("access: method %s: without what it is made of", cfg.Method)
	}
	cfg.MaxAge = cmp.Or(cfg.MaxAge, otherAge)
	if cfg.Method != Token {
		secret = make([]byte, sha256.Size)
		rand.Read(secret) // crypto/rand: never fails
	}
	g := &Gate{
		cfg: cfg, secret: secret, attempts: newAttempts(), voided: newVoided(), accounts: newAccounts(),
		pace: pace{body: 10 * time.Second, state: 10 * time.Minute, pickup: 2 * time.Minute},
	}
	g.name = "lucarne-" + hex.EncodeToString(g.mac("name", nil)[:4])
	return g, nil
}

// Keyed says whether who comes without a link needs a key.
func (g *Gate) Keyed() bool { return g.cfg.Method != None && g.cfg.Method != Proxy }

// mac is HMAC-SHA256 (RFC 2104) under the gate's secret, for one purpose.
func (g *Gate) mac(purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, g.secret)
	io.WriteString(h, "lucarne "+purpose+"\x00")
	h.Write(data)
	return h.Sum(nil)
}

// Visitor is who a request comes from, as far as its cookies, or the proxy, say.
type Visitor struct {
	gate   *Gate
	passes []Pass // of whom has come without a link first
}

// Visitor returns who a request comes from. The error is ErrIdentity where the proxy
// does not say it, ErrHub where the hub would have to; who has not logged in may be
// anybody.
func (g *Gate) Visitor(r *http.Request) (Visitor, error) {
	v := Visitor{gate: g}
	err := g.foreign(r)
	if err != nil {
		return v, err
	}
	now := time.Now()
	switch g.cfg.Method {
	case None:
		v.passes = append(v.passes, Pass{})
	case Proxy:
		var user string
		if user, err = g.cfg.Identity.user(r); err == nil {
			v.passes = append(v.passes, Pass{User: user, Until: now.Add(g.cfg.MaxAge)})
		}
	default:
		for _, p := range g.carried(r, now) {
			if p, err = g.known(r.Context(), p, now); err == nil {
				v.passes = append(v.passes, p)
			}
		}
		if !errors.Is(err, ErrHub) {
			err = nil // as good as no cookie
		}
	}
	for _, p := range g.linked(r, now) {
		if g.cfg.Linked(p.Share) {
			v.passes = append(v.passes, p)
		}
	}
	if len(v.passes) > 0 {
		err = nil
	}
	return v, err
}

// foreign is an ErrIdentity where a request has not come by the proxy that is to say who it is.
func (g *Gate) foreign(r *http.Request) error {
	if g.cfg.Method == Proxy && !g.cfg.Identity.From.Has(r) {
		return fmt.Errorf("%w: it comes from %s", ErrIdentity, r.RemoteAddr)
	}
	return nil
}

// Any says whether the visitor has logged in, or need not.
func (v Visitor) Any() bool { return len(v.passes) > 0 }

// Has says whether a pass, by which somebody has come in, is one of the visitor's.
func (v Visitor) Has(p Pass) bool { return slices.ContainsFunc(v.passes, p.Same) }

// Pass returns what the visitor may come in by who has a key, "" for none: by the link
// of the id share, or with "" by whatever the key is for. The error is ErrNoLink where
// the browser has no cookie of that link, else ErrLogin.
func (v Visitor) Pass(share, key string) (Pass, error) {
	err := ErrLogin
	if share != "" && !slices.ContainsFunc(v.passes, func(p Pass) bool { return p.Share == share }) {
		err = ErrNoLink
	}
	for _, p := range v.passes {
		if (share == "" || p.Share == share) && v.gate.opens(p, key) {
			return p, nil
		}
	}
	return Pass{}, err
}

// Await waits until a stay is over and returns why: ErrLoggedOut, ErrTooOld, ErrBarred or
// ErrHub; nil: ctx has ended before. The end of a link is not waited for.
func (g *Gate) Await(ctx context.Context, p Pass) error {
	if p.Until.IsZero() {
		<-ctx.Done()
		return nil
	}
	end := time.NewTimer(time.Until(p.Until))
	defer end.Stop()
	var recheck <-chan time.Time
	if g.cfg.Method == OAuth && p.Share == "" {
		ticker := time.NewTicker(time.Minute)
		defer ticker.Stop()
		recheck = ticker.C
	}
	for {
		changed := g.voided.changed()
		if g.voided.has(p) {
			return ErrLoggedOut
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-recheck:
			if _, err := g.known(ctx, p, time.Now()); err != nil && ctx.Err() == nil {
				return err
			}
		case <-end.C:
			if p.Share == "" {
				return ErrTooOld
			}
			<-ctx.Done() // the session knows better when a link ends
			return nil
		}
	}
}
