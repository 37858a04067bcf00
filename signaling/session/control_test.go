package session

import (
	"errors"
	"image"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/encode"
	"lucarne/input"
)

// controls compares who leads, and in which role the viewer acts.
func controls(t *testing.T, v *Viewer, want Control) {
	t.Helper()
	if got := v.Control(); got != want {
		t.Errorf("viewer %s: got %+v, want %+v", v.ID(), got, want)
	}
}

// TestGiven: who has been given control has it until it is taken.
func TestGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		owner, helper, guest := &page{v: join(t, s, Owner)}, &page{v: join(t, s, Controller)}, &page{v: join(t, s, Watcher)}
		guest.send(key("KeyA", input.Down))
		if d.events() != 0 {
			t.Fatal("a watcher types")
		}
		owner.send(key("KeyO", input.Down))
		if err := owner.v.Give(guest.v.ID()); err != nil {
			t.Fatal(err)
		}
		if d.held() != 0 {
			t.Error("the owner holds a key although control has been given")
		}
		id := guest.v.ID()
		controls(t, guest.v, Control{Leader: id, As: Controller, You: true, Given: true, Role: Controller})
		controls(t, owner.v, Control{Leader: id, As: Controller, Given: true, Role: Owner})
		if got, want := guest.v.Allowed(), []Feature{Video, Keyboard, Pointer, CopyIn, CopyOut, Resize, Limiting}; !slices.Equal(got, want) {
			t.Errorf("lent control allows %v, want %v", got, want)
		}
		guest.send(key("KeyG", input.Down))
		if d.held() != 1 {
			t.Error("who has been given control cannot type")
		}
		time.Sleep(time.Minute)
		guest.send(key("KeyG", input.Down))
		time.Sleep(10 * leadIdle)
		for _, p := range []*page{owner, helper} {
			p.send(input.Motion{Pos: image.Pt(1, 1)})
			controls(t, p.v, Control{Leader: id, As: Controller, Given: true, Role: p.v.Role()})
		}
		if err := helper.v.Take(); !errors.Is(err, ErrRefused) {
			t.Errorf("taken from whom another has given it: %v, want ErrRefused", err)
		}
		guest.send(key("KeyG", input.Down))
		if err := owner.v.Take(); err != nil {
			t.Fatal(err)
		}
		if d.held() != 0 {
			t.Error("the guest holds a key although control has been taken")
		}
		controls(t, guest.v, Control{Leader: owner.v.ID(), As: Owner, Role: Watcher})
		controls(t, owner.v, Control{Leader: owner.v.ID(), As: Owner, You: true, Role: Owner})
		events := d.events()
		guest.send(key("KeyH", input.Down))
		guest.send(input.Motion{Pos: image.Pt(2, 2)})
		if d.events() != events {
			t.Error("a watcher types after control has been taken")
		}
		time.Sleep(2 * leadIdle)
		helper.send(input.Motion{Pos: image.Pt(3, 3)})
		controls(t, helper.v, Control{Leader: helper.v.ID(), As: Controller, You: true, Role: Controller})
	})
}

// TestDisposal: whose control it is to give.
func TestDisposal(t *testing.T) {
	s, _ := start(t, Config{})
	owner, one, two, guest := join(t, s, Owner), join(t, s, Controller), join(t, s, Controller), join(t, s, Watcher)
	for i, step := range []struct {
		act  func() error
		want error
	}{
		{func() error { return guest.Give(guest.ID()) }, ErrRefused},
		{func() error { return guest.Take() }, ErrRefused},
		{func() error { return one.Give("none") }, ErrNoViewer},
		{func() error { return one.Give(guest.ID()) }, nil},
		{func() error { return guest.Give(two.ID()) }, ErrRefused}, // what is lent is not lent on
		{func() error { return two.Give(two.ID()) }, ErrRefused},
		{func() error { return one.Take() }, nil},
		{func() error { return two.Take() }, nil},
		{func() error { return owner.Give(two.ID()) }, nil},
		{func() error { return one.Take() }, ErrRefused},
		{func() error { return two.Give(one.ID()) }, nil},
		{func() error { return owner.Take() }, nil},
	} {
		if err := step.act(); !errors.Is(err, step.want) || step.want == nil && err != nil {
			t.Errorf("step %d: %v, want %v", i, err, step.want)
		}
	}
	if refuses := (Policy{Refuse: map[Role][]Feature{Controller: {Giving}}}); refuses.Allows(Controller, Giving) {
		t.Error("the policy does not hold")
	}
}

