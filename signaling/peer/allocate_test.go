package peer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lucarne/signaling/iceserver"
	"lucarne/signaling/iceserver/turntest"
)

func TestAllocate(t *testing.T) {
	turn := turntest.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, test := range []struct{ name, url, secret, reason string }{
		{"UDP", turn.UDP, turntest.Secret, ""},
		{"TCP", turn.TCP, turntest.Secret, ""},
		{"other secret", turn.UDP, "south", "401"},
		{"unknown certificate", turn.TLS, turntest.Secret, "certificate"},
		{"nobody there", "turn:127.0.0.1:9?transport=tcp", turntest.Secret, "refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			shared := &iceserver.Shared{URLs: []string{test.url}, Secret: test.secret}
			servers, err := shared.Servers(ctx, "viewer")
			if err != nil {
				t.Fatal(err)
			}
			took, err := Allocate(ctx, servers[0])
			if test.reason == "" {
				if err != nil || took <= 0 {
					t.Fatalf("got %v, %v", took, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.reason) {
				t.Fatalf("got %v, want a word about %q", err, test.reason)
			}
			if strings.Contains(err.Error(), servers[0].Credential) {
				t.Error("the error tells the credential")
			}
		})
	}
}

func TestAllocateEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Allocate(ctx, iceserver.Server{URLs: []string{"turn:192.0.2.1:3478"}, Username: "u", Credential: "c"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
