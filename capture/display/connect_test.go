package display_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
)

// entry is one of an Xauthority file.
func entry(family uint16, fields ...string) []byte {
	b := binary.BigEndian.AppendUint16(nil, family)
	for _, field := range fields {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(field))), field...)
	}
	return b
}

// TestCookieLookup connects with Xauthority files of several makes.
func TestCookieLookup(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 64)})
	own, err := os.ReadFile(plan.Authority)
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	const magic, local, wild = "MIT-MAGIC-COOKIE-1", 256, 65535
	cookie, wrong := string(own[len(own)-16:]), strings.Repeat("x", 16)
	number := plan.Display[1:]
	for _, test := range []struct {
		name    string
		entries [][]byte
		refused bool
	}{
		{"this host", [][]byte{entry(local, host, number, magic, cookie)}, false},
		{"any host, any display", [][]byte{entry(wild, "", "", magic, cookie)}, false},
		{"after others", [][]byte{entry(local, "not-"+host, number, magic, wrong),
			entry(local, host, number+"0", magic, wrong), entry(0, "\x7f\x00\x00\x01", number, magic, wrong),
			entry(local, host, number, magic, cookie)}, false},
		{"the first counts", [][]byte{entry(wild, "", number, magic, wrong), entry(wild, "", number, magic, cookie)}, true},
		{"another kind", [][]byte{entry(wild, "", number, "XDM-AUTHORIZATION-1", cookie)}, true},
		{"cut off", [][]byte{entry(wild, "", number, magic, cookie)[:20]}, true},
		{"empty", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := bytes.Join(test.entries, nil)
			home := t.TempDir()
			if err := os.WriteFile(filepath.Join(home, ".Xauthority"), file, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("XAUTHORITY", "")
			t.Setenv("HOME", home)
			for _, name := range []string{plan.Display, plan.Display + ".0", "unix" + plan.Display} {
				conn, err := display.Connect(name)
				if err == nil {
					conn.Close()
				}
				if (err != nil) != test.refused {
					t.Errorf("%s: %v, want it refused: %v", name, err, test.refused)
				}
			}
		})
	}
}

func TestBadNames(t *testing.T) {
	t.Setenv("DISPLAY", "")
	for _, name := range []string{"", "20", ":", ":x", ":-1", ":1.x", "host", "/tmp/x"} {
		if _, err := display.Connect(name); !errors.Is(err, display.ErrNoDisplay) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestSilentServer connects to a server that accepts and says nothing.
func TestSilentServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x:7")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("XAUTHORITY", filepath.Join(t.TempDir(), "none"))
	for _, end := range []string{"patience", "close"} {
		var conns display.Conns
		done := make(chan error, 1)
		go func() {
			_, err := conns.Connect(path)
			done <- err
		}()
		if _, err := listener.Accept(); err != nil {
			t.Fatal(err)
		}
		if end == "close" {
			conns.Close()
		}
		select {
		case err := <-done:
			if !errors.Is(err, display.ErrNoDisplay) {
				t.Errorf("%s: %v, want %v", end, err, display.ErrNoDisplay)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: Connect goes on", end)
		}
		conns.Close()
		if _, err := conns.Connect(path); !errors.Is(err, net.ErrClosed) {
			t.Errorf("connect after Close: %v, want %v", err, net.ErrClosed)
		}
	}
}

// TestCloseOfFrozenConnections ends connections whose server is stopped.
func TestCloseOfFrozenConnections(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 64)})
	var conns display.Conns
	first, err := conns.Connect(plan.Display)
	if err != nil {
		t.Fatal(err)
	}
	second, err := conns.Connect(plan.Display)
	if err != nil {
		t.Fatal(err)
	}
	displaytest.Freeze(t, plan)
	done := make(chan struct{}, 2)
	go func() {
		for event, fault := first.WaitForEvent(); event != nil || fault != nil; event, fault = first.WaitForEvent() {
		}
		done <- struct{}{}
	}()
	go func() {
		if _, err := xproto.GetInputFocus(second).Reply(); err == nil {
			t.Error("a server that is stopped answered")
		}
		done <- struct{}{}
	}()
	conns.Close()
	for range 2 {
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("a connection goes on after Close")
		}
	}
}