// TestGivenLeaves: control comes back, and outlasts a page's new connection.
func TestGivenLeaves(t *testing.T) {
	s, d := start(t, Config{})
	owner := join(t, s, Owner)
	_, secret := makeLink(t, owner, Watcher)
	guest := comeBy(t, s, secret)
	if err := owner.Give(guest.ID()); err != nil {
		t.Fatal(err)
	}
	again := func(instead *Viewer) *Viewer {
		instead.Leave()
		v, err := s.Join(JoinConfig{Share: instead.share, Role: instead.own, Instead: instead})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(v.Leave)
		return v
	}
	if guest = again(guest); guest.Role() != Controller {
		t.Error("a new connection has cost the control")
	}
	controls(t, owner, Control{Leader: guest.ID(), Name: "Zoé", As: Controller, Given: true, Role: Owner})
	guest.Leave()
	controls(t, owner, Control{Leader: owner.ID(), As: Owner, You: true, Role: Owner})
	if err := owner.Take(); err != nil {
		t.Fatal(err)
	}
	if guest = again(guest); guest.Role() != Watcher {
		t.Error("control that has been taken meanwhile comes back")
	}
	if err := owner.Give(guest.ID()); err != nil {
		t.Fatal(err)
	}
	guest.Leave()
	other, err := s.Join(JoinConfig{Role: Watcher, Instead: guest})
	if err != nil || other.Role() != Watcher {
		t.Errorf("control goes to who has not come by the same link: %v, %v", other.Role(), err)
	}
	other.Leave()
	owner.Leave()
	if !d.repeats() {
		t.Error("nobody types, and the display does not repeat keys")
	}
}

// TestGiverLeaves: who has given control may take it also by a new connection of its page.
func TestGiverLeaves(t *testing.T) {
	s, _ := start(t, Config{})
	join(t, s, Owner)
	giver, guest := join(t, s, Controller), join(t, s, Watcher)
	if err := giver.Give(guest.ID()); err != nil {
		t.Fatal(err)
	}
	giver.Lose()
	again, err := s.Join(JoinConfig{Role: Controller, Instead: giver})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Leave)
	controls(t, again, Control{Leader: guest.ID(), As: Controller, Given: true, Role: Controller})
	if err := again.Take(); err != nil {
		t.Errorf("taken by who has given it: %v", err)
	}
}

// TestUnattended: what is lent ends when nobody is here who could take it back.
func TestUnattended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		owner, guest := join(t, s, Owner), &page{v: join(t, s, Watcher)}
		if err := owner.Give(guest.v.ID()); err != nil {
			t.Fatal(err)
		}
		owner.Leave()
		time.Sleep(unattended - time.Second)
		owner = join(t, s, Owner) // its page has been loaded anew
		time.Sleep(time.Hour)
		if guest.v.Role() != Controller {
			t.Fatal("taken although the owner is here")
		}
		guest.send(key("KeyA", input.Down))
		owner.Leave()
		time.Sleep(unattended - input.Lease/2)
		guest.send(key("KeyA", input.Repeat))
		guest.send(input.Renew{})
		time.Sleep(input.Lease / 2)
		synctest.Wait()
		if guest.v.Role() != Watcher || d.held() != 0 || !d.repeats() {
			t.Errorf("role %s, %d held, repeats %v", guest.v.Role(), d.held(), d.repeats())
		}
		controls(t, guest.v, Control{Role: Watcher})
	})
}

func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, Config{})
		owner, guest := join(t, s, Owner), join(t, s, Watcher)
		all, _ := owner.People(0)
		if err := guest.Ask(); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		all, fresh := owner.People(all.News)
		want := []Person{
			{ID: "1", Role: Owner, You: true, Leads: true, Since: now},
			{ID: "2", Role: Watcher, Since: now, Asked: now},
		}
		if !fresh || !slices.Equal(all.People, want) {
			t.Errorf("got %+v, want %+v", all.People, want)
		}
		if _, fresh := owner.People(all.News); fresh {
			t.Error("the same again is news")
		}
		if _, may := guest.People(0); may {
			t.Error("a watcher sees who is here")
		}
		for _, v := range []*Viewer{guest, owner} { // it has just asked; it leads
			if err := v.Ask(); !errors.Is(err, ErrRefused) {
				t.Errorf("got %v, want ErrRefused", err)
			}
		}
		time.Sleep(askEvery)
		if err := guest.Ask(); err != nil {
			t.Error(err)
		}
		guest.SetPath("ws")
		owner.Give(guest.ID())
		all, _ = owner.People(0)
		if got, want := all.People[1], (Person{ID: "2", Role: Controller, Lent: true, Leads: true, Path: "ws", Since: now}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		guest.Leave()
		if err := guest.Ask(); !errors.Is(err, ErrLeft) {
			t.Errorf("got %v, want ErrLeft", err)
		}
	})
}

