package signaling

import (
	"context"
	"errors"
	"time"

	"lucarne/signaling/session"
)

// person is a viewer as message people names it; times are Unix milliseconds, 0: none.
type person struct {
	ID    string       `json:"id"`
	Name  string       `json:"name,omitempty"`
	Role  session.Role `json:"role"`
	Lent  bool         `json:"lent,omitempty"`
	You   bool         `json:"you,omitempty"`
	Leads bool         `json:"leads,omitempty"`
	Path  string       `json:"path,omitempty"`
	Since int64        `json:"since"`
	Asked int64        `json:"asked,omitempty"`
}

// sharedLink is a link as message people names it.
type sharedLink struct {
	Share string       `json:"share"`
	Name  string       `json:"name,omitempty"`
	Role  session.Role `json:"role"`
	Until int64        `json:"until"` // Unix milliseconds
}

// maxMinutes bounds the life of a link as a page asks for it.
const maxMinutes = int(session.MaxShareLife / time.Minute)

// share makes the link that the page asks for.
func (s *socket) share(m Message) {
	if m.Minutes < 1 || m.Minutes > maxMinutes {
		s.counts.malformed++
		return
	}
	life := time.Duration(m.Minutes) * time.Minute
	made, secret, err := s.viewer.Share(session.Share{Name: m.Name, Role: m.Role, Until: time.Now().Add(life)})
	if err != nil {
		s.answer(err, session.Sharing, "share")
		return
	}
	s.log.Info("link made", "share", made.ID, "role", made.Role, "until", made.Until)
	s.send(Message{
		Type: "shared", Share: made.ID, Secret: secret, Role: made.Role, Name: made.Name, Until: made.Until.UnixMilli(),
		Open: !s.h.gate.Keyed(),
	})
}

// answer tells the page why what it asked for was not done, unless it was.
func (s *socket) answer(err error, feature session.Feature, what string) {
	switch {
	case err == nil || errors.Is(err, session.ErrLeft):
	case errors.Is(err, session.ErrMalformed):
		s.counts.malformed++
	case errors.Is(err, session.ErrRefused):
		s.send(Message{Type: "reason", Code: "refused", Args: []string{string(feature)}})
	default:
		s.send(Message{Type: "reason", Code: what + "-failed"})
	}
}

// putControl tells who controls, if that is new, and who is here.
func (s *socket) putControl(ctx context.Context, k *known) error {
	if c := s.viewer.Control(); !k.told || c != k.control {
		k.told, k.control = true, c
		err := s.put(ctx, Message{
			Type: "control", Viewer: c.Leader, Name: c.Name, As: c.As, You: c.You, Given: c.Given,
			Role: c.Role, Allow: s.allowed(), Refuse: s.refused(),
		})
		if err != nil {
			return err
		}
	}
	return s.putPeople(ctx, k)
}

// putPeople tells who is here, if that is new, and not more often than somebody can
// read: others who come, go and turn round must not hold up the pictures.
func (s *socket) putPeople(ctx context.Context, k *known) error {
	if wait := s.h.pace.people - time.Since(k.peopled); wait > 0 {
		k.again.Reset(wait)
		return nil
	}
	people, fresh := s.viewer.People(k.people)
	if !fresh {
		return nil
	}
	k.people, k.peopled = people.News, time.Now()
	m := Message{Type: "people"}
	for _, p := range people.People {
		m.People = append(m.People, person{
			ID: p.ID, Name: p.Name, Role: p.Role, Lent: p.Lent, You: p.You, Leads: p.Leads, Path: p.Path,
			Since: p.Since.UnixMilli(), Asked: milliseconds(p.Asked),
		})
	}
	for _, l := range people.Shares {
		m.Shares = append(m.Shares, sharedLink{Share: l.ID, Name: l.Name, Role: l.Role, Until: l.Until.UnixMilli()})
	}
	return s.put(ctx, m)
}

// milliseconds is a time in Unix milliseconds, 0 for none.
func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
