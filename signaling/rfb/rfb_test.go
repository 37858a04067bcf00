package rfb

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"lucarne/signaling/session"
)

// bridge is a Serve that is running, seen from both of its ends.
type bridge struct {
	page, server net.Conn
	ended        chan error
	counts       Counts // once it has ended
}

// serve begins to serve a viewer; nothing has been said yet.
func serve(ctx context.Context, s Server, v *session.Viewer) *bridge {
	page, ours := net.Pipe()
	theirs, server := net.Pipe()
	if s.Dial == nil {
		s.Dial = func(context.Context) (net.Conn, error) { return theirs, nil }
	}
	b := &bridge{page: page, server: server, ended: make(chan error, 1)}
	go func() {
		var err error
		b.counts, err = s.Serve(ctx, v, ours)
		b.ended <- err
	}()
	return b
}

// shakeHands makes both handshakes, as the two sides should.
func (b *bridge) shakeHands(t *testing.T) {
	t.Helper()
	say(t, b.server, version38)
	hear(t, b.server, version38)
	say(t, b.server, "\x01\x01")
	hear(t, b.server, "\x01")
	say(t, b.server, bytes32(0))
	hear(t, b.server, "\x01")
	hear(t, b.page, version38)
	say(t, b.page, version38)
	hear(t, b.page, "\x01\x01")
	say(t, b.page, "\x01")
	hear(t, b.page, bytes32(0))
	say(t, b.page, "\x00") // ClientInit: alone, which is not the page's to say
}

func say(t *testing.T, conn net.Conn, words string) {
	t.Helper()
	if _, err := io.WriteString(conn, words); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

// end returns why the bridge ended.
func (b *bridge) end(t *testing.T) error {
	t.Helper()
	err := <-b.ended
	if _, other := b.page.Read(make([]byte, 1)); other == nil {
		t.Error("the page's connection is still open")
	}
	if _, other := b.server.Read(make([]byte, 1)); other == nil {
		t.Error("the server's connection is still open")
	}
	return err
}

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t.Context(), Server{}, join(t, session.Owner, session.Policy{}))
		b.shakeHands(t)
		say(t, b.server, "anything at all")
		hear(t, b.page, "anything at all")
		say(t, b.page, keyDown+cutText+updateRequest)
		hear(t, b.server, keyDown+updateRequest)
		b.page.Close()
		hear(t, b.server, keyUp) // nobody is there to lift the finger
		if err := b.end(t); !errors.Is(err, io.EOF) || errors.Is(err, ErrServer) {
			t.Errorf("ended by %v, want the page's leaving", err)
		}
		if want := (Counts{Events: 1, Dropped: 1}); b.counts != want {
			t.Errorf("counted %+v, want %+v", b.counts, want)
		}
	})
}

func TestEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(t *testing.T, b *bridge, cancel context.CancelFunc)
		want error
	}{
		{"server ends", func(_ *testing.T, b *bridge, _ context.CancelFunc) { b.server.Close() }, ErrServer},
		{"page sends garbage", func(t *testing.T, b *bridge, _ context.CancelFunc) { say(t, b.page, "\x09garbage") }, ErrMalformed},
		{"context ends", func(_ *testing.T, _ *bridge, cancel context.CancelFunc) { cancel() }, context.Canceled},
		{"server reads nothing", func(t *testing.T, b *bridge, _ context.CancelFunc) { say(t, b.page, updateRequest) }, ErrServer},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				b := serve(ctx, Server{}, join(t, session.Owner, session.Policy{}))
				b.shakeHands(t)
				test.do(t, b, cancel)
				if err := b.end(t); !errors.Is(err, test.want) {
					t.Errorf("ended by %v, want %v", err, test.want)
				}
			})
		})
	}
}

// TestHandshakeFails: the page is told nothing before the server has agreed.
func TestHandshakeFails(t *testing.T) {
	for _, test := range []struct {
		name string
		says string // the server
		want error
	}{
		{"garbage", "SSH-2.0-OpenSSH_9.2\r\n", ErrServer},
		{"refusal", version38 + "\x00" + bytes32(4) + "full", ErrServer},
		{"password", version38 + "\x01\x02", ErrPassword},
		{"silence", "", ErrServer},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t.Context(), Server{}, join(t, session.Owner, session.Policy{}))
				go io.Copy(io.Discard, b.server)
				go io.WriteString(b.server, test.says)
				heard, _ := io.ReadAll(b.page)
				if err := <-b.ended; !errors.Is(err, test.want) || len(heard) > 0 {
					t.Errorf("ended by %v, page heard %q, want %v and nothing", err, heard, test.want)
				}
				b.server.Close()
			})
		})
	}
}

