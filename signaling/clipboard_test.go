package signaling

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/session"
)

// sendJSON sends a control message.
func (c *client) sendJSON(m Message) {
	c.t.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(string(data))
}

// piece sends a piece of a content.
func (c *client) piece(serial uint32, data string) {
	c.t.Helper()
	message := append(binary.BigEndian.AppendUint32([]byte{pieceType}, serial), data...)
	if err := c.conn.WriteMessage(websocket.BinaryMessage, message); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// give sends a text, all of it.
func (c *client) give(serial uint32, text string) {
	c.t.Helper()
	c.sendJSON(Message{Type: "clipboard", Serial: serial, Items: []session.Announcement{{MIME: session.TextPlain, Size: len(text)}}})
	for len(text) > 0 {
		part := text[:min(pieceSize, len(text))]
		c.piece(serial, part)
		text = text[len(part):]
	}
}

// ended returns how the content of a serial has ended.
func (c *client) ended(serial uint32) Message {
	c.t.Helper()
	for {
		if m := c.await("transfer"); m.Code != "" && m.Serial == serial {
			return m
		}
	}
}

// copies receives contents, as a page does.
type copies struct {
	*client
	got int // bytes of pieces
}

// take returns the next content that comes whole, item after item.
func (c *copies) take() (announced Message, data string) {
	c.t.Helper()
	size := -1
	for {
		c.conn.SetReadDeadline(time.Now().Add(patience))
		kind, message, err := c.conn.ReadMessage()
		if err != nil {
			c.t.Fatalf("waiting for a content: %v", err)
		}
		if kind == websocket.BinaryMessage && message[0] == pieceType {
			if len(message) > maxBinary {
				c.t.Fatalf("a piece of %d bytes", len(message))
			}
			part := message[pieceHead:]
			c.got += len(part)
			c.sendJSON(Message{Type: "transfer", Way: wayOut, Bytes: c.got})
			if binary.BigEndian.Uint32(message[1:]) == announced.Serial {
				data += string(part)
			}
		}
		if kind == websocket.TextMessage {
			var m Message
			if err := json.Unmarshal(message, &m); err != nil {
				c.t.Fatal(err)
			}
			if m.Type == "clipboard" {
				announced, data, size = m, "", 0
				for _, item := range m.Items {
					size += item.Size
				}
			}
		}
		if len(data) == size {
			return announced, data
		}
	}
}

func TestClipboard(t *testing.T) {
	s := serve(t, nil)
	giver, hello := s.join(t)
	other, _ := s.join(t)
	taker := &copies{client: other}
	if hello.MaxClipboard != 16<<20 || hello.Primary {
		t.Errorf("hello says %d bytes, PRIMARY: %t", hello.MaxClipboard, hello.Primary)
	}
	text := strings.Repeat("é\n", 3<<20)
	giver.give(1, text)
	if got := giver.ended(1); got.Code != done || got.Way != wayIn {
		t.Errorf("ended with %+v", got)
	}
	if s.display.clipboard() != "text/plain:"+text {
		t.Error("the desktop has another text")
	}
	if m, got := taker.take(); got != text || len(m.Items) != 1 || m.Items[0] != (session.Announcement{MIME: session.TextPlain, Size: len(text)}) {
		t.Errorf("the other viewer has %d bytes of %v, want %d", len(got), m.Items, len(text))
	}
	s.display.html = "<i>from</i>"
	s.display.copy("from the desktop")
	for _, c := range []*copies{{client: giver}, taker} {
		if m, got := c.take(); got != "from the desktop<i>from</i>" || m.Selection != "CLIPBOARD" || len(m.Items) != 2 {
			t.Errorf("got %d bytes of %+v", len(got), m)
		}
	}
	if log := s.log.String(); strings.Contains(log, "from the desktop") || strings.Contains(log, "é") {
		t.Error("the log holds the clipboard")
	}
}

// TestClipboardRefused: what does not get to the desktop, and how the page is told.
func TestClipboardRefused(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	type items = []session.Announcement
	serial := uint32(0)
	for _, test := range []struct {
		name  string
		items items
		piece string
		code  string
	}{
		{"1 GiB", items{{MIME: session.TextPlain, Size: 1 << 30}}, "", "clipboard-too-large"},
		{"nothing", nil, "", "clipboard-malformed"},
		{"not text", items{{MIME: session.TextPlain, Size: 1}}, "\xff", "clipboard-malformed"},
		{"no picture", items{{MIME: session.ImagePNG, Size: 6}}, "GIF89a", "clipboard-malformed"},
		{"more than announced", items{{MIME: session.TextPlain, Size: 1}}, "xx", "clipboard-malformed"},
		{"a text after all this", items{{MIME: session.TextPlain, Size: 2}}, "xx", done},
	} {
		serial++
		c.sendJSON(Message{Type: "clipboard", Serial: serial, Items: test.items})
		if test.piece != "" {
			c.piece(serial, test.piece)
		}
		if got := c.ended(serial); got.Code != test.code {
			t.Errorf("%s: %+v, want %s", test.name, got, test.code)
		}
		c.piece(serial, "on its way")
	}
	for _, bad := range []string{"", "\x00\x00\x00\x01"} { // pieces of nothing
		if err := c.conn.WriteMessage(websocket.BinaryMessage, append([]byte{pieceType}, bad...)); err != nil {
			t.Fatal(err)
		}
	}
	c.flush()
	if got := s.display.clipboard(); got != "text/plain:xx" {
		t.Errorf("the desktop has %q", got)
	}
	c.conn.Close()
	eventually(t, "the log counts them", func() bool {
		return strings.Contains(s.log.String(), "input.unfit=4") && strings.Contains(s.log.String(), "malformed=3")
	})
}

// TestClipboardNewest: a content ends the one before, cancelled or not, and what of
// that was on its way is ignored and yet acknowledged.
func TestClipboardNewest(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	one := []session.Announcement{{MIME: session.TextPlain, Size: 3}}
	c.sendJSON(Message{Type: "clipboard", Serial: 1, Items: one})
	c.piece(1, "on")
	c.sendJSON(Message{Type: "clipboard", Serial: 2, Items: one})
	c.piece(1, "e")
	c.piece(2, "tw")
	c.sendJSON(Message{Type: "transfer", Way: wayIn, Serial: 1, Code: "cancelled"})
	c.piece(2, "o")
	if got := c.ended(2); got.Code != done || s.display.clipboard() != "text/plain:two" {
		t.Errorf("%+v, the desktop has %q", got, s.display.clipboard())
	}
	c.sendJSON(Message{Type: "clipboard", Serial: 3, Items: one})
	c.piece(3, "th")
	c.sendJSON(Message{Type: "transfer", Way: wayIn, Serial: 3, Code: "cancelled"})
	c.piece(3, "r")
	c.give(4, "four")
	for got := 0; got != 13; {
		m := c.await("transfer")
		if m.Code == "" && m.Bytes < got {
			t.Fatalf("%d bytes are acknowledged after %d", m.Bytes, got)
		}
		got = max(got, m.Bytes)
	}
	if got := s.display.clipboard(); got != "text/plain:four" {
		t.Errorf("the desktop has %q", got)
	}
}

// TestClipboardUnderWay: a page that acknowledges nothing is sent no more than a
// window, whatever is copied, all else gets there meanwhile, and so does the newest
// content once it acknowledges.
func TestClipboardUnderWay(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	text := strings.Repeat("x", 1<<20)
	deaf := &copies{client: c}
	for n := range 5 {
		s.display.copy(fmt.Sprint(n, text))
		for serial := uint32(0); serial != uint32(n+1); {
			_, message, err := c.conn.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			var m Message
			if message[0] == pieceType {
				deaf.got += len(message) - pieceHead
			} else if json.Unmarshal(message, &m) == nil && m.Type == "clipboard" {
				serial = m.Serial
			}
		}
	}
	c.flush()
	if deaf.got > firstWindow {
		t.Errorf("%d bytes were sent, want %d at most", deaf.got, firstWindow)
	}
	c.sendJSON(Message{Type: "transfer", Way: wayOut, Serial: 5, Code: "cancelled"})
	c.flush()
	deaf.got = firstWindow
	c.sendJSON(Message{Type: "transfer", Way: wayOut, Bytes: deaf.got})
	s.display.copy("last")
	if m, got := deaf.take(); got != "last" || m.Serial != 6 {
		t.Errorf("content %d came, of %d bytes; want the last, of 4", m.Serial, len(got))
	}
}

// TestStopsReading: a page that takes nothing disturbs nobody.
func TestStopsReading(t *testing.T) {
	s := serve(t, nil)
	s.join(t) // and never reads again
	c, _ := s.join(t)
	other := &copies{client: c}
	for n := range 20 {
		text := fmt.Sprint(n, strings.Repeat("x", 1<<20))
		s.display.copy(text)
		if _, got := other.take(); got != text {
			t.Fatal("the other viewer missed a text")
		}
	}
	other.flush()
}
