package session

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds on links.
const (
	MaxShareLife  = 30 * 24 * time.Hour
	MaxShareName  = 64 // characters
	maxShares     = 64 // at a time
	shareSecret   = 32 // bytes
	shareIDLength = 8  // bytes
)

// Share is a link by which others come: whoever has its secret, until it is
// revoked or its time is over. It lives as long as the session does, and only its
// secret's hash is kept.
type Share struct {
	ID    string // says which, and is no secret
	Name  string // for whom, as who made it says
	Role  Role   // Watcher or Controller
	Until time.Time
}

// share is a link with what nobody is told.
type share struct {
	Share
	hash [sha256.Size]byte // of the secret
	by   string            // id of the link by which who made it has come; "": none
	over chan struct{}     // closed when it has ended
}

// Share makes a link and returns it with its secret, 256 bits in the URL alphabet
// of base64 (RFC 4648 §5). want.ID is ignored and want.Until must be in the next
// MaxShareLife; a link made by who has come by one ends with that one at the
// latest. It returns ErrMalformed for another role, a name that is too long or no
// text, and a time that is out of bounds, and ErrTooLarge where there are as many
// links as there may be.
func (v *Viewer) Share(want Share) (made Share, secret string, err error) {
	detail := Detail{Operation: "share", Grants: want.Role}
	err = v.Use(Sharing, detail, func(detail *Detail) error {
		now := time.Now()
		life := want.Until.Sub(now)
		switch {
		case want.Role != Watcher && want.Role != Controller,
			utf8.RuneCountInString(want.Name) > MaxShareName || !printable(want.Name),
			life <= 0 || life > MaxShareLife:
			return fmt.Errorf("session: share: %w", ErrMalformed)
		}
		bits := make([]byte, shareSecret+shareIDLength)
		rand.Read(bits) // crypto/rand: never fails
		secret = base64.RawURLEncoding.EncodeToString(bits[:shareSecret])
		link := &share{Share: want, hash: sha256.Sum256([]byte(secret)), by: v.share, over: make(chan struct{})}
		link.ID = hex.EncodeToString(bits[shareSecret:])
		made, err = v.session.addShare(link, now)
		detail.Subject = made.ID
		return err
	})
	if err != nil {
		return Share{}, "", err
	}
	return made, secret, nil
}

// printable says whether a name can be shown as it is.
func printable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

func (s *Session) addShare(link *share, now time.Time) (Share, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.shares) >= maxShares {
		return Share{}, fmt.Errorf("session: share: %w", ErrTooLarge)
	}
	if link.by != "" {
		parent := s.shared(link.by, now)
		if parent == nil {
			return Share{}, fmt.Errorf("session: share: %w", ErrNoShare)
		}
		if parent.Until.Before(link.Until) {
			link.Until = parent.Until
		}
	}
	s.shares = append(s.shares, link)
	s.tellPeople()
	s.ring() // it will expire
	return link.Share, nil
}

// Revoke ends a link, those made by who came by it, and all viewers who came by
// them. Who is no Owner may end no other links than those made by its own. It
// returns ErrNoShare where there is none that the viewer may end.
func (v *Viewer) Revoke(id string) error {
	return v.Use(Sharing, Detail{Operation: "revoke", Subject: id}, func(*Detail) error {
		s := v.session
		s.mu.Lock()
		link := s.shared(id, time.Now())
		if link == nil || v.own != Owner && link.by != v.share {
			s.mu.Unlock()
			return fmt.Errorf("session: revoke: %w", ErrNoShare)
		}
		ended := s.endShare(id)
		s.mu.Unlock()
		for _, viewer := range ended {
			viewer.leave(ErrRevoked, false)
		}
		return nil
	})
}

// Redeem returns the link whose secret this is, or ErrNoShare. It takes as long
// whatever the secret is.
func (s *Session) Redeem(secret string) (Share, error) {
	hash := sha256.Sum256([]byte(secret))
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	found, err := Share{}, fmt.Errorf("session: redeem: %w", ErrNoShare)
	for _, link := range s.shares {
		if subtle.ConstantTimeCompare(link.hash[:], hash[:]) == 1 && now.Before(link.Until) {
			found, err = link.Share, nil
		}
	}
	return found, err
}

// Shared says whether there is a link of that id now.
func (s *Session) Shared(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shared(id, time.Now()) != nil
}

// shared returns the link of an id, nil for none. The caller holds s.mu.
func (s *Session) shared(id string, now time.Time) *share {
	for _, link := range s.shares {
		if link.ID == id && now.Before(link.Until) {
			return link
		}
	}
	return nil
}

// endShare removes a link and those that hang on it, and returns who has come by
// them. The caller holds s.mu.
func (s *Session) endShare(id string) (ended []*Viewer) {
	ids := []string{id}
	for n := 0; n < len(ids); n++ {
		for _, link := range s.shares {
			if link.by == ids[n] {
				ids = append(ids, link.ID)
			}
		}
	}
	s.shares = slices.DeleteFunc(s.shares, func(link *share) bool {
		ends := slices.Contains(ids, link.ID)
		if ends {
			close(link.over)
		}
		return ends
	})
	for _, v := range s.viewers {
		if slices.Contains(ids, v.share) {
			ended = append(ended, v)
		}
	}
	s.tellPeople()
	return ended
}

// expireShares ends the links whose time is over and returns how long it is until
// the next one's is, 0 for none.
func (s *Session) expireShares(now time.Time) (next time.Duration) {
	var ended []*Viewer
	s.mu.Lock()
	for _, link := range slices.Clone(s.shares) {
		if left := link.Until.Sub(now); left > 0 {
			next = soonest(next, left)
		} else {
			ended = append(ended, s.endShare(link.ID)...)
		}
	}
	s.mu.Unlock()
	for _, v := range ended {
		v.leave(ErrExpired, false)
	}
	return next
}
