package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"lucarne/signaling/iceserver"
	"lucarne/signaling/iceserver/turntest"
)

// from makes a peer find its servers in a source.
func from(source iceserver.Source) option {
	return func(_ *page, cfg *Config, _ *interceptor.Registry) {
		cfg.Servers = func(ctx context.Context) ([]iceserver.Server, error) { return source.Servers(ctx, "7") }
	}
}

// relayed makes the page come by a TURN server, and this side use none.
func relayed(_ *page, cfg *Config, _ *interceptor.Registry) { cfg.RelayViewer = true }

// overTCP lets the page reach TURN servers by TCP.
func overTCP(p *page, _ *Config, _ *interceptor.Registry) {
	p.network = func(se *webrtc.SettingEngine) {
		se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
	}
}

func TestRelayForTheViewer(t *testing.T) {
	server := turntest.Start(t)
	for name, url := range map[string]string{"UDP": server.UDP, "TCP": server.TCP} {
		t.Run(name, func(t *testing.T) {
			p := open(t, relayed, overTCP, from(&iceserver.Shared{URLs: []string{url}, Secret: turntest.Secret}))
			p.carries()
			if got, want := p.selected(), "relay udp"; got != want {
				t.Errorf("the path is %s, want %s", got, want)
			}
			for _, c := range p.offered() {
				if c.Type() != ice.CandidateTypeHost {
					t.Errorf("offered %v, want none of a server", c)
				}
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if got := p.told[0]; got.Policy != iceserver.RelayOnly || len(got.Servers) != 1 {
				t.Errorf("the page was told %+v", got)
			}
		})
	}
}

func TestRelayForBoth(t *testing.T) {
	server := turntest.Start(t)
	for name, url := range map[string]string{"UDP": server.UDP, "TCP": server.TCP} {
		t.Run(name, func(t *testing.T) {
			p := start(t, from(&iceserver.Shared{URLs: []string{url}, Secret: turntest.Secret}), func(p *page, _ *Config, _ *interceptor.Registry) { p.deaf = true })
			p.await("a relayed candidate", func() bool {
				return slices.ContainsFunc(p.offered(), func(c ice.Candidate) bool { return c.Type() == ice.CandidateTypeRelay })
			})
		})
	}
}

// A restart brings credentials of its own, which the server takes.
func TestRestartGetsNewCredentials(t *testing.T) {
	server := turntest.Start(t)
	var asked atomic.Int32
	p := open(t, relayed, func(_ *page, cfg *Config, _ *interceptor.Registry) {
		cfg.Servers = func(ctx context.Context) ([]iceserver.Server, error) {
			s := &iceserver.Shared{URLs: []string{server.UDP}, Secret: turntest.Secret}
			return s.Servers(ctx, fmt.Sprint(asked.Add(1)))
		}
	})
	p.carries()
	p.restart()
	p.carries()
	for n, want := range []string{":1", ":2"} {
		if got := p.told[n].Servers[0].Username; !strings.HasSuffix(got, want) {
			t.Errorf("offer %d came with %s, want one that ends in %s", n, got, want)
		}
	}
	poll(t, "an allocation by the second name", func() bool { return strings.Contains(server.Log(), ":2>") })
}

func poll(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within %v", what, patience)
		}
	}
}

type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A server that refuses the credentials is not silently lacking: the log names
// the server and the reason, and not the credentials.
func TestRefusedCredentials(t *testing.T) {
	server := turntest.Start(t)
	past := fmt.Sprintf("%d:7", time.Now().Add(-time.Hour).Unix())
	for name, s := range map[string]iceserver.Server{
		"expired": {URLs: []string{server.UDP}, Username: past, Credential: "hidden"},
		"wrong":   {URLs: []string{server.UDP}, Username: "nobody", Credential: "hidden"},
	} {
		t.Run(name, func(t *testing.T) {
			var log syncLog
			start(t, from(iceserver.Static{s}), func(p *page, cfg *Config, _ *interceptor.Registry) {
				p.deaf = true
				cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
			})
			poll(t, "word in the log", func() bool { return strings.Contains(log.String(), "level=WARN") })
			text := log.String()
			if !strings.Contains(text, "401") || !strings.Contains(text, strings.Split(server.UDP, "?")[0][len("turn:"):]) || strings.Contains(text, "hidden") {
				t.Errorf("the log says\n%s", text)
			}
		})
	}
}

// Without servers the connection is offered all the same.
func TestServersAreAway(t *testing.T) {
	var log syncLog
	p := open(t, func(_ *page, cfg *Config, _ *interceptor.Registry) {
		cfg.Servers = func(context.Context) ([]iceserver.Server, error) { return nil, errors.New("away") }
		cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	p.carries()
	if !strings.Contains(log.String(), "lacks ICE servers") {
		t.Errorf("the log says\n%s", log.String())
	}
}

// TURN servers that take a connection and say nothing, or nonsense, hold up neither
// the connection nor its end.
func TestServersThatLie(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	liar, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			conn, err := liar.Accept()
			if err != nil {
				return
			}
			talks.Go(func() {
				defer conn.Close()
				for chunk := bytes.Repeat([]byte{0x40, 0, 0xff, 0xff}, 1024); ; {
					if _, err := conn.Write(chunk); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		liar.Close()
		talks.Wait()
	})
	p := open(t, from(iceserver.Static{{Username: "u", Credential: "c", URLs: []string{
		"turn:" + silent.LocalAddr().String(), "turn:" + mute.Addr().String() + "?transport=tcp",
		"turns:" + mute.Addr().String(), "turn:" + liar.Addr().String() + "?transport=tcp", "turn:192.0.2.99:1?transport=tcp",
	}}}), func(p *page, _ *Config, _ *interceptor.Registry) { p.untold = true })
	p.carries()
}