func TestLimit(t *testing.T) {
	s, _ := start(t, Config{Fanouts: startFanouts(t, encode.VP8)})
	owner, guest := join(t, s, Owner), join(t, s, Watcher)
	watch(t, owner)
	for _, test := range []struct {
		to   Limits
		want Limits
		err  error
	}{
		{Limits{2_000_000, 30}, Limits{2_000_000, 30}, nil},
		{Limits{1, 1}, Limits{leastLimit, 1}, nil},
		{Limits{-1, 0}, Limits{leastLimit, 1}, ErrMalformed},
		{Limits{0, -1}, Limits{leastLimit, 1}, ErrMalformed},
		{Limits{0, mostFPS + 1}, Limits{leastLimit, 1}, ErrMalformed},
		{Limits{}, Limits{}, nil},
	} {
		if err := owner.Limit(test.to); !errors.Is(err, test.err) || owner.limits != test.want {
			t.Errorf("%v: got %v, %v, want %v, %v", test.to, owner.limits, err, test.want, test.err)
		}
	}
	if err := guest.Limit(Limits{MaxFPS: 1}); !errors.Is(err, ErrRefused) || guest.Counts().Refused != 1 {
		t.Errorf("a watcher sets limits: %v", err)
	}
	if err := errors.Join(owner.Give(guest.ID()), guest.Limit(Limits{MaxFPS: 1})); err != nil || guest.limits.MaxFPS != 1 {
		t.Errorf("who has been given control: %v, %v", guest.limits, err)
	}
	if err := owner.Take(); err != nil || guest.limits != (Limits{}) {
		t.Errorf("after control has been taken: %v, %v", guest.limits, err)
	}
}

// TestControlConcurrent is for the race detector: control goes round while all type.
func TestControlConcurrent(t *testing.T) {
	s, d := start(t, Config{Policy: Policy{ControllersShare: true}})
	owner := join(t, s, Owner)
	var guests []*page
	for range 3 {
		_, secret := makeLink(t, owner, Watcher)
		guests = append(guests, &page{v: comeBy(t, s, secret)})
	}
	var wg sync.WaitGroup
	for _, p := range guests {
		wg.Go(func() {
			for range 200 {
				p.send(key("Key"+p.v.ID(), input.Down))
				p.v.Ask()
				p.v.Control()
				p.v.Allowed()
				p.v.Dropped()
			}
		})
	}
	wg.Go(func() {
		for i := range 200 {
			owner.Give(guests[i%3].v.ID())
			owner.People(0)
			if i%5 == 0 {
				owner.Take()
			}
		}
		owner.Take()
	})
	wg.Wait()
	if d.held() != 0 {
		t.Errorf("%d held although nobody controls but the owner", d.held())
	}
	for _, p := range guests {
		p.send(key("KeyX", input.Down))
	}
	if d.held() != 0 {
		t.Error("a watcher types")
	}
	all, _ := owner.People(0)
	for _, link := range all.Shares {
		owner.Revoke(link.ID)
	}
	if got := s.Viewers(); got != 1 {
		t.Errorf("%d viewers, want 1", got)
	}
}

// Who may not see the desktop is not lent that either: it would go on seeing it when
// control is taken back.
func TestPicturesAreNotLent(t *testing.T) {
	s := New(Config{Policy: Policy{Refuse: map[Role][]Feature{Watcher: {Video}}}, Log: slog.New(slog.DiscardHandler)})
	owner, guest := join(t, s, Owner), join(t, s, Watcher)
	if err := owner.Give(guest.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := guest.Watch(nil); !errors.Is(err, ErrRefused) {
		t.Errorf("watch: %v, want ErrRefused", err)
	}
	if got := guest.Refusals()[Video]; got != ByPolicy {
		t.Errorf("refused by %q, want %q", got, ByPolicy)
	}
}
