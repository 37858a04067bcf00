package access

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// KeyHeader carries the key of a request that is not the WebSocket's.
const KeyHeader = "Lucarne-Key"

const (
	maxLogin = 4 << 10 // bytes of a login's body
	maxPath  = 1 << 10 // bytes of a cookie's path
)

// Serve answers what belongs to coming in and leaving, below the desktop's path; false:
// name is nothing of it. kept says whether the request's path has Base in front.
//
//	login           POST {"token": "…", "path": "/user/alice/"}, or "password", or "share" with the
//	                secret of a link, where path is the directory that the page sees itself in:
//	                {"key": "…"}, with "share", the link's id, and a cookie for that directory. 401 for
//	                what is wrong, 429 with Retry-After for too much of it. A form with
//	                password (application/x-www-form-urlencoded) is answered by a redirect to the
//	                page, with #key=… if it was right. OAuth's part is in hub.go
//	logout          POST {"path": "…"} with the key in Lucarne-Key: that stay is over, in all tabs of
//	                its browser, which forgets the cookie
//	session         GET: whether the WebSocket would be opened: {"methods": […], "key": true, "code": "…"}
//	                with 200, or else 401, 403 or 503. methods are how one may log in, key says
//	                whether hello needs one, code why it would not be opened, for the page to word
//	oauth_callback  GET: somebody comes back from the hub
func (g *Gate) Serve(w http.ResponseWriter, r *http.Request, name string, kept bool) bool {
	switch name {
	case "login":
		g.posted(w, r, kept, g.login)
	case "logout":
		g.posted(w, r, kept, g.logout)
	case "session":
		g.probe(w, r)
	case callbackName:
		g.callback(w, r, kept)
	default:
		return false
	}
	return true
}

// posted has answer answer a POST of the desktop's own page.
func (g *Gate) posted(w http.ResponseWriter, r *http.Request, kept bool, answer func(http.ResponseWriter, *http.Request, bool)) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "takes a POST", http.StatusMethodNotAllowed)
		return
	}
	if !g.cfg.Origins.Allows(r) {
		http.Error(w, "login from another site refused", http.StatusForbidden)
		return
	}
	if err := g.foreign(r); err != nil {
		g.tell(string(Proxy), r, err)
		http.Error(w, "login past the proxy refused", http.StatusForbidden)
		return
	}
	// A body that does not come must not hold the connection; where there is no
	// deadline to be had there is no connection either.
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(g.pace.body))
	answer(w, r, kept)
}

// credentials are the body of a login.
type credentials struct {
	Token    string `json:"token"`
	Password string `json:"password"`
	Share    string `json:"share"` // a link's secret; "": none
	Path     string `json:"path"`  // the page's directory, as the browser sees it; "": unknown
	round
	form bool // it came as a form, of somebody else's page
}

var errBody = errors.New("access: login: neither JSON nor a form")

func parseLogin(r *http.Request) (c credentials, err error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return c, errBody
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxLogin))
	if err != nil {
		return c, err
	}
	switch media {
	case "application/json":
		return c, json.Unmarshal(body, &c)
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		return credentials{Password: form.Get("password"), Token: form.Get("token"), form: true}, err
	}
	return c, errBody
}

