package activity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHub(t *testing.T) {
	told := make(chan string, 16)
	answers := []int{http.StatusInternalServerError, http.StatusOK, http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Authorization") != "token topsecret" {
			t.Errorf("%s with %q", r.Method, r.Header.Get("Authorization"))
		}
		w.WriteHeader(answers[0])
		answers = answers[1:]
		told <- string(body)
	}))
	defer server.Close()

	times := make(chan time.Time, 8)
	first, second := time.Unix(1000, 0), time.Unix(2000, 0)
	for _, at := range []time.Time{first, first, first, second} { // refused, told, no news, news
		times <- at
	}
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	hub := &Hub{URL: server.URL, Token: "topsecret", Server: "gpu", Every: time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))}
	ended := make(chan error, 1)
	go func() {
		ended <- hub.Run(ctx, func() time.Time {
			select {
			case at := <-times:
				return at
			default:
				return second
			}
		})
	}()
	want := []time.Time{first, first, second}
	for n, at := range want {
		var got struct {
			Servers map[string]struct {
				Last time.Time `json:"last_activity"`
			} `json:"servers"`
			Last time.Time `json:"last_activity"`
		}
		body := <-told
		if err := json.Unmarshal([]byte(body), &got); err != nil || !got.Last.Equal(at) || !got.Servers["gpu"].Last.Equal(at) {
			t.Errorf("%d: told %s (%v), want %v", n, body, err, at)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	if len(told) != 0 {
		t.Errorf("told %s, which is no news", <-told)
	}
	if text := log.String(); strings.Contains(text, "topsecret") || strings.Count(text, "\n") != 2 {
		t.Errorf("log %q, want two lines without the token", text)
	}
}

func TestHubThatSendsElsewhere(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed, with %q", r.Header.Get("Authorization"))
	}))
	defer thief.Close()
	server := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	hub := &Hub{URL: server.URL, Token: "secret"}
	if err := hub.tell(t.Context(), direct(), time.Now()); err == nil {
		t.Error("a redirect counts as told")
	}
}

// TestNoProxy: proxies of the environment lead to the Internet, and see the token.
func TestNoProxy(t *testing.T) {
	if direct().Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy may be asked")
	}
}

// TestHubThatIsAway: it is told again after a while, then after longer, and the log says it once.
func TestHubThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		hub := &Hub{URL: "http://hub.invalid:none/", Log: slog.New(slog.NewTextHandler(&log, nil))} // fails without a network
		var asked []time.Duration
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if !hub.Hears() {
			t.Error("deaf before it is told anything")
		}
		hub.Run(ctx, func() time.Time {
			asked = append(asked, time.Since(start))
			return start
		})
		if hub.Hears() {
			t.Error("hears although it is away")
		}
		want := []time.Duration{0, 5 * time.Second, 15 * time.Second, 35 * time.Second, 75 * time.Second, 155 * time.Second, 315 * time.Second}
		for n, at := range want {
			if got := asked[n]; (got - at).Abs() > at/10 {
				t.Errorf("told for the %d. time after %v, want about %v", n, got, at)
			}
		}
		if n := len(asked); n < 17 || n > 20 {
			t.Errorf("told %d times in an hour, want some 18", n)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("%d lines in the log, want 1: %s", n, log.String())
		}
	})
}
