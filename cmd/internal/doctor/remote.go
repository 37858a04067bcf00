package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// RemoteConfig says which page to look at, and how.
type RemoteConfig struct {
	// URL of the page, as the browser has it. Its fragment may hold the token.
	URL string
	// Header is sent with each request: the platform's cookie, for one.
	Header http.Header
	// Insecure takes any certificate.
	Insecure bool
	// Stay is how long the socket is watched; 0: not at all.
	Stay time.Duration
	// Media are checks of media beside the socket, in their order.
	Media []SiteCheck
}

// SiteCheck looks at one thing of a page, as somebody who has logged in.
type SiteCheck struct {
	Name string
	Run  func(ctx context.Context, site Site) Finding
}

// Site is a page as somebody has it who has logged in.
type Site struct {
	URL    string      // of its directory
	Header http.Header // of each request: cookies, and the page as origin
	Key    string      // of hello; "": none is asked for
	TLS    *tls.Config
}

// remote is a page that is being looked at, from outside, as a browser would.
type remote struct {
	cfg   RemoteConfig
	page  *url.URL // its directory, without query and fragment
	token string
	key   string // what the login has answered with
	name  string // by which the page's sockets know each other
	http  *http.Client
	conn  *websocket.Conn // nil: there is none
	seen  seen

	answers, admitted bool // what the first checks have found
}

// Remote returns the checks of a page's path: HTTP, login, the WebSocket, pictures
// and VNC on it. close ends what they have left open.
func Remote(cfg RemoteConfig) (checks []Check, close func(), err error) {
	page, err := url.Parse(cfg.URL)
	if err != nil || page.Host == "" || page.Scheme != "http" && page.Scheme != "https" {
		return nil, nil, errors.New("doctor: want the URL of the page, such as https://hub.example/user/alice/desktop/")
	}
	fragment, _ := url.ParseQuery(page.Fragment)
	page.Fragment, page.RawQuery, page.RawPath = "", "", ""
	page.Path = directory(page.Path)
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, nil, fmt.Errorf("doctor: cookies: %w", err)
	}
	r := &remote{cfg: cfg, page: page, token: fragment.Get("token"), name: rand.Text()}
	r.http = &http.Client{
		Jar:           jar,
		Timeout:       15 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: r.tls(), Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	checks = []Check{
		{"page", r.checkPage},
		{"login", r.checkLogin},
		{"WebSocket", r.checkSocket},
		{"round trip", r.checkRoundTrip},
		{"large messages", r.checkLarge},
		{"pictures", r.checkPictures},
	}
	for _, c := range cfg.Media {
		checks = append(checks, Check{c.Name, func(ctx context.Context) Finding { return r.checkSite(ctx, c) }})
	}
	return append(checks, Check{"VNC", r.checkVNC}, Check{"staying open", r.checkStay}), r.close, nil
}

// checkSite makes a check of media if there is a socket for it.
func (r *remote) checkSite(ctx context.Context, c SiteCheck) Finding {
	if r.conn == nil {
		return skipped("there is no WebSocket")
	}
	return c.Run(ctx, Site{URL: r.page.String(), Header: r.header(), Key: r.key, TLS: r.tls()})
}

// header is what a request for a WebSocket has of a browser's: the origin, and all
// cookies, those of the person's included.
func (r *remote) header() http.Header {
	header := r.cfg.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Origin", r.page.Scheme+"://"+r.page.Host)
	joined := http.Request{Header: header} // which makes one line of all cookies
	for _, cookie := range r.http.Jar.Cookies(r.page) {
		joined.AddCookie(cookie)
	}
	return header
}

// directory returns the path of the page's directory: index.html is in it, and
// what has no extension is one.
func directory(path string) string {
	if last := strings.LastIndexByte(path, '/'); strings.Contains(path[last+1:], ".") {
		path = path[:last+1]
	}
	return strings.TrimSuffix("/"+strings.Trim(path, "/"), "/") + "/"
}

func (r *remote) tls() *tls.Config { return &tls.Config{InsecureSkipVerify: r.cfg.Insecure} }

func (r *remote) close() {
	if r.conn != nil {
		r.conn.Close()
	}
	r.http.CloseIdleConnections()
}

// resolve returns the URL of something beside the page.
func (r *remote) resolve(name string) *url.URL { return r.page.ResolveReference(&url.URL{Path: name}) }

// get asks for something beside the page and returns at most 64 KiB of it.
func (r *remote) get(ctx context.Context, name string) (*http.Response, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.resolve(name).String(), nil)
	if err != nil {
		return nil, "", err
	}
	return r.do(request)
}

func (r *remote) do(request *http.Request) (*http.Response, string, error) {
	for name, values := range r.cfg.Header {
		request.Header[name] = values
	}
	response, err := r.http.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	return response, string(body), err
}

