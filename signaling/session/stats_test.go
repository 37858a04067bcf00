package session

import (
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"

	"lucarne/input"
)

func TestStatsOutliveViewers(t *testing.T) {
	d := newDisplay()
	s := New(Config{Policy: Policy{Refuse: map[Role][]Feature{Controller: {Pointer}}}, Log: slog.New(slog.DiscardHandler)})
	s.SetHands(d, d)
	defer s.SetHands(nil, nil)
	if got := s.Stats(); len(got.Viewers) != 0 || !reflect.DeepEqual(got.Input, Counts{}) || got.Uses[Keyboard] != (Uses{}) {
		t.Errorf("at first: %+v", got)
	}
	stay, err := s.Join(JoinConfig{Role: Owner})
	if err != nil {
		t.Fatal(err)
	}
	defer stay.Leave()
	leave, err := s.Join(JoinConfig{Role: Controller})
	if err != nil {
		t.Fatal(err)
	}
	stay.SetPath("ws")
	key := input.Append(nil, 1, 0, input.Key{Action: input.Down, Code: "KeyA", Keysym: 'a'})
	stay.Input(key)
	stay.Input(key) // a duplicate
	leave.Input(input.Append(nil, 1, 0, input.Button{Action: input.Down, Button: 1}))
	leave.Input([]byte{255})

	before := s.Stats()
	if want := []Attendance{{Role: Owner, Path: "ws"}, {Role: Controller}}; !reflect.DeepEqual(before.Viewers, want) {
		t.Errorf("viewers %+v, want %+v", before.Viewers, want)
	}
	if u := before.Uses[Keyboard]; u.Done == 0 || u.Refused != 0 {
		t.Errorf("keyboard %+v", u)
	}
	if u := before.Uses[Pointer]; u != (Uses{Refused: 1}) {
		t.Errorf("pointer %+v, want one refused", u)
	}
	if in := before.Input; in.Malformed != 1 || in.Refused != 1 || in.Dropped.Duplicate != 1 {
		t.Errorf("input %+v, want one malformed, one refused, one duplicate", in)
	}
	leave.Leave()
	leave.Leave()
	after := s.Stats()
	if after.Input != before.Input || !reflect.DeepEqual(after.Uses, before.Uses) || len(after.Viewers) != 1 {
		t.Errorf("when one has left: %+v, before: %+v", after, before)
	}
}

func TestStatsOfClipboards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, Config{MaxClipboard: 10})
		giver, taker := join(t, s, Owner), join(t, s, Owner)
		giver.SetClipboard(plain("four"))
		copiedBy(taker)
		giver.SetClipboard(plain("far too long"))
		if got := s.Stats(); got.CopiedIn != 4 || got.CopiedOut != 4 {
			t.Errorf("%d bytes in, %d out, want 4 each", got.CopiedIn, got.CopiedOut)
		}
	})
}