func (g *Gate) login(w http.ResponseWriter, r *http.Request, kept bool) {
	c, err := parseLogin(r)
	switch {
	case !g.Keyed() && c.Share == "":
		if v, err := g.Visitor(r); !v.Any() {
			g.tell(string(g.cfg.Method), r, err)
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	case err != nil:
		http.Error(w, `login needs the JSON body {"token": "..."}`, http.StatusBadRequest)
		return
	case g.cfg.Method == OAuth && c.Share == "":
		g.round(w, r, c, kept)
		return
	}
	from, alone := g.attempter(r)
	p, err := g.check(r, c, from, alone)
	if err != nil {
		g.refuse(w, r, c, from, err)
		return
	}
	if c.Share == "" { // a link lets nobody guess at the token for longer
		g.attempts.forget(from)
	}
	g.welcome(w, r, c, p, kept)
}

// attempter names who tries to log in, for counting. alone: others' failures do not
// matter to it.
func (g *Gate) attempter(r *http.Request) (name string, alone bool) {
	if known := g.returning(r); known != "" {
		return known, true
	}
	return g.cfg.Origins.From(r), false
}

var (
	errToken    = errors.New("access: login: wrong token")
	errPassword = errors.New("access: login: wrong password")
	errLink     = errors.New("access: login: the link is not valid, or no longer")
)

// tooMany refuses who has to wait before the next try.
type tooMany time.Duration

func (tooMany) Error() string { return "access: login: too many wrong ones: wait" }

// check returns the pass for a credential. Of token and link, which nobody can guess,
// the right one never waits; a password is looked at no more often than attempts let.
func (g *Gate) check(r *http.Request, c credentials, from string, alone bool) (Pass, error) {
	now := time.Now()
	var id string
	var err error
	until := now.Add(g.cfg.MaxAge)
	wait := g.attempts.wait(from, alone, now)
	switch {
	case c.Share != "":
		if id, until, err = g.cfg.Redeem(c.Share); err != nil {
			err = errLink
		}
	case g.cfg.Method == Token && !equal(c.Token, g.cfg.Token):
		err = errToken
	case g.cfg.Method == Password:
		if err = g.guess(r.Context(), c.Password, from, alone); err != nil {
			return Pass{}, err
		}
	}
	switch {
	case err != nil && wait > 0:
		return Pass{}, tooMany(wait)
	case err != nil:
		g.attempts.fail(from, now)
		return Pass{}, err
	}
	return g.passFor(r, id, until, now), nil
}

// guess looks at a password, unless that comes too soon after wrong ones. Those that come
// side by side are looked at one after the other, and each wrong one makes the next wait.
func (g *Gate) guess(ctx context.Context, password, from string, alone bool) error {
	early := func() error {
		if wait := g.attempts.wait(from, alone, time.Now()); wait > 0 {
			return tooMany(wait)
		}
		return nil
	}
	if err := early(); err != nil { // so that it takes nobody's place
		return err
	}
	err := g.cfg.Password.inTurn(ctx, func() error {
		if err := early(); err != nil {
			return err
		}
		if !g.cfg.Password.matches(password) {
			g.attempts.fail(from, time.Now())
			return errPassword
		}
		return nil
	})
	if errors.Is(err, errBusy) {
		return tooMany(time.Second)
	}
	return err
}

// refuse answers a login that is wrong, or comes too soon after others.
func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, c credentials, from string, err error) {
	var wait tooMany
	if errors.As(err, &wait) {
		g.refused.early.Add(1)
		w.Header().Set("Retry-After", strconv.Itoa(int(time.Duration(wait)/time.Second)+1))
		http.Error(w, "too many attempts: wait", http.StatusTooManyRequests)
		return
	}
	which := string(g.cfg.Method)
	if c.Share != "" {
		which = ByLink
	}
	g.tell(which, r, err)
	if c.form {
		w.Header().Set("Location", "./") // whose form asks
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	http.Error(w, err.Error(), http.StatusUnauthorized)
}

// tell counts a login that was wrong, and tells of it.
func (g *Gate) tell(which string, r *http.Request, err error) {
	g.refused.wrong.Add(1)
	from := g.cfg.Origins.From(r)
	g.cfg.Log.Warn("login refused", "from", from, "err", err)
	if g.cfg.Refused != nil {
		g.cfg.Refused(which, from, err)
	}
}

// passFor returns the pass for who has given the right credential: the one that the browser
// has of the same kind, so that its other tabs stay in, or a new one.
func (g *Gate) passFor(r *http.Request, share string, until, now time.Time) Pass {
	has := g.carried(r, now)
	if share != "" {
		has = g.linked(r, now)
	}
	for _, p := range has {
		if p.Share == share {
			return p
		}
	}
	return mint(share, now, until)
}

// welcome gives cookie and key to who has given the right credential.
func (g *Gate) welcome(w http.ResponseWriter, r *http.Request, c credentials, p Pass, kept bool) {
	http.SetCookie(w, g.cookie(p, g.cookiePath(c.Path, kept), g.cfg.Origins.secure(r), time.Now()))
	key := g.key(p)
	if c.form {
		w.Header().Set("Location", (&url.URL{Path: "./", Fragment: "key=" + key}).String())
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	answer := map[string]string{"key": key}
	if p.Share != "" {
		answer["share"] = p.Share
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// cookiePath is the directory in which the browser sees the desktop, as its page says it
// does, else as we have been told.
func (g *Gate) cookiePath(said string, kept bool) string {
	odd := func(c rune) bool { return c < 0x20 || c > 0x7e || c == ';' } // RFC 6265 §4.1.1
	switch {
	case strings.HasPrefix(said, "/") && len(said) <= maxPath && !strings.ContainsFunc(said, odd):
		return said
	case kept:
		return (&url.URL{Path: g.cfg.Base}).EscapedPath()
	}
	return "/" // the proxy in front has stripped a prefix that nobody told us
}

// logout ends the stays that the key is for.
func (g *Gate) logout(w http.ResponseWriter, r *http.Request, kept bool) {
	v, err := g.Visitor(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	p, err := v.Pass("", r.Header.Get(KeyHeader))
	if err != nil {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	if p.sealed != "" {
		g.voided.add(p, time.Now())
		g.accounts.drop(p)
		c, _ := parseLogin(r) // without the path the cookie may stay, and is good for nothing
		http.SetCookie(w, g.noCookie(p, g.cookiePath(c.Path, kept), g.cfg.Origins.secure(r)))
		g.cfg.Log.Info("logged out", "from", g.cfg.Origins.From(r))
	}
	w.WriteHeader(http.StatusNoContent)
}

// probe answers GET session. A page cannot see the status of a refused WebSocket; it can
// see this one.
func (g *Gate) probe(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	answer := struct {
		Methods []Method `json:"methods"`
		Key     bool     `json:"key"`
		Code    string   `json:"code,omitempty"`
	}{Methods: []Method{}, Key: g.Keyed()}
	if g.Keyed() {
		answer.Methods = append(answer.Methods, g.cfg.Method)
	}
	v, err := g.Visitor(r)
	status := http.StatusOK
	switch {
	case v.Any():
	case errors.Is(err, ErrIdentity):
		status, answer.Code = http.StatusForbidden, "no-identity"
	case errors.Is(err, ErrHub):
		status, answer.Code = http.StatusServiceUnavailable, "hub-unreachable"
	default:
		status, answer.Code = http.StatusUnauthorized, "login"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer)
}