func (r *remote) checkPage(ctx context.Context) Finding {
	began := time.Now()
	response, body, err := r.get(ctx, "healthz")
	if err != nil {
		return unreachable(err)
	}
	took := time.Since(began).Round(time.Millisecond)
	switch {
	case response.StatusCode == http.StatusOK && strings.TrimSpace(body) == "ok":
		r.answers = true
		return r.secure(ok("answers under %s in %v", r.page.Path, took))
	case response.StatusCode/100 == 3:
		return Finding{State: Fail, Found: fmt.Sprintf("%s leads to %s", r.page, oneLine(withoutQuery(response.Header.Get("Location")))),
			User: "log in to the platform in a browser, and give its cookie by --cookie-file"}
	case response.StatusCode == http.StatusForbidden && strings.Contains(body, "--allowed-host"):
		return Finding{State: Fail, Found: "refuses the host name " + r.page.Host, User: "start Lucarne with --allowed-host " + r.page.Host + " or with a token"}
	case response.StatusCode == http.StatusNotFound:
		return Finding{State: Fail, Found: "404: nothing of Lucarne's is under " + r.page.Path, User: "see that the URL is the page's, with its whole path",
			Admin: "route " + r.page.Path + " to Lucarne; the prefix may be kept (then start it with --base-path) or stripped"}
	case response.StatusCode == http.StatusBadGateway, response.StatusCode == http.StatusServiceUnavailable, response.StatusCode == http.StatusGatewayTimeout:
		return Finding{State: Fail, Found: fmt.Sprintf("the proxy answers %s: it does not reach Lucarne", response.Status), User: "see that lucarne runs, and at the port that the proxy asks",
			Admin: "the proxy's upstream has to be where lucarne listens (--listen)"}
	}
	return Finding{State: Fail, Found: fmt.Sprintf("answers %s, which is not Lucarne: %s", response.Status, oneLine(body))}
}

// secure adds to a finding that the page has no secure context, if so.
func (r *remote) secure(f Finding) Finding {
	host := r.page.Hostname()
	ip := net.ParseIP(host)
	if r.page.Scheme == "https" || host == "localhost" || ip != nil && ip.IsLoopback() {
		return f
	}
	f.State = Warn
	f.Found += "; plain HTTP: browsers give no video decoder on the socket and no clipboard to such a page"
	f.User = "open it by https, or start lucarne with --tls self-signed"
	f.Admin = "serve the page by TLS"
	return f
}

func unreachable(err error) Finding {
	f := Finding{State: Fail, Found: oneLine(err.Error())}
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case errors.As(err, &authority), errors.As(err, &host):
		f.User = "trust the certificate, or look past it with --insecure"
	default:
		f.User = "see that the address is right and that lucarne, and what is in front of it, runs"
	}
	return f
}

// withoutQuery takes off what may be secret in an address.
func withoutQuery(address string) string {
	before, _, _ := strings.Cut(address, "?")
	return before
}

func (r *remote) checkLogin(ctx context.Context) Finding {
	if !r.answers {
		return skipped("the page does not answer")
	}
	f := r.enter(ctx)
	r.admitted = f.State == OK
	return f
}

// enter logs in, if that is asked for.
func (r *remote) enter(ctx context.Context) Finding {
	status, err := r.session(ctx)
	switch {
	case err != nil:
		return unreachable(err)
	case status == http.StatusOK:
		return ok("no token is asked for")
	case status != http.StatusUnauthorized:
		return Finding{State: Fail, Found: fmt.Sprintf("asked for the session, the path answers %d", status), Admin: "pass all requests under " + r.page.Path + " on"}
	case r.token == "":
		return Finding{State: Fail, Found: "a token is asked for", User: "give the whole link, with #token=…"}
	}
	if f, failed := r.login(ctx); failed {
		return f
	}
	if status, err = r.session(ctx); err != nil {
		return unreachable(err)
	}
	if status != http.StatusOK {
		return Finding{State: Fail, Found: "logged in, but the cookie does not come back", Admin: "the proxy must pass Set-Cookie and Cookie on unchanged, and X-Forwarded-Proto"}
	}
	return ok("the token is right, and the cookie comes back")
}

// session asks whether the socket would be opened.
func (r *remote) session(ctx context.Context) (status int, err error) {
	response, _, err := r.get(ctx, "session")
	if err != nil {
		return 0, err
	}
	return response.StatusCode, nil
}

func (r *remote) login(ctx context.Context) (f Finding, failed bool) {
	body, err := json.Marshal(map[string]string{"token": r.token, "path": r.page.Path})
	if err != nil {
		return unreachable(err), true
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.resolve("login").String(), bytes.NewReader(body))
	if err != nil {
		return unreachable(err), true
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Origin", r.page.Scheme+"://"+r.page.Host)
	response, answer, err := r.do(request)
	var granted struct{ Key string }
	switch {
	case err != nil:
		return unreachable(err), true
	case response.StatusCode == http.StatusOK && json.Unmarshal([]byte(answer), &granted) == nil:
		r.key = granted.Key
		return Finding{}, false
	case response.StatusCode == http.StatusUnauthorized:
		return Finding{State: Fail, Found: "the token is wrong", User: "take the newest link: a new one is made at each start, unless there is a --token-file"}, true
	}
	return Finding{State: Fail, Found: fmt.Sprintf("the login is answered %s: %s", response.Status, oneLine(answer)),
		Admin: "the proxy must pass POST, Origin and Host (or X-Forwarded-Host) on"}, true
}
