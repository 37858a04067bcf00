package signaling

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"lucarne/signaling/session"
)

const (
	// shareCookies begins the name of a link's cookie, which the link's id ends:
	// a browser may have those of several desktops and links.
	shareCookies = "lucarne-share-"
	// maxShareCookies are looked at in one request.
	maxShareCookies = 64
	// shareIDSize is the size of a link's id in a cookie, in bytes.
	shareIDSize = 8
)

// admission is what a request may come as.
type admission struct {
	owner  bool     // it has given the token, or need not
	shares []string // ids of the links whose cookies it has and that there still are
}

func (a admission) any() bool { return a.owner || len(a.shares) > 0 }

func (h *Handler) admission(r *http.Request) admission {
	who := admission{owner: h.gate.owns(r)}
	for _, id := range h.gate.shares(r, time.Now()) {
		if h.cfg.Session.Shared(id) {
			who.shares = append(who.shares, id)
		}
	}
	return who
}

// join adds a viewer who came as who: by the link that its page says, else by the
// token, else by the link that it has a cookie of.
func (h *Handler) join(who admission, share string, instead *session.Viewer) (*session.Viewer, error) {
	cfg := session.JoinConfig{Role: h.cfg.Role, Share: share, Instead: instead}
	switch {
	case share != "" && !slices.Contains(who.shares, share):
		return nil, session.ErrNoShare
	case share == "" && !who.owner:
		cfg.Share = who.shares[0]
	}
	return h.cfg.Session.Join(cfg)
}

// joinFarewell is what a page is told that may not join.
func joinFarewell(err error) farewell {
	if errors.Is(err, session.ErrNoShare) {
		return farewell{code: "no-share"}
	}
	return farewell{code: "full", retry: true}
}

// heed ends the socket when the session has ended its viewer.
func (s *socket) heed(ctx context.Context, stop context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
	case <-s.viewer.Gone():
		if err := s.viewer.Err(); err != nil {
			stop(endFarewell(err))
		}
	}
}

// endFarewell is what the page of a viewer is told that the session has ended.
func endFarewell(err error) farewell {
	if errors.Is(err, session.ErrExpired) {
		return farewell{code: "expired"}
	}
	return farewell{code: "revoked"}
}

// shareCookie makes the credential for a browser that has come by a link: the link's
// id, its end in seconds of Unix time, and the HMAC of both.
func (g *gate) shareCookie(share session.Share, path string, secure bool, now time.Time) *http.Cookie {
	id, _ := hex.DecodeString(share.ID) // made by the session
	value := binary.BigEndian.AppendUint64(id, uint64(share.Until.Unix()))
	return &http.Cookie{
		Name:     shareCookies + share.ID,
		Value:    base64.RawURLEncoding.EncodeToString(value) + "." + base64.RawURLEncoding.EncodeToString(g.shareMAC(value)),
		Path:     path,
		MaxAge:   max(1, int(share.Until.Sub(now)/time.Second)),
		HttpOnly: true,
		Secure:   secure,
		SameSite: http.SameSiteStrictMode,
	}
}

// shareMAC is HMAC-SHA256 (RFC 2104) under the process's key.
func (g *gate) shareMAC(value []byte) []byte {
	h := hmac.New(sha256.New, g.key)
	io.WriteString(h, "lucarne share\x00")
	h.Write(value)
	return h.Sum(nil)
}

// shares returns the ids of the links that the request has valid cookies of. That
// the link is there still is for the session to say.
func (g *gate) shares(r *http.Request, now time.Time) (ids []string) {
	looked := 0
	for _, cookie := range r.Cookies() {
		if !strings.HasPrefix(cookie.Name, shareCookies) {
			continue
		}
		if looked++; looked > maxShareCookies {
			break
		}
		if id, ok := g.share(cookie.Value, now); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// share reads the value of a link's cookie; false: it is none of ours, or its time
// is over.
func (g *gate) share(text string, now time.Time) (id string, ok bool) {
	first, second, found := strings.Cut(text, ".")
	if !found {
		return "", false
	}
	value, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil || len(value) != shareIDSize+8 {
		return "", false
	}
	mac, err := base64.RawURLEncoding.DecodeString(second)
	if err != nil || !hmac.Equal(mac, g.shareMAC(value)) {
		return "", false
	}
	until := time.Unix(int64(binary.BigEndian.Uint64(value[shareIDSize:])), 0)
	return hex.EncodeToString(value[:shareIDSize]), now.Before(until)
}
