package iceserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	fetchTimeout = 5 * time.Second
	// An answer is good for a while, so that viewers who come together cost one
	// request, and for a shorter one if it was none.
	answerAge  = time.Minute
	failureAge = 2 * time.Second
)

// Remote is servers that a web service answers with, as Parse reads them.
type Remote struct {
	request *http.Request
	body    []byte
	client  *http.Client
	now     func() time.Time

	turn    chan struct{} // capacity 1: whoever has put something in may use what follows
	asked   time.Time     // when the last request ended
	err     error         // of the last request
	servers []Server      // of the last answer
}

// NewRemote returns the servers that a URL (http or https) answers with. With a
// token it is asked as Cloudflare wants it, by POST with the token as bearer and
// the lifetime wished for, MaxLifetime; else by GET, as STUNner.
func NewRemote(address, token string) (*Remote, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, errors.New("iceserver: the address of the service is no URL of http or https")
	}
	r := &Remote{
		now:  time.Now,
		turn: make(chan struct{}, 1),
		client: &http.Client{
			Timeout:   fetchTimeout,
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
			// The token and the credentials are that service's business alone.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	method := http.MethodGet
	if token != "" {
		method = http.MethodPost
		if r.body, err = json.Marshal(map[string]int{"ttl": int(MaxLifetime.Seconds())}); err != nil {
			return nil, fmt.Errorf("iceserver: ask: %w", err)
		}
	}
	if r.request, err = http.NewRequest(method, address, nil); err != nil {
		return nil, errors.New("iceserver: the address of the service is no URL")
	}
	r.request.Header.Set("Accept", "application/json")
	if token != "" {
		r.request.Header.Set("Authorization", "Bearer "+token)
		r.request.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// Servers returns what the service answers, or has answered within the last
// minute. It takes 5 s at most; then, and when the service answers with what is
// no list, the last answer is returned beside the error, as long as its
// credentials are valid. No error shows the URL, its host apart.
func (r *Remote) Servers(ctx context.Context, _ string) ([]Server, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("iceserver: ask %s: %w", r.request.URL.Host, ctx.Err())
	}
	age := answerAge
	if r.err != nil {
		age = failureAge
	}
	if r.asked.IsZero() || r.now().Sub(r.asked) >= age {
		servers, err := r.fetch(ctx)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("iceserver: ask %s: %w", r.request.URL.Host, ctx.Err())
		}
		r.asked, r.err = r.now(), err
		if err == nil {
			r.servers = servers
		}
	}
	left, err := valid(r.servers, r.now())
	if r.err != nil {
		err = r.err
	}
	if err != nil {
		return left, fmt.Errorf("iceserver: ask %s: %w", r.request.URL.Host, err)
	}
	return left, nil
}

func (r *Remote) fetch(ctx context.Context) ([]Server, error) {
	request := r.request.Clone(ctx)
	if r.body != nil {
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(r.body)), int64(len(r.body))
	}
	response, err := r.client.Do(request)
	if err != nil {
		if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) { // it shows the URL
			err = wrapped.Err
		}
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("the answer is %d", response.StatusCode)
	}
	list, err := io.ReadAll(io.LimitReader(response.Body, maxList+1))
	if err != nil {
		return nil, err
	}
	return Parse(list)
}
