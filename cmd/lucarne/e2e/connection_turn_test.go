package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"lucarne/signaling/iceserver/turntest"
)

// TestConnectionByTURN: an allocation is made at each URL; a certificate that
// nobody has signed, and a secret that has changed, are told apart.
func TestConnectionByTURN(t *testing.T) {
	turn := turntest.Start(t)
	for _, c := range []struct{ name, secret, states, words string }{
		{"right secret", turntest.Secret, "turn=ok", "TURN/TCP: gives an address within "},
		{"other secret", "south", "turn=fail", "TURN/UDP: refuses the credentials (401)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(file, []byte(c.secret), 0o600); err != nil {
				t.Fatal(err)
			}
			d := newDesk(t, setup{agent: []string{"--auth", "none", "--turn-secret-file", file,
				"--ice-server", turn.UDP, "--ice-server", turn.TCP, "--ice-server", turn.TLS}})
			page := d.examine(d.url("connection?stay=1"))
			page.finds("udp=ok "+c.states, c.words, "TURN/TLS: does not answer")
		})
	}
}
