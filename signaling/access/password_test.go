package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// quick is a verifier that costs nothing.
func quick(password string) *Verifier {
	return &Verifier{
		matches: func(given string) bool { return given == password },
		turn:    make(chan struct{}, 1), places: make(chan struct{}, maxWaiting),
	}
}

// verify looks at a password in its turn, as a login does.
func (v *Verifier) verify(ctx context.Context, password string) error {
	return v.inTurn(ctx, func() error {
		if !v.matches(password) {
			return errPassword
		}
		return nil
	})
}

// aBcrypt is "correct horse", hashed as cheaply as can be.
const aBcrypt = "$2a$04$BusBASJic445YCrpJN7vee45m.4gLltK6xNkpbRChgSlvwlM2GjLu"

func TestPasswords(t *testing.T) {
	for name, text := range map[string]string{
		"plain":  "correct horse",
		"argon2": "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$bIKRw3Ua1pluirFy81fnppmR01EnUxY3hLEBwbWxBG8",
		"bcrypt": aBcrypt,
	} {
		v, err := ParsePassword(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for password, want := range map[string]error{"correct horse": nil, "correct Horse": errPassword, "": errPassword, text: errPassword} {
			if password == text && name == "plain" {
				continue
			}
			if got := v.verify(t.Context(), password); !errors.Is(got, want) {
				t.Errorf("%s: %q: got %v, want %v", name, password, got, want)
			}
		}
	}
	for _, text := range []string{"", "$2a$99$x", strings.Replace(aBcrypt, "$04$", "$17$", 1), "$argon2id$", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA", "$argon2id$v=19$m=64,t=1,p=1$c2E$c29tZXNhbHRzb21lc2FsdA", "$1$x$y"} {
		if _, err := ParsePassword(text); err == nil {
			t.Errorf("%q is taken for a hash", text)
		}
	}
}

// TestFlood: one is looked at, a few wait, and the others are refused at once.
func TestFlood(t *testing.T) {
	v, began, release := quick("p"), make(chan struct{}), make(chan struct{})
	looked := 0
	v.matches = func(string) bool {
		looked++ // by one at a time, as the race detector sees
		began <- struct{}{}
		<-release
		return true
	}
	ends := make(chan error)
	for range maxWaiting {
		go func() { ends <- v.verify(context.Background(), "p") }()
	}
	<-began
	for len(v.places) < maxWaiting {
		time.Sleep(time.Millisecond)
	}
	if err := v.verify(t.Context(), "p"); !errors.Is(err, errBusy) {
		t.Errorf("one more: %v", err)
	}
	for n := range maxWaiting {
		release <- struct{}{}
		if err := <-ends; err != nil {
			t.Error(err)
		}
		if n < maxWaiting-1 {
			<-began
		}
	}
	if looked != maxWaiting {
		t.Errorf("%d looked at", looked)
	}
}

// TestGuesses: who guesses has to wait, and a browser that has been in does not wait for others.
func TestGuesses(t *testing.T) {
	g := open(t, func(c *Config) { c.Method, c.Password = Password, quick("right") })
	own := grant(t, post(g, "login", `{"password":"right"}`))
	for n := range freeAttempts {
		if w := post(g, "login", `{"password":"wrong"}`); w.Code != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d", n, w.Code)
		}
	}
	for _, password := range []string{"wrong", "right"} { // which it is may not be told
		w := post(g, "login", `{"password":"`+password+`"}`)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s, too soon: got %d, Retry-After %q", password, w.Code, w.Header().Get("Retry-After"))
		}
	}
	if w := post(g, "login", `{"password":"right"}`, "Cookie", own.cookie); w.Code != http.StatusOK {
		t.Errorf("the browser that has been in: %d", w.Code)
	}
	late := g.attempts.failed["192.0.2.1"].last.Add(maxPause)
	if wait := g.attempts.wait("192.0.2.1", false, late); wait > 0 {
		t.Errorf("after the pause: %v", wait)
	}
	byToken := open(t, nil)
	for range freeAttempts + 1 {
		post(byToken, "login", `{"token":"wrong"}`)
	}
	if w := post(byToken, "login", `{"token":"`+aToken+`"}`); w.Code != http.StatusOK {
		t.Errorf("the right token waits for others' wrong ones: %d", w.Code)
	}
}

// TestGuessesSideBySide: those that come before the first has been looked at wait like later ones.
func TestGuessesSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, release, looked := quick("right"), make(chan struct{}), 0
		g := open(t, func(c *Config) { c.Method, c.Password = Password, v })
		for range freeAttempts - 1 {
			post(g, "login", `{"password":"wrong"}`)
		}
		v.matches = func(string) bool { looked++; <-release; return false }
		codes := make(chan int, maxWaiting)
		for range maxWaiting {
			go func() { codes <- post(g, "login", `{"password":"wrong"}`).Code }()
		}
		synctest.Wait() // one is looked at, all others wait for their turn
		close(release)
		got := map[int]int{}
		for range maxWaiting {
			got[<-codes]++
		}
		if looked != 1 || got[http.StatusUnauthorized] != 1 || got[http.StatusTooManyRequests] != maxWaiting-1 {
			t.Errorf("%d looked at, answered %v", looked, got)
		}
	})
}

func TestAttempts(t *testing.T) {
	a, now := newAttempts(), time.Unix(1e9, 0)
	var got []time.Duration
	for range 12 {
		a.fail("a", now)
		got = append(got, a.wait("a", true, now)/time.Second)
	}
	want := []time.Duration{0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got pauses %v s, want %v", got, want)
		}
	}
	if a.wait("b", false, now) != 0 {
		t.Error("one address pays for another")
	}
	if a.wait("a", false, now.Add(maxPause)) != 0 {
		t.Error("a pause does not end")
	}
	for i := range maxAddresses + 100 {
		a.fail(fmt.Sprint("x", i), now.Add(time.Duration(i)))
	}
	if len(a.failed) > maxAddresses {
		t.Errorf("%d addresses remembered, want at most %d", len(a.failed), maxAddresses)
	}
	now = now.Add(maxAddresses + 99)
	if a.wait("c", false, now) != maxPauseAll || a.wait("c", true, now) != 0 {
		t.Errorf("after guesses from everywhere: %v, %v", a.wait("c", false, now), a.wait("c", true, now))
	}
	if a.wait("c", false, now.Add(maxPauseAll)) != 0 {
		t.Error("all are kept out for ever")
	}
}

// FuzzPassword: a hash is whatever stands in a file, and what it asks for is bounded.
func FuzzPassword(f *testing.F) {
	for _, seed := range []string{
		"plain", aBcrypt, "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$c29tZXNhbHRzb21lc2FsdA",
		"$argon2id$v=19$m=4294967295,t=4294967295,p=255$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA", "$argon2id$v=19$m=64,t=1,p=1,x$$", "$$$$$",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseArgon(text)
		if err == nil && (a.memoryKiB > maxArgonMemory || a.time > maxArgonTime || a.threads == 0 || len(a.sum) > maxArgonBytes) {
			t.Errorf("%q asks for %+v", text, a)
		}
	})
}
