package doctor

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// The sample responses of RFC 5769 §2.2 and §2.3, without what follows the address.
const (
	sampleTransaction = "b7e7a701bc34d686fa87dfae"
	sampleV4          = "0101000c2112a442" + sampleTransaction + "00200008" + "0001a147e112a643"
	sampleV6          = "010100182112a442" + sampleTransaction + "00200014" + "0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
	sampleSoftware    = "010100182112a442" + sampleTransaction + "80220007" + "74657374207665" + "00" + "00200008" + "0001a147e112a643"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestMapped(t *testing.T) {
	for _, c := range []struct{ name, answer, want string }{
		{"IPv4", sampleV4, "192.0.2.1:32853"},
		{"IPv6", sampleV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"},
		{"after another attribute, padded", sampleSoftware, "192.0.2.1:32853"},
		{"nothing", "", ""},
		{"an error response", strings.Replace(sampleV4, "0101", "0111", 1), ""},
		{"another transaction", strings.Replace(sampleV4, "b7e7", "b7e8", 1), ""},
		{"another family", strings.Replace(sampleV4, "0001a147", "0003a147", 1), ""},
		{"too long an attribute", strings.Replace(sampleV4, "00200008", "002000ff", 1), ""},
		{"no attribute", sampleV4[:2*stunHeader], ""},
	} {
		got, err := mapped(unhex(t, c.answer), unhex(t, sampleTransaction))
		if c.want == "" {
			if !errors.Is(err, errSTUN) {
				t.Errorf("%s: %v, %v", c.name, got, err)
			}
		} else if err != nil || got.String() != c.want {
			t.Errorf("%s: %v, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func FuzzMapped(f *testing.F) {
	for _, seed := range []string{sampleV4, sampleV6, sampleSoftware} {
		f.Add(unhex(f, seed))
	}
	transaction := unhex(f, sampleTransaction)
	f.Fuzz(func(t *testing.T, answer []byte) {
		if address, err := mapped(answer, transaction); err == nil && !address.IsValid() {
			t.Errorf("%x: %v", answer, address)
		}
	})
}

func TestReflexive(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	answered := make(chan struct{})
	go func() { // answers the second request
		defer close(answered)
		request := make([]byte, stunMaximum)
		for n := range 2 {
			size, from, err := server.ReadFrom(request)
			if err != nil || size != stunHeader {
				return
			}
			if n == 1 {
				answer := unhex(t, sampleV4)
				copy(answer[8:], request[8:stunHeader])
				server.WriteTo([]byte("nonsense"), from)
				server.WriteTo(answer, from)
			}
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	got, err := Reflexive(ctx, server.LocalAddr().String())
	if err != nil || got.String() == "" {
		t.Errorf("%v, %v", got, err)
	}
	<-answered
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Reflexive(over, server.LocalAddr().String()); err == nil {
		t.Error("no error when its time is over")
	}
}
