package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// callbackName is where people come back from the hub.
const callbackName = "oauth_callback"

// round is what a page sends of its way by the hub and back, which three requests make:
//
//	POST login {"oauth": V, "path": …}     V is a verifier that the tab has made up: {"location": …},
//	                                       where the page goes, and a cookie with the state
//	GET oauth_callback                     from the hub: a cookie, and a redirect to the page with #code=C
//	POST login {"verifier": V, "code": C}  {"key": …}
//
// C is bound to V and to the cookie. So the key is for who has started the round, by V, and has
// been where it ended, by C: a neighbour's script can start one of its own, and its person's
// browser then goes round by itself, but C ends in a document which the script must not get at.
// That it does not the callback sees to, by being there for whole pages alone, and the page, by
// having no opener (Cross-Origin-Opener-Policy: noopener-allow-popups).
type round struct {
	Begin    string `json:"oauth"`
	Verifier string `json:"verifier"`
	Code     string `json:"code"`
}

// state is what the browser keeps for us while it is at the hub.
type state struct {
	Nonce     string `json:"nonce"`
	Challenge string `json:"challenge"`
	Path      string `json:"path"`
	Until     int64  `json:"until"` // Unix time
}

const (
	minVerifier = 43 // characters: 256 bits in the URL alphabet of base64
	maxVerifier = 128
	maxState    = 4 << 10
)

// round answers the requests of a page on its way by the hub.
func (g *Gate) round(w http.ResponseWriter, r *http.Request, c credentials, kept bool) {
	switch {
	case c.Verifier != "" && len(c.Verifier) <= maxVerifier && c.Code != "":
		g.pickUp(w, r, c)
	case len(c.Begin) >= minVerifier && len(c.Begin) <= maxVerifier:
		g.depart(w, r, c, kept)
	default:
		http.Error(w, `login needs the JSON body {"oauth": "..."}`, http.StatusBadRequest)
	}
}

// depart tells a page where to go.
func (g *Gate) depart(w http.ResponseWriter, r *http.Request, c credentials, kept bool) {
	nonce := make([]byte, 16)
	rand.Read(nonce) // crypto/rand: never fails
	now := time.Now()
	s := state{
		Nonce: base64.RawURLEncoding.EncodeToString(nonce), Challenge: challengeOf(c.Begin),
		Path: g.cookiePath(c.Path, kept), Until: now.Add(g.pace.state).Unix(),
	}
	value, err := json.Marshal(s)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	secure := g.cfg.Origins.secure(r)
	http.SetCookie(w, &http.Cookie{
		Name: g.stateName(secure), Value: g.seal("state", value), Path: s.Path, MaxAge: int(g.pace.state / time.Second),
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode, // it has to come along from the hub
	})
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"location": g.cfg.Hub.oauth.AuthCodeURL(s.Nonce)})
}

func (g *Gate) stateName(secure bool) string { return prefixed(g.name+"-state", secure) }

// callback answers GET oauth_callback.
func (g *Gate) callback(w http.ResponseWriter, r *http.Request, kept bool) {
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case g.cfg.Method != OAuth:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet || !Document(r, false):
		http.Error(w, "for people who come from the hub", http.StatusForbidden)
		return
	}
	s, ok := g.returned(r, time.Now())
	if !ok {
		g.tell(string(OAuth), r, errState)
		back(w, "refused", "oauth-state")
		return
	}
	secure := g.cfg.Origins.secure(r)
	http.SetCookie(w, &http.Cookie{Name: g.stateName(secure), Path: s.Path, MaxAge: -1, HttpOnly: true, Secure: secure})
	p, err := g.arrive(r, r.FormValue("code"))
	if err != nil {
		g.tell(string(OAuth), r, err)
		code := "hub-refused"
		if errors.Is(err, ErrHub) {
			code = "hub-unreachable"
		}
		back(w, "refused", code)
		return
	}
	http.SetCookie(w, g.cookie(p, s.Path, secure, time.Now()))
	back(w, "code", g.pickupCode(p, s.Challenge))
}

// back sends somebody to the page, which finds in its address why.
func back(w http.ResponseWriter, name, value string) {
	w.Header().Set("Location", (&url.URL{Path: "./", Fragment: name + "=" + value}).String())
	w.WriteHeader(http.StatusSeeOther)
}

// returned is the state with which somebody comes back, if it is the one they went with.
func (g *Gate) returned(r *http.Request, now time.Time) (s state, ok bool) {
	given := r.FormValue("state")
	for _, name := range []string{g.stateName(false), g.stateName(true)} {
		for _, cookie := range r.CookiesNamed(name) {
			value, sealed := g.unseal("state", cookie.Value[:min(len(cookie.Value), maxState)])
			if sealed && json.Unmarshal(value, &s) == nil && equal(s.Nonce, given) && now.Before(time.Unix(s.Until, 0)) {
				return s, true
			}
		}
	}
	return state{}, false
}

