package session

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// comeBy joins by the link with the secret.
func comeBy(t *testing.T, s *Session, secret string) *Viewer {
	t.Helper()
	link, err := s.Redeem(secret)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Join(JoinConfig{Share: link.ID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Leave)
	return v
}

// makeLink makes a link that lasts for an hour.
func makeLink(t *testing.T, v *Viewer, role Role) (Share, string) {
	t.Helper()
	made, secret, err := v.Share(Share{Name: "Zoé", Role: role, Until: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return made, secret
}

func TestShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, Config{})
		owner := join(t, s, Owner)
		made, secret := makeLink(t, owner, Watcher)
		other, otherSecret := makeLink(t, owner, Controller)
		if len(secret) < 43 || secret == otherSecret || made.ID == other.ID || strings.Contains(secret, made.ID) {
			t.Errorf("links %v %q and %v %q", made, secret, other, otherSecret)
		}
		guest, helper := comeBy(t, s, secret), comeBy(t, s, otherSecret)
		if guest.Role() != Watcher || helper.Role() != Controller {
			t.Errorf("roles %s and %s", guest.Role(), helper.Role())
		}
		for _, wrong := range []string{"", secret + "x", secret[1:], made.ID, strings.ToUpper(secret)} {
			if _, err := s.Redeem(wrong); !errors.Is(err, ErrNoShare) {
				t.Errorf("%q: got %v, want ErrNoShare", wrong, err)
			}
		}
		for _, viewer := range []*Viewer{guest, helper} {
			if _, _, err := viewer.Share(Share{Role: Watcher, Until: time.Now().Add(time.Minute)}); !errors.Is(err, ErrRefused) {
				t.Errorf("%s makes a link: %v, want ErrRefused", viewer.Role(), err)
			}
			if err := viewer.Revoke(made.ID); !errors.Is(err, ErrRefused) {
				t.Errorf("%s ends a link: %v, want ErrRefused", viewer.Role(), err)
			}
			if got := viewer.Counts().Refused; got != 2 {
				t.Errorf("%s: %d refused, want 2", viewer.Role(), got)
			}
		}
		if err := owner.Revoke(made.ID); err != nil {
			t.Fatal(err)
		}
		<-guest.Gone()
		if err := guest.Err(); !errors.Is(err, ErrRevoked) {
			t.Errorf("ended by %v, want ErrRevoked", err)
		}
		if _, err := s.Redeem(secret); !errors.Is(err, ErrNoShare) {
			t.Errorf("redeemed once more: %v", err)
		}
		if _, err := s.Join(JoinConfig{Share: made.ID}); !errors.Is(err, ErrNoShare) {
			t.Errorf("joined once more: %v", err)
		}
		if err := owner.Revoke(made.ID); !errors.Is(err, ErrNoShare) {
			t.Errorf("ended twice: %v", err)
		}
		if !helper.present() || !s.Shared(other.ID) {
			t.Error("another link has ended too")
		}
	})
}

func TestShareExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, Config{})
		owner := join(t, s, Owner)
		made, secret := makeLink(t, owner, Watcher)
		guest := comeBy(t, s, secret)
		time.Sleep(time.Hour - time.Millisecond)
		synctest.Wait()
		if !guest.present() {
			t.Error("ended before its time")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if err := guest.Err(); !errors.Is(err, ErrExpired) || guest.present() {
			t.Errorf("ended by %v, want ErrExpired", err)
		}
		if s.Shared(made.ID) {
			t.Error("the link is there still")
		}
		if all, _ := owner.People(0); len(all.Shares) != 0 || len(all.People) != 1 {
			t.Errorf("the owner sees %+v", all)
		}
	})
}

// TestShareLeavesRoom: however many come by a link, who can end it still gets in.
func TestShareLeavesRoom(t *testing.T) {
	s, _ := start(t, Config{MaxViewers: 5})
	owner := join(t, s, Owner)
	made, secret := makeLink(t, owner, Watcher)
	owner.Leave()
	for range 4 {
		comeBy(t, s, secret)
	}
	if _, err := s.Join(JoinConfig{Share: made.ID}); !errors.Is(err, ErrFull) {
		t.Errorf("a fifth by the link: %v, want ErrFull", err)
	}
	if err := join(t, s, Owner).Revoke(made.ID); err != nil || s.Viewers() != 1 {
		t.Errorf("%d viewers, %v, want the owner alone", s.Viewers(), err)
	}
}

func TestShareBounds(t *testing.T) {
	s, _ := start(t, Config{})
	owner := join(t, s, Owner)
	soon := time.Now().Add(time.Hour)
	for name, want := range map[string]Share{
		"owner":      {Role: Owner, Until: soon},
		"no role":    {Until: soon},
		"over":       {Role: Watcher, Until: time.Now().Add(-time.Second)},
		"for ever":   {Role: Watcher, Until: time.Now().Add(MaxShareLife + time.Hour)},
		"long name":  {Role: Watcher, Until: soon, Name: strings.Repeat("é", MaxShareName+1)},
		"no text":    {Role: Watcher, Until: soon, Name: "a\xffb"},
		"line break": {Role: Watcher, Until: soon, Name: "a\nb"},
		"bidi":       {Role: Watcher, Until: soon, Name: "a\u202eb"},
	} {
		if made, secret, err := owner.Share(want); !errors.Is(err, ErrMalformed) || secret != "" || made != (Share{}) {
			t.Errorf("%s: got %v %q, %v, want ErrMalformed", name, made, secret, err)
		}
	}
	for range maxShares {
		if _, _, err := owner.Share(Share{Role: Watcher, Until: soon, Name: strings.Repeat("é", MaxShareName)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := owner.Share(Share{Role: Watcher, Until: soon}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one too many: %v, want ErrTooLarge", err)
	}
}

// TestControllersShare: a link made by who came by one hangs on it.
func TestControllersShare(t *testing.T) {
	s, _ := start(t, Config{Policy: Policy{ControllersShare: true}})
	owner := join(t, s, Owner)
	own, _ := makeLink(t, owner, Watcher)
	first, secret := makeLink(t, owner, Controller)
	helper := comeBy(t, s, secret)
	second, secret, err := helper.Share(Share{Role: Controller, Until: time.Now().Add(MaxShareLife)})
	if err != nil || second.Until != first.Until {
		t.Errorf("until %v, %v, want %v", second.Until, err, first.Until)
	}
	friend := comeBy(t, s, secret)
	_, secret = makeLink(t, friend, Watcher)
	guest := comeBy(t, s, secret)
	if err := helper.Revoke(own.ID); !errors.Is(err, ErrNoShare) {
		t.Errorf("ends a link of the owner's: %v, want ErrNoShare", err)
	}
	if all, _ := helper.People(0); !slices.Equal(all.Shares, []Share{second}) {
		t.Errorf("sees the links %v, want %v", all.Shares, second)
	}
	if all, _ := owner.People(0); len(all.Shares) != 4 || len(all.People) != 4 {
		t.Errorf("the owner sees %+v", all)
	}
	if err := owner.Revoke(first.ID); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*Viewer{helper, friend, guest} {
		if err := v.Err(); !errors.Is(err, ErrRevoked) {
			t.Errorf("viewer %s: ended by %v, want ErrRevoked", v.ID(), err)
		}
	}
	if all, _ := owner.People(0); !slices.Equal(all.Shares, []Share{own}) {
		t.Errorf("left are %v, want %v", all.Shares, own)
	}
}
