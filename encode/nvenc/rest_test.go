package nvenc

import (
	"testing"
	"time"
)

// A clock that is set back holds up no frame for longer than the debt itself.
func TestDebtWhenTheClockIsSetBack(t *testing.T) {
	d := debt{bps: 1_000_000}
	now := time.Unix(1_000_000, 0)
	d.tick(now)
	d.spend(1 << 20)
	if !d.overdrawn() {
		t.Fatal("a megabyte is not too much")
	}
	for _, after := range []time.Duration{-time.Hour, -time.Hour + forgiven} {
		d.tick(now.Add(after))
	}
	if d.overdrawn() {
		t.Errorf("%.0f bits are owed %v later", d.owed, forgiven)
	}
}
