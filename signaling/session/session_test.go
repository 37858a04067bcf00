package session

import (
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/encode"
	"lucarne/input"
)

func TestPolicy(t *testing.T) {
	refuse := Policy{Refuse: map[Role][]Feature{Controller: {CopyOut, Resize}}}
	for _, test := range []struct {
		policy Policy
		role   Role
		want   []Feature
	}{
		{Policy{}, Owner, []Feature{Video, Keyboard, Pointer, CopyIn, CopyOut, Resize, Limiting, Giving, Sharing, Upload, Download, Awaking}},
		{Policy{}, Controller, []Feature{Video, Keyboard, Pointer, CopyIn, CopyOut, Resize, Limiting, Giving, Upload, Download, Awaking}},
		{Policy{ControllersShare: true}, Controller, []Feature{Video, Keyboard, Pointer, CopyIn, CopyOut, Resize, Limiting, Giving, Sharing, Upload, Download, Awaking}},
		{Policy{ControllersShare: true}, Watcher, []Feature{Video}},
		{refuse, Controller, []Feature{Video, Keyboard, Pointer, CopyIn, Limiting, Giving, Upload, Download, Awaking}},
		{refuse, Owner, []Feature{Video, Keyboard, Pointer, CopyIn, CopyOut, Resize, Limiting, Giving, Sharing, Upload, Download, Awaking}},
	} {
		if got := test.policy.Allowed(test.role); !slices.Equal(got, test.want) {
			t.Errorf("%v for %s: got %v, want %v", test.policy, test.role, got, test.want)
		}
	}
}

func TestPolicyHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var records []Record
		s, d := start(t, Config{Audit: func(r Record) {
			mu.Lock()
			defer mu.Unlock()
			if r.Event == Used {
				records = append(records, r)
			}
		}})
		v := join(t, s, Watcher)
		p := &page{v: v}
		p.send(key("KeyA", input.Down))
		p.send(input.Motion{Pos: image.Pt(1, 1)})
		if _, err := v.Resize(Wish{Size: image.Pt(800, 600)}); !errors.Is(err, ErrRefused) {
			t.Errorf("resize: got %v, want %v", err, ErrRefused)
		}
		if err := v.SetClipboard(plain("hello")); !errors.Is(err, ErrRefused) {
			t.Errorf("clipboard: got %v, want %v", err, ErrRefused)
		}
		d.copy("secret")
		synctest.Wait()
		if got, _ := v.Copied(); got.Items != nil {
			t.Errorf("a watcher got %q", got.Items)
		}
		if d.events() != 0 || d.size != (image.Point{}) || len(d.offered) != 0 {
			t.Errorf("a watcher reached the display: %v", d)
		}
		if got := v.Counts(); got.Refused != 4 || got.Handled != 0 {
			t.Errorf("got %+v, want 4 refused", got)
		}
		if got := v.InputSeq(); got != 1 {
			t.Errorf("acknowledged %d, want 1: a refused event must not be sent again", got)
		}
		if !s.Active().IsZero() {
			t.Error("what was refused counts as activity")
		}
		if len(records) != 4 || slices.ContainsFunc(records, func(r Record) bool { return r.Err != ErrRefused }) {
			t.Errorf("got %v, want 4 refusals", records)
		}
	})
}

func TestAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records []Record
		s, _ := start(t, Config{Audit: func(r Record) { records = append(records, r) }})
		v := join(t, s, Owner)
		p := &page{v: v}
		for range 100 {
			p.send(key("KeyP", input.Down))
			p.send(key("KeyP", input.Up))
		}
		if err := v.SetClipboard(plain("password")); err != nil {
			t.Fatal(err)
		}
		var got []Feature
		for _, r := range records[1:] { // it has joined
			got = append(got, r.Feature)
			if text := fmt.Sprint(r); strings.Contains(text, "password") || strings.Contains(text, "KeyP") {
				t.Errorf("the audit holds content: %s", text)
			}
		}
		if want := []Feature{Keyboard, CopyIn}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestNothingHeld: whatever viewers press, on whichever display, nothing is held
