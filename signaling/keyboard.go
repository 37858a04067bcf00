package signaling

import (
	"context"

	"lucarne/signaling/session"
)

// takeLayout takes the layout of the page's keyboard. One that the display cannot
// have is counted and no more: the page sends what keys mean then.
func (s *socket) takeLayout(m Message) {
	if m.Mode != "physical" && m.Mode != "text" {
		s.counts.malformed++
		return
	}
	_ = s.viewer.SetLayout(session.Layout{Name: m.Layout, Variant: m.Variant}) // it counts
}

// putLayout tells which layout the display has, if that is new.
func (s *socket) putLayout(ctx context.Context, k *known) error {
	now := s.viewer.Layout()
	if now == k.layout {
		return nil
	}
	k.layout = now
	return s.put(ctx, Message{Type: "keyboard", Layout: now.Name, Variant: now.Variant})
}
