package iceserver

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// MaxLifetime is how long credentials that are made here may be valid.
const MaxLifetime = time.Hour

// Shared makes credentials for each connection from a secret that the TURN
// servers know too (draft-uberti-behave-turn-rest-00; coturn's
// static-auth-secret). The secret itself stays here.
type Shared struct {
	URLs     []string
	Secret   string
	Lifetime time.Duration // of the credentials; 0, and what is more than that: MaxLifetime

	now func() time.Time // nil: time.Now
}

// Servers returns the servers with new credentials: they name the viewer, and the
// time in seconds of Unix at which they end.
func (s *Shared) Servers(_ context.Context, viewer string) ([]Server, error) {
	now := time.Now
	if s.now != nil {
		now = s.now
	}
	lifetime := s.Lifetime
	if lifetime <= 0 || lifetime > MaxLifetime {
		lifetime = MaxLifetime
	}
	username := fmt.Sprintf("%d:%s", now().Add(lifetime).Unix(), strings.ReplaceAll(viewer, ":", "-"))
	mac := hmac.New(sha1.New, []byte(s.Secret))
	mac.Write([]byte(username))
	return []Server{{
		URLs:       s.URLs,
		Username:   username,
		Credential: base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	}}, nil
}