// once they have left, nor a lease later.
func TestNothingHeld(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			s, d := start(t, Config{})
			var pages []*page
			for step := range 200 {
				if len(pages) == 0 || random.IntN(20) == 0 {
					pages = append(pages, &page{v: join(t, s, Controller)})
				}
				i := random.IntN(len(pages))
				action := input.Action(random.IntN(2))
				switch random.IntN(12) {
				case 0:
					pages[i].v.Leave()
					pages = slices.Delete(pages, i, i+1)
				case 1:
					s.SetHands(nil, nil)
					if d.held() != 0 {
						t.Fatalf("seed %d step %d: %d held on a display that has gone", seed, step, d.held())
					}
					s.SetHands(d, d)
				case 2:
					pages[i].send(input.Release{})
				case 3:
					pages[i].send(input.Button{Action: action, Button: 1, Pos: image.Pt(3, 4)})
				case 4:
					time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
				default:
					pages[i].send(key(string(rune('A'+random.IntN(4))), action))
				}
			}
			for _, p := range pages {
				p.v.Leave()
				p.send(key("late", input.Down))
			}
			if d.held() != 0 {
				t.Errorf("seed %d: %d held after everybody has left", seed, d.held())
			}
			if !d.repeats() {
				t.Error("auto-repeat is still off")
			}
		})
	}
}

func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		p := &page{v: join(t, s, Owner)}
		p.send(key("KeyA", input.Down))
		time.Sleep(input.Lease - 100*time.Millisecond)
		p.send(input.Renew{})
		time.Sleep(input.Lease - 100*time.Millisecond)
		if d.held() != 1 {
			t.Error("a renewed key was let go")
		}
		time.Sleep(300 * time.Millisecond)
		if d.held() != 0 {
			t.Error("a key that nobody renews is held")
		}
	})
}

func TestLeaseOfButtons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		cut, other := &page{v: join(t, s, Owner)}, &page{v: join(t, s, Owner)}
		cut.send(input.Button{Action: input.Down, Button: 1})
		time.Sleep(input.Lease + 2*leaseCheck)
		if d.held() != 0 {
			t.Error("a button that nobody renews is held")
		}
		events := d.events()
		other.send(input.Button{Action: input.Down, Button: 1})
		other.send(input.Button{Action: input.Up, Button: 1})
		if got := d.events() - events; got != 2 {
			t.Errorf("a click of another viewer makes %d events, want 2", got)
		}
	})
}

// TestSilentDisplay: what a display refuses because it does not answer is made
// good when it does, although no viewer does anything.
func TestSilentDisplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		p := &page{v: join(t, s, Owner)}
		p.send(key("KeyA", input.Down))
		d.setSilent(true)
		p.send(key("KeyA", input.Up))
		p.v.Leave()
		time.Sleep(time.Minute)
		d.setSilent(false)
		time.Sleep(2 * silentPause)
		if d.held() != 0 {
			t.Error("a key is held although nobody is there")
		}
		if !d.repeats() {
			t.Error("auto-repeat is off although nobody is there")
		}
	})
}

func TestAutoRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		watcher := join(t, s, Watcher)
		if !d.repeats() {
			t.Error("off for a watcher")
		}
		first, second := join(t, s, Owner), join(t, s, Controller)
		if d.repeats() {
			t.Error("on while somebody types")
		}
		next := newDisplay()
		s.SetHands(next, next)
		if !d.repeats() || next.repeats() {
			t.Error("a new display: want on with the old one, off with the new one")
		}
		first.Leave()
		first.Leave()
		if next.repeats() {
			t.Error("on although one is left who types")
		}
		second.Leave()
		if !next.repeats() {
			t.Error("off although nobody types")
		}
		watcher.Leave()
	})
}

func TestBadInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		d.unknown = 0xdead
		p := &page{v: join(t, s, Owner)}
		for _, msg := range []string{"", "nonsense"} {
			if err := p.v.Input([]byte(msg)); !errors.Is(err, ErrMalformed) {
				t.Errorf("%q: got %v, want ErrMalformed", msg, err)
			}
		}
		p.send(input.Key{Code: "KeyX", Keysym: 0xdead, Action: input.Down})
		p.send(key("KeyA", input.Down))
		p.v.Input(input.Append(nil, p.seq, 0, key("KeyA", input.Down))) // sent again
		s.SetHands(nil, nil)
		p.send(key("KeyB", input.Down))
		got := p.v.Counts()
		if got.Malformed != 2 || got.Failed != 1 || got.Dropped.Duplicate != 1 {
			t.Errorf("got %+v, want 2 malformed, 1 failed, 1 duplicate", got)
		}
		if got := p.v.InputSeq(); got != p.seq {
			t.Errorf("acknowledged %d, want %d", got, p.seq)
		}
		if d.held() != 0 {
			t.Error("held on a display that has gone")
		}
	})
}

func TestLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, Config{})
		leads := func(want *Viewer) {
			t.Helper()
			for _, v := range s.everybody() {
				id, you := v.Leader()
				if you != (v == want) || want != nil && id != want.ID() || want == nil && id != "" {
					t.Errorf("viewer %s: leader %q, you %v", v.ID(), id, you)
				}
			}
		}
		join(t, s, Watcher)
		leads(nil)
		first := join(t, s, Owner)
		second := &page{v: join(t, s, Controller)}
		leads(first)
		second.send(input.Motion{Pos: image.Pt(1, 1)}) // the leader has not done anything yet
		leads(second.v)
		one := &page{v: first}
		one.send(input.Motion{Pos: image.Pt(2, 2)})
		leads(second.v)
		time.Sleep(leadIdle + time.Millisecond)
		second.send(input.Renew{}) // no sign of a person
		one.send(input.Motion{Pos: image.Pt(3, 3)})
		leads(first)
		first.Hide(true)
		time.Sleep(hiddenPause + time.Millisecond)
		leads(second.v)
		second.v.Leave()
		leads(nil) // the only one left does not look
		first.Hide(false)
		leads(first)
		first.Leave()
		leads(nil)
	})
}

// TestLeadOfWhoIsLost: a page that comes back has the lead, and with it the screen, that
// it had, unless it has left of its own accord, stays away or somebody has acted since.
func TestLeadOfWhoIsLost(t *testing.T) {
	again := func(t *testing.T, s *Session, v *Viewer) *Viewer {
		t.Helper()
		v, err := s.Join(JoinConfig{Role: v.own, Instead: v})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(v.Leave)
		return v
	}
	for _, c := range []struct {
		name      string
		leave     func(*Viewer)
		then      func(s *Session, other *page)
		back      bool // the one who has left leads again
		elsewhere bool // the other one leads until then
	}{
		{"lost", (*Viewer).Lose, func(*Session, *page) {}, true, false},
		{"back late", (*Viewer).Lose, func(*Session, *page) { time.Sleep(absence + time.Millisecond) }, false, true},
		{"left", (*Viewer).Leave, func(*Session, *page) {}, false, true},
		{"another acts", (*Viewer).Lose, func(_ *Session, other *page) { other.send(input.Motion{Pos: image.Pt(1, 1)}) }, false, true},
		{"another takes it", (*Viewer).Lose, func(_ *Session, other *page) { other.v.Take() }, false, true},
		{"another is given it", (*Viewer).Lose, func(_ *Session, other *page) { other.v.Give(other.v.ID()) }, false, true},
		{"others come and go", (*Viewer).Lose, func(s *Session, _ *page) {
			if v, err := s.Join(JoinConfig{Role: Owner}); err == nil {
				v.Leave()
			}
		}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := start(t, Config{})
				first, other := join(t, s, Owner), &page{v: join(t, s, Owner)}
				leads := func(want bool, v *Viewer) {
					t.Helper()
					if _, you := v.Leader(); you != want {
						t.Errorf("viewer %s leads: %v, want %v", v.ID(), you, want)
					}
				}
				leads(true, first)
				c.leave(first)
				c.then(s, other)
				synctest.Wait()
				leads(c.elsewhere, other.v)
				leads(c.back, again(t, s, first))
				leads(!c.back, other.v)
			})
		})
	}
}

func TestActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, Config{Fanouts: startFanouts(t, encode.VP8)})
		p := &page{v: join(t, s, Owner)}
		if _, err := p.v.Watch(newSink()); err != nil {
			t.Fatal(err)
		}
		if _, err := p.v.Resize(Wish{Size: image.Pt(800, 600)}); err != nil {
			t.Fatal(err)
		}
		p.send(input.Renew{})
		p.send(input.Release{})
		if !s.Active().IsZero() {
			t.Error("video, a resize or a renewal counts as a person")
		}
		time.Sleep(time.Hour)
		p.send(input.Motion{})
		if got := s.Active(); !got.Equal(time.Now()) {
			t.Errorf("got %v, want now", got)
		}
	})
}

func TestHide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, Config{Fanouts: startFanouts(t, encode.VP8)})
		v, other := join(t, s, Owner), join(t, s, Controller)
		k := newSink()
		if _, err := v.Watch(k); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		_, keys := k.count()
		if keys == 0 {
			t.Fatal("a joiner on a still screen got no key frame")
		}
		v.Hide(true)
		time.Sleep(hiddenPause - time.Millisecond)
		v.Hide(false)
		time.Sleep(hiddenPause)
		if _, you := v.Leader(); !you {
			t.Error("a glance elsewhere cost the lead")
		}
		v.Hide(true)
		time.Sleep(hiddenPause + time.Millisecond)
		paused, _ := k.count()
		v.RequestKey()
		time.Sleep(time.Minute)
		if got, _ := k.count(); got != paused {
			t.Errorf("%d packets for a hidden tab", got-paused)
		}
		v.Hide(false)
		time.Sleep(time.Second)
		if _, got := k.count(); got != keys+1 {
			t.Errorf("%d key frames after showing it again, want one", got-keys)
		}
		other.Leave()
	})
}

func TestFull(t *testing.T) {
	s, _ := start(t, Config{MaxViewers: 2})
	first := join(t, s, Owner)
	join(t, s, Owner)
	if _, err := s.Join(JoinConfig{}); !errors.Is(err, ErrFull) {
		t.Errorf("got %v, want %v", err, ErrFull)
	}
	first.Leave()
	join(t, s, Owner)
	if got := s.Viewers(); got != 2 {
		t.Errorf("got %d viewers, want 2", got)
	}
	if err := first.Do(Keyboard, func() error { return nil }); !errors.Is(err, ErrLeft) {
		t.Errorf("got %v, want %v", err, ErrLeft)
	}
	if _, err := first.Watch(newSink()); !errors.Is(err, ErrLeft) {
		t.Errorf("got %v, want %v", err, ErrLeft)
	}
}

// TestConcurrent is for the race detector: everything at once.
func TestConcurrent(t *testing.T) {
	s, d := start(t, Config{Fanouts: startFanouts(t, encode.VP8)})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				v, err := s.Join(JoinConfig{})
				if err != nil {
					t.Error(err)
					return
				}
				p := &page{v: v}
				v.Watch(newSink())
				p.send(key("KeyA", input.Down))
				v.Hide(true)
				v.SetClipboard(plain("text"))
				v.Copied()
				v.Leader()
				v.Counts()
				v.Hide(false)
				v.Leave()
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			s.SetHands(nil, nil)
			s.SetHands(d, d)
		}
	})
	wg.Wait()
	if d.held() != 0 {
		t.Errorf("%d held", d.held())
	}
}
