package signaling

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lucarne/signaling/access"
)

var jsonBody = http.Header{"Content-Type": {"application/json"}}

func byToken(token string) access.Config { return access.Config{Method: access.Token, Token: token} }

// login gives a token.
func login(t *testing.T, url, token string, header http.Header) (*http.Response, string) {
	t.Helper()
	if header = header.Clone(); header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return request(t, http.MethodPost, url, fmt.Sprintf(`{"token":%q}`, token), header)
}

// TestLogin: the cookie opens the shell, and with the key all else.
func TestLogin(t *testing.T) {
	token := access.NewToken()
	s := serve(t, func(c *Config) { c.Access, c.BasePath = byToken(token), "/user/al%20ice" })
	if got := s.refused(t, "/ws", nil); got != http.StatusUnauthorized {
		t.Fatalf("without a cookie: got %d, want 401", got)
	}
	if r, _ := get(t, s.URL+"/", nil); r.StatusCode != http.StatusOK {
		t.Errorf("the page needs to be public: got %d", r.StatusCode)
	}
	for _, test := range []struct {
		path, proto, cookiePath string
	}{
		{"/login", "", "/"},
		{"/user/al%20ice/login", "", "/user/al%20ice/"},
		{"/user/al%20ice/login", "https", "/user/al%20ice/"},
	} {
		r, body := login(t, s.URL+test.path, token, http.Header{"X-Forwarded-Proto": {test.proto}})
		if r.StatusCode != http.StatusOK || len(r.Cookies()) != 1 || r.Cookies()[0].Path != test.cookiePath || r.Cookies()[0].Secure != (test.proto == "https") {
			t.Fatalf("%s: got %d with %v", test.path, r.StatusCode, r.Cookies())
		}
		own := credentials(r, body)
		c := s.dial(t, "/ws", own)
		c.send(`{"type":"hello"}`)
		if bye := c.await("bye"); bye.Code != "login" || bye.Retry {
			t.Errorf("without the key: %+v", bye)
		}
		c = s.dial(t, "/ws", own)
		c.send(fmt.Sprintf(`{"type":"hello","key":%q}`, keyIn(own)))
		c.await("hello")
		for _, secret := range []string{token, keyIn(own), r.Cookies()[0].Value} {
			if strings.Contains(s.log.String(), secret) {
				t.Error("the log holds a secret")
			}
		}
	}
}

// TestNoAuth needs neither cookie nor key.
func TestNoAuth(t *testing.T) {
	s := serve(t, nil)
	if r, _ := login(t, s.URL+"/login", "", nil); r.StatusCode != http.StatusNoContent || len(r.Cookies()) != 0 {
		t.Errorf("got %d with %v, want 204 without a cookie", r.StatusCode, r.Cookies())
	}
	s.join(t)
}
