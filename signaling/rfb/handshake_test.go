package rfb

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"lucarne/signaling/session"
)

// script is a peer that says one thing after the other and writes down what it hears.
type script struct {
	io.Reader
	heard bytes.Buffer
}

func (s *script) Write(b []byte) (int, error) { return s.heard.Write(b) }

func TestEnter(t *testing.T) {
	reason := bytes32(7) + "no room"
	for _, test := range []struct {
		name, says, password string
		want                 string // what it hears
		err                  string // a part of the error; "": none
	}{
		{"3.8", version38 + "\x01\x01" + bytes32(0), "", version38 + "\x01\x01", ""},
		{"3.8 of several types", version38 + "\x03\x05\x02\x01" + bytes32(0), "", version38 + "\x01\x01", ""},
		{"3.7", version37 + "\x01\x01", "", version37 + "\x01\x01", ""},
		{"3.3", version33 + bytes32(1), "", version33 + "\x01", ""},
		{"3.5", "RFB 003.005\n" + bytes32(1), "", version33 + "\x01", ""},
		{"newer", "RFB 004.001\n\x01\x01" + bytes32(0), "", version38 + "\x01\x01", ""},
		{"refused in 3.8", version38 + "\x00" + reason, "", version38, "no room"},
		{"refused in 3.3", version33 + bytes32(0) + reason, "", version33, "no room"},
		{"refused after all", version38 + "\x01\x01" + bytes32(1) + reason, "", version38 + "\x01", "no room"},
		{"endless reason", version38 + "\x00" + bytes32(1<<32-1) + strings.Repeat("z", 10_000), "", version38, "zzz"},
		{"password wanted", version38 + "\x01\x02", "", version38, ErrPassword.Error()},
		{"password wanted in 3.3", version33 + bytes32(2), "", version33, ErrPassword.Error()},
		{"unknown security", version38 + "\x02\x13\x10", "", version38, errSecurity.Error()},
		{"unknown security in 3.3", version33 + bytes32(1<<31+1), "", version33, errSecurity.Error()},
		{"a web server", "HTTP/1.1 400 Bad Request\r\n", "", "", errNotRFB.Error()},
		{"nearly", "RFB 003x008\n", "", "", errNotRFB.Error()},
		{"nothing", "", "", "", io.EOF.Error()},
		{"cut off", "RFB 003.0", "", "", io.ErrUnexpectedEOF.Error()},
		// As openssl enc -des-ecb encrypts with the bits of each of the password's bytes turned round.
		{"password", version38 + "\x01\x02" + "0123456789abcdef" + bytes32(0), "secret",
			version38 + "\x02" + "\x75\x24\x40\xee\x2b\xfc\xc2\xa0\xd9\x01\x3f\xd2\x03\x71\xe2\x3b" + "\x01", ""},
		{"wrong password", version37 + "\x01\x02" + "0123456789abcdef" + bytes32(1), "secret", "*", "refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := &script{Reader: strings.NewReader(test.says)}
			err := enter(server, test.password)
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if err != nil && len(err.Error()) > 2*maxReason {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			if got := server.heard.String(); got != test.want && test.want != "*" {
				t.Errorf("heard %q, want %q", got, test.want)
			}
		})
	}
}

func TestWelcome(t *testing.T) {
	for name, test := range map[string]struct {
		says string
		want error
	}{
		"shared":    {version38 + "\x01\x01", nil},
		"alone":     {version38 + "\x01\x00", nil},
		"old":       {version33 + "\x01\x01", ErrMalformed},
		"insecure":  {version38 + "\x02\x01", ErrMalformed},
		"cut off":   {version38[:5], io.ErrUnexpectedEOF},
		"after all": {version38 + "\x01", io.EOF},
	} {
		page := &script{Reader: strings.NewReader(test.says)}
		if err := welcome(page); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if got, want := page.heard.String(), version38+"\x01\x01"+bytes32(0); test.want == nil && got != want {
			t.Errorf("%s: heard %q, want %q", name, got, want)
		}
	}
}

func FuzzEnter(f *testing.F) {
	for _, says := range []string{
		version38 + "\x01\x01" + bytes32(0), version37 + "\x02\x02\x01", version33 + bytes32(2) + "0123456789abcdef",
		version38 + "\x00" + bytes32(1<<32-1) + "why", version38 + "\x01\x02" + "0123456789abcdef" + bytes32(1) + bytes32(2) + "no",
	} {
		f.Add([]byte(says), "secret")
		f.Add([]byte(says), "")
	}
	f.Fuzz(func(t *testing.T, says []byte, password string) {
		server := &script{Reader: bytes.NewReader(says)}
		err := enter(server, password)
		if heard := server.heard.Bytes(); len(heard) > len(version38)+1+16+1 {
			t.Errorf("the server hears %q", heard)
		}
		if err == nil && !bytes.HasSuffix(server.heard.Bytes(), []byte{1}) {
			t.Errorf("agreed without a shared ClientInit: %q", server.heard.Bytes())
		}
	})
}

func FuzzWelcome(f *testing.F) {
	f.Add([]byte(version38 + "\x01\x01" + all))
	f.Add([]byte(version33 + "\x01\x01"))
	f.Fuzz(func(t *testing.T, says []byte) {
		page := &script{Reader: bytes.NewReader(says)}
		if welcome(page) != nil {
			return
		}
		filtered(join(t, session.Owner, session.Policy{}), page)
	})
}