// TestEndsBeforehand: a handshake that is cut short has failed for the reason of that.
func TestEndsBeforehand(t *testing.T) {
	reason := errors.New("the desktop shuts down")
	for name, shake := range map[string]func(t *testing.T, b *bridge){
		"the server is silent": func(*testing.T, *bridge) {},
		"the page is silent": func(t *testing.T, b *bridge) {
			say(t, b.server, version38)
			hear(t, b.server, version38)
			say(t, b.server, "\x01\x01")
			hear(t, b.server, "\x01")
			say(t, b.server, bytes32(0))
			hear(t, b.server, "\x01")
			hear(t, b.page, version38)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				b := serve(ctx, Server{}, join(t, session.Owner, session.Policy{}))
				shake(t, b)
				synctest.Wait()
				cancel(reason)
				if err := b.end(t); !errors.Is(err, reason) {
					t.Errorf("ended by %v, want %v", err, reason)
				}
			})
		})
	}
}

// TestSilentPage says nothing and is let go.
func TestSilentPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t.Context(), Server{}, join(t, session.Owner, session.Policy{}))
		go io.Copy(io.Discard, b.page)
		say(t, b.server, version38)
		hear(t, b.server, version38)
		say(t, b.server, "\x01\x01")
		hear(t, b.server, "\x01")
		say(t, b.server, bytes32(0))
		hear(t, b.server, "\x01")
		if err := b.end(t); err == nil {
			t.Error("a page that says nothing is waited for")
		}
	})
}

// TestOwnClipboard: a server whose clipboard is on is not for who may not copy out.
func TestOwnClipboard(t *testing.T) {
	noCopies := session.Policy{Refuse: map[session.Role][]session.Feature{session.Owner: {session.CopyOut}}}
	for _, test := range []struct {
		name   string
		role   session.Role
		policy session.Policy
		want   error
	}{
		{"may copy out", session.Owner, session.Policy{}, ErrServer},
		{"may not", session.Owner, noCopies, ErrClipboard},
		{"may not all", session.Owner, session.Policy{Copies: map[session.Feature]session.CopyLimits{session.CopyOut: {MaxBytes: 100}}}, ErrClipboard},
		{"may only look", session.Watcher, session.Policy{}, ErrClipboard},
	} {
		b := serve(t.Context(), Server{
			Dial:      func(context.Context) (net.Conn, error) { return nil, errors.New("nobody there") },
			Clipboard: true,
		}, join(t, test.role, test.policy))
		if err := <-b.ended; !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestNobodyLooks(t *testing.T) {
	dialled := false
	blind := session.Policy{Refuse: map[session.Role][]session.Feature{session.Owner: {session.Video}}}
	b := serve(t.Context(), Server{Dial: func(context.Context) (net.Conn, error) { dialled = true; return nil, io.EOF }},
		join(t, session.Owner, blind))
	if err := <-b.ended; !errors.Is(err, session.ErrRefused) || dialled {
		t.Errorf("ended by %v, dialled %t, want it refused before", err, dialled)
	}
}

// TestBackpressure: who does not read stops the other side, in bounded memory.
func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t.Context(), Server{}, join(t, session.Owner, session.Policy{}))
		b.shakeHands(t)
		taken := func(to net.Conn, message string) (n int) {
			go func() {
				for ; ; n += len(message) {
					if _, err := io.WriteString(to, message); err != nil {
						return
					}
				}
			}()
			synctest.Wait()
			return n
		}
		if n := taken(b.server, strings.Repeat("picture ", 512)); n > 2*chunk {
			t.Errorf("%d bytes taken for a page that does not read", n)
		}
		if n := taken(b.page, updateRequest); n > 16<<10 {
			t.Errorf("%d bytes taken for a server that does not read", n)
		}
		b.page.Close()
		b.server.Close()
		<-b.ended
	})
}