// arrive asks the hub who has come back with a code, and lets them in.
func (g *Gate) arrive(r *http.Request, code string) (Pass, error) {
	token, err := g.cfg.Hub.exchange(r.Context(), code)
	if err != nil {
		return Pass{}, err
	}
	user, err := g.cfg.Hub.user(r.Context(), token)
	if err != nil {
		return Pass{}, err
	}
	now := time.Now()
	for _, p := range g.carried(r, now) { // so that the browser's other tabs stay in
		if g.accounts.user(p) == user {
			g.accounts.put(p, account{user: user, token: token, asked: now})
			p.User = user
			return p, nil
		}
	}
	p := mint("", now, now.Add(g.cfg.MaxAge))
	g.accounts.put(p, account{user: user, token: token, asked: now})
	p.User = user
	return p, nil
}

// pickupCode is what a page that has made a challenge gets the key of a pass for.
func (g *Gate) pickupCode(p Pass, challenge string) string {
	return base64.RawURLEncoding.EncodeToString(g.mac("pickup", []byte(p.sealed+challenge)))
}

// challengeOf is what is kept of a verifier until it comes again.
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// pickUp answers with the key of who has come back from the hub.
func (g *Gate) pickUp(w http.ResponseWriter, r *http.Request, c credentials) {
	challenge, now := challengeOf(c.Verifier), time.Now()
	for _, p := range g.carried(r, now) {
		if equal(c.Code, g.pickupCode(p, challenge)) && g.accounts.fresh(p, now.Add(-g.pace.pickup)) {
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(map[string]string{"key": g.key(p)})
			return
		}
	}
	g.tell(string(OAuth), r, errPickup)
	http.Error(w, ErrLogin.Error(), http.StatusUnauthorized)
}

var (
	errState  = errors.New("access: login: comes from the hub without having left for it")
	errPickup = errors.New("access: login: asks for the key of another one's way by the hub")
)

// account is what the hub has said of somebody, and when.
type account struct {
	user  string
	token string // of the hub's, to ask again with
	asked time.Time
	tried time.Time // when it was last asked, whether it has answered or not
	since time.Time // when they came
}

// accounts are those who have come by the hub, by their passes.
type accounts struct {
	mu sync.Mutex
	by map[string]account
}

// maxAccounts are known at once; of more the one that was asked about least lately is
// sent to the hub again.
const maxAccounts = 1024

func newAccounts() *accounts { return &accounts{by: make(map[string]account)} }

func (a *accounts) get(p Pass) (account, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found, ok := a.by[p.sealed]
	return found, ok
}

// due returns what is known of somebody, and whether the hub is to be asked again by
// whoever has called: it is asked by one at a time, and not all the time.
func (a *accounts) due(p Pass, now time.Time) (of account, ask, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	of, ok = a.by[p.sealed]
	if !ok || now.Sub(of.asked) < recheckAfter || now.Sub(of.tried) < retryAfter {
		return of, false, ok
	}
	noted := of
	noted.tried = now
	a.by[p.sealed] = noted
	return of, true, true
}

func (a *accounts) user(p Pass) string {
	found, _ := a.get(p)
	return found.user
}

// fresh says whether somebody has come by the hub since then.
func (a *accounts) fresh(p Pass, then time.Time) bool {
	found, ok := a.get(p)
	return ok && found.since.After(then)
}

// put notes that somebody has come by the hub.
func (a *accounts) put(p Pass, of account) {
	of.since = of.asked
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by[p.sealed] = of
	if len(a.by) > maxAccounts {
		a.makeRoom()
	}
}

// makeRoom drops who was asked about least lately. The caller holds mu.
func (a *accounts) makeRoom() {
	oldest, when := "", time.Now()
	for sealed, of := range a.by {
		if !of.asked.After(when) {
			oldest, when = sealed, of.asked
		}
	}
	delete(a.by, oldest)
}

// confirm notes that the hub still lets somebody in.
func (a *accounts) confirm(p Pass, user string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if of, ok := a.by[p.sealed]; ok && of.user == user {
		of.asked = now
		a.by[p.sealed] = of
	}
}

func (a *accounts) drop(p Pass) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.by, p.sealed)
}

// known returns a pass with whose it is. Of OAuth it asks the hub, if that is long ago:
// ErrBarred where the hub no longer lets them in, ErrHub where it has not answered for
// too long.
func (g *Gate) known(ctx context.Context, p Pass, now time.Time) (Pass, error) {
	if g.cfg.Method != OAuth || p.Share != "" {
		return p, nil
	}
	of, ask, ok := g.accounts.due(p, now)
	if !ok {
		return p, ErrLogin
	}
	p.User = of.user
	user, err := of.user, error(nil)
	if ask {
		user, err = g.cfg.Hub.user(ctx, of.token)
	} else if now.Sub(of.asked) >= hubGrace {
		err = ErrHub
	}
	switch {
	case !ask && err == nil:
		return p, nil
	case err == nil && user == of.user:
		g.accounts.confirm(p, user, now)
		return p, nil
	case errors.Is(err, ErrHub) && now.Sub(of.asked) < hubGrace:
		g.cfg.Log.Warn("the hub does not say whether somebody may still come in", "err", err)
		return p, nil
	case errors.Is(err, ErrHub):
		return p, err
	}
	g.accounts.drop(p)
	return p, ErrBarred
}
