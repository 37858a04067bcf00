package peer

import (
	"errors"
	"image"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/pion/interceptor"

	"lucarne/input"
	"lucarne/signaling/session"
)

// keyboard counts what reaches the display.
type keyboard struct{ events atomic.Int64 }

func (k *keyboard) Close() error { return nil }
func (k *keyboard) Inject(input.Event) error {
	k.events.Add(1)
	return nil
}

// TestRoleOnTheChannels: who may only look does nothing by the data channels either, and
// who has been given control does until it is taken.
func TestRoleOnTheChannels(t *testing.T) {
	desktop := session.New(session.Config{Log: slog.New(slog.DiscardHandler)})
	var k keyboard
	desktop.SetHands(&k, nil)
	join := func(role session.Role) *session.Viewer {
		v, err := desktop.Join(session.JoinConfig{Role: role})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(v.Leave)
		return v
	}
	owner, guest := join(session.Owner), join(session.Watcher)
	p := open(t, func(p *page, _ *Config, _ *interceptor.Registry) { p.take = guest.Input })
	var seq uint32
	send := func() {
		seq += 2
		for _, message := range [][]byte{
			input.Append(nil, seq-1, 0, input.Key{Code: "KeyA", Keysym: 'a', Action: input.Down}),
			input.Append(nil, seq, 0, input.Key{Code: "KeyA", Keysym: 'a', Action: input.Up}),
		} {
			if err := p.keys.Send(message); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.motion.Send(input.Append(nil, seq, seq, input.Motion{Pos: image.Pt(int(seq), 1)})); err != nil {
			t.Fatal(err)
		}
	}
	send()
	p.await("three refusals", func() bool { return guest.Counts().Refused == 3 })
	if err := owner.Give(guest.ID()); err != nil {
		t.Fatal(err)
	}
	send()
	p.await("three events", func() bool { return k.events.Load() == 3 })
	if err := owner.Take(); err != nil {
		t.Fatal(err)
	}
	send()
	p.await("six refusals", func() bool { return guest.Counts().Refused == 6 })
	if got := k.events.Load(); got != 3 {
		t.Errorf("%d events, want 3", got)
	}
}

// TestPolicyOnTheChannels: what the policy refuses to a role does not reach the display by
// the data channels, is counted and is recorded; the rest does.
func TestPolicyOnTheChannels(t *testing.T) {
	for _, role := range []session.Role{session.Owner, session.Controller} {
		for _, refused := range []session.Feature{session.Keyboard, session.Pointer} {
			t.Run(string(role)+" without "+string(refused), func(t *testing.T) {
				var recorded atomic.Int64
				desktop := session.New(session.Config{
					Log:    slog.New(slog.DiscardHandler),
					Policy: session.Policy{Refuse: map[session.Role][]session.Feature{role: {refused}}},
					Audit: func(r session.Record) {
						if r.Feature == refused && errors.Is(r.Err, session.ErrRefused) {
							recorded.Add(1)
						}
					},
				})
				var k keyboard
				desktop.SetHands(&k, nil)
				v, err := desktop.Join(session.JoinConfig{Role: role})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(v.Leave)
				p := open(t, func(p *page, _ *Config, _ *interceptor.Registry) { p.take = v.Input })
				if err := p.keys.Send(input.Append(nil, 1, 0, input.Key{Code: "KeyA", Keysym: 'a', Action: input.Down})); err != nil {
					t.Fatal(err)
				}
				if err := p.motion.Send(input.Append(nil, 2, 2, input.Motion{Pos: image.Pt(1, 1)})); err != nil {
					t.Fatal(err)
				}
				p.await("both are counted", func() bool { c := v.Counts(); return c.Refused+c.Handled == 2 })
				if got := v.Counts().Refused; got != 1 || k.events.Load() != 1 || recorded.Load() != 1 {
					t.Errorf("%d refused, %d events, %d records, want 1 of each", got, k.events.Load(), recorded.Load())
				}
			})
		}
	}
}
