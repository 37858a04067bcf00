package signaling

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"lucarne/signaling/access"
	"lucarne/signaling/session"
)

// refusedLogins are those that the audit is told of.
type refusedLogins struct {
	mu   sync.Mutex
	told []session.Record
}

func (l *refusedLogins) add(r session.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Event == session.LoginRefused {
		l.told = append(l.told, r)
	}
}

// take returns what has been told since.
func (l *refusedLogins) take() (told []session.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	told, l.told = l.told, nil
	return told
}

// TestRefusedLoginsAreAudited: on each path, each way of not being let in is a record of its
// own, without what was given.
func TestRefusedLoginsAreAudited(t *testing.T) {
	const wrong = "wrong-secret"
	hello := func(s *server, header http.Header, message string) {
		c := s.dial(t, "/ws", header)
		c.send(message)
		c.await("bye")
	}
	for _, test := range []struct {
		name   string
		method access.Method
		do     func(s *server, own http.Header)
		want   string
	}{
		{"token", access.Token, func(s *server, _ http.Header) { login(t, s.URL+"/login", wrong, nil) }, "token"},
		{"password", access.Password, func(s *server, _ http.Header) {
			request(t, "POST", s.URL+"/login", fmt.Sprintf(`{"password":%q}`, wrong), jsonBody)
		}, "password"},
		{"link", access.Token, func(s *server, _ http.Header) { s.redeem(t, wrong) }, access.ByLink},
		{"the link of another browser", access.Token, func(s *server, own http.Header) {
			hello(s, own, fmt.Sprintf(`{"type":"hello","key":%q,"share":"0123456789abcdef"}`, keyIn(own)))
		}, access.ByLink},
		{"no key", access.Token, func(s *server, own http.Header) { hello(s, own, `{"type":"hello"}`) }, byKey},
		{"a wrong key", access.Token, func(s *server, own http.Header) { hello(s, own, `{"type":"hello","key":"`+wrong+`"}`) }, byKey},
		{"VNC without a page", access.Token, func(s *server, own http.Header) { s.dial(t, "/vnc/ws", own).closed() }, byKey},
		{"files without a key", access.Token, func(s *server, own http.Header) {
			get(t, s.URL+"/files/list/", http.Header{"Cookie": own["Cookie"]})
		}, byKey},
		{"whom the proxy does not name", access.Proxy, func(s *server, _ http.Header) { s.refused(t, "/ws", nil) }, "proxy"},
		{"their VNC", access.Proxy, func(s *server, _ http.Header) { s.refused(t, "/vnc/ws", nil) }, "proxy"},
		{"their files", access.Proxy, func(s *server, _ http.Header) { get(t, s.URL+"/files/list/", nil) }, "proxy"},
		{"their login", access.Proxy, func(s *server, _ http.Header) { login(t, s.URL+"/login", wrong, nil) }, "proxy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var logins refusedLogins
			f := fortifySession(t, session.Config{Audit: logins.add}, test.method)
			test.do(f.server, f.owner)
			told := logins.take()
			if len(told) != 1 || told[0].Detail.Method != test.want || told[0].From != "127.0.0.1" || told[0].Err == nil {
				t.Fatalf("told %+v", told)
			}
			if strings.Contains(fmt.Sprintf("%+v", told)+f.log.String(), wrong) {
				t.Error("what was given is in the audit, or the log")
			}
		})
	}
}

// TestNobodyIsAudited: without an audit, and of what is no login, nothing is told.
func TestNobodyIsAudited(t *testing.T) {
	audited := func(audit func(session.Record)) *Handler {
		return &Handler{cfg: Config{Session: session.New(session.Config{Audit: audit, Log: slog.New(slog.DiscardHandler)})}}
	}
	audited(nil).keyless("somewhere", access.ErrLogin)
	var logins refusedLogins
	h := audited(logins.add)
	h.keyless("somewhere", nil)
	h.keyless("somewhere", errors.New("full"))
	if told := logins.take(); len(told) != 0 {
		t.Errorf("told %+v", told)
	}
}
