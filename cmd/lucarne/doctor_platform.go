package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"lucarne/cmd/internal/doctor"
)

func (c *doctorCmd) checkBasePath(context.Context) doctor.Finding { return basePath(c.BasePath) }

// basePath says where the base path comes from.
func basePath(base string) doctor.Finding {
	for _, name := range []string{"LUCARNE_BASE_PATH", "NB_PREFIX", "JUPYTERHUB_SERVICE_PREFIX", "RENKU_BASE_URL_PATH"} {
		if os.Getenv(name) != "" {
			return doctor.Tell("prefix-env", base, name)
		}
	}
	return doctor.Tell("prefix-none", base)
}

// seenPath says what a proxy makes of the page's path: page is the directory of the page as
// its browser has it, seen what was asked for here, base what lucarne was started for.
func seenPath(page, seen, base string) doctor.Finding {
	slash := func(path string) string { return strings.TrimRight(path, "/") + "/" }
	page, seen, base = slash(page), slash(seen), slash(base)
	switch {
	case page != base && seen != "/":
		return doctor.Tell("prefix-foreign", page, base)
	case page == seen:
		return doctor.Tell("prefix-kept", page)
	}
	return doctor.Tell("prefix-strip", page, seen)
}

// asking is how long a desktop may have run before somebody should have asked for it.
const asking = 10 * time.Minute

// checkCuller asks the lucarne that runs here when the platform last wanted to know
// whether its desktop is used.
func (c *doctorCmd) checkCuller(ctx context.Context) doctor.Finding {
	status, err := c.status(ctx)
	if err != nil {
		return doctor.Tell("culler-none")
	}
	var asked time.Time
	if status.Asked != nil {
		asked = status.Asked.Time
	}
	return asker(status.Started.Time, status.Last.Time, asked)
}

// asker says when a culler last asked.
func asker(started, last, asked time.Time) doctor.Finding {
	switch used := ago(last); {
	case !asked.IsZero():
		return doctor.Tell("culler-ok", ago(asked), used)
	case os.Getenv("NB_PREFIX") != "" && time.Since(started) > asking:
		return doctor.Tell("culler-missing", used)
	default:
		return doctor.Tell("culler-silent", used)
	}
}

// ago says how many seconds ago a time was.
func ago(t time.Time) string { return strconv.Itoa(int(time.Since(t).Seconds())) }

// client asks others: what it finds is who they are, not where they lead to. proxy nil: those
// within the platform, for which no proxy is.
func client(proxy func(*http.Request) (*url.URL, error)) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{Proxy: proxy, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkHub asks the hub that has started this container who it takes us for
// (https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html, GET /user).
func checkHub(ctx context.Context) doctor.Finding {
	address, token := os.Getenv("JUPYTERHUB_API_URL"), os.Getenv("JUPYTERHUB_API_TOKEN")
	if address == "" || token == "" {
		return doctor.Tell("hub-none")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/user", nil)
	if err != nil {
		return doctor.Tell("hub-unreachable", "JUPYTERHUB_API_URL")
	}
	req.Header.Set("Authorization", "token "+token)
	resp, err := client(nil).Do(req)
	if err != nil {
		return doctor.Tell("hub-unreachable", plain(err))
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return doctor.Tell("hub-refuses", req.URL.Host, resp.Status)
	}
	return doctor.Tell("hub-ok", req.URL.Host)
}

// checkHub says whether the hub can be reached, and takes what it is told by the lucarne
// that runs here.
func (c *doctorCmd) checkHub(ctx context.Context) doctor.Finding {
	f := checkHub(ctx)
	if f.Code != "hub-ok" {
		return f
	}
	if status, err := c.status(ctx); err == nil && status.Hears != nil && !*status.Hears {
		return doctor.Tell("hub-deaf", f.Args...)
	}
	return f
}

// plain words an error of a request without its URL, in which there may be what is secret.
func plain(err error) string {
	if wrapped, ok := err.(*url.Error); ok {
		err = wrapped.Err
	}
	return err.Error()
}

// mostSkew is what clocks may differ by. Credentials of TURN servers last an hour at most, and
// some servers give them a few minutes.
const mostSkew = 30 * time.Second

// clock compares this machine's time with that of others: the service that lists the TURN
// servers, else the hub, both by what they say in an answer's Date (RFC 9110 §6.6.1).
type clock struct {
	service string // --ice-servers-url; "": none
}

// address is that of whom there is to ask; "": nobody.
func (c clock) address() string { return cmp.Or(c.service, os.Getenv("JUPYTERHUB_API_URL")) }

func (c clock) check(ctx context.Context) doctor.Finding {
	address, proxy := c.address(), http.ProxyFromEnvironment
	if address == "" {
		return doctor.Tell("clock-none")
	}
	if c.service == "" {
		proxy = nil // the hub is within the platform
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return doctor.Tell("clock-failed", "the address")
	}
	before := time.Now()
	resp, err := client(proxy).Do(req)
	if err != nil {
		return doctor.Tell("clock-failed", req.URL.Host)
	}
	resp.Body.Close()
	after := time.Now()
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return doctor.Tell("clock-failed", req.URL.Host)
	}
	// They said so some time between, and in whole seconds.
	middle := before.Add(after.Sub(before) / 2)
	return skew(req.URL.Host, middle.Sub(theirs.Add(time.Second/2)), after.Sub(before)/2+time.Second/2)
}

// skew words how far apart two clocks are, give or take.
func skew(whose string, apart, give time.Duration) doctor.Finding {
	if apart.Abs() > mostSkew+give {
		return doctor.Tell("clock-skew", whose, fmt.Sprintf("%.0f", apart.Seconds()))
	}
	return doctor.Tell("clock-ok", whose, fmt.Sprintf("%.0f", (apart.Abs()+give).Seconds()))
}

// signIn says who comes in, and who cannot be kept out.
func signIn(auth string) doctor.Finding {
	switch auth {
	case "none":
		return doctor.Tell("auth-none")
	case "proxy":
		return doctor.Tell("auth-proxy")
	}
	return doctor.Tell("auth-ok", auth)
}
