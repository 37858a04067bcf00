package signaling

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/session"
)

// A piece of a clipboard's content, as in the package comment.
const (
	pieceType = 33
	pieceHead = 5
	pieceSize = 16 << 10
	maxPiece  = 64 << 10 // from the page
	maxBinary = pieceHead + maxPiece
)

// Which way a transfer goes.
const (
	wayIn  = "in"
	wayOut = "out"
)

// An acknowledgement is due once a quarter has come of what came before, within these
// bounds in bytes, or so long after the first of less: the page's window grows by what
// is acknowledged, and once it is large each acknowledgement takes longer than a piece.
const (
	leastAck = firstWindow
	mostAck  = mostWindow / 4
	ackPause = 5 * time.Millisecond
)

// done is how a transfer ends that has got there.
const done = "done"

// flow is what the reader and the writer of a socket have to tell one another of its
// clipboards.
type flow struct {
	bell chan struct{} // capacity 1: the writer may have something to do

	mu     sync.Mutex
	window window          // of the pieces to the page
	serial uint32          // of the content that is on its way there; 0: none
	has    session.Content // that content, without its items
	end    int             // of it, in bytes of pieces
	got    int             // bytes of pieces that have come from the page
	told   int             // of which it knows
	due    bool            // an acknowledgement is, in a moment
}

func newFlow() flow { return flow{bell: make(chan struct{}, 1)} }

func (f *flow) ring() {
	select {
	case f.bell <- struct{}{}:
	default:
	}
}

// begin notes that a content of some bytes is to go to the page, instead of any other.
func (f *flow) begin(serial uint32, content session.Content, bytes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	content.Items = nil // the writer has them
	f.serial, f.has, f.end = serial, content, f.window.sent+bytes
}

// goes says whether a content still goes to the page, and whether a piece may go now.
func (f *flow) goes(serial uint32) (wanted, now bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.serial == serial, f.window.room()
}

func (f *flow) sent(bytes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.window.send(bytes, time.Now())
}

// acknowledged notes what the page has got, and returns the content that it has all
// of with that.
func (f *flow) acknowledged(bytes int) (content session.Content, all bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.window.acknowledge(bytes, time.Now())
	f.ring()
	if f.serial == 0 || f.window.got < f.end {
		return content, false
	}
	f.serial = 0
	return f.has, true
}

// cancel ends the content that goes to the page, if it is the one.
func (f *flow) cancel(serial uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.serial == serial {
		f.serial = 0
	}
	f.ring()
}

// came notes bytes of a piece that has come from the page.
func (f *flow) came(bytes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got += bytes
	if f.got-f.told >= min(mostAck, max(leastAck, f.told/4)) {
		f.ring()
	} else if !f.due {
		f.due = true
		time.AfterFunc(ackPause, f.ring)
	}
}

// news returns how many bytes have come, if the page does not know.
func (f *flow) news() (bytes int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ok = f.got != f.told
	f.told, f.due = f.got, false
	return f.got, ok
}

// incoming is a content on its way from the page. The reader's.
type incoming struct {
	serial uint32
	items  []session.Announcement
	size   int    // bytes
	data   []byte // of all items, one after the other, as far as it has come
}

// content returns the items that have come.
func (in *incoming) content() (items []session.Item) {
	rest := in.data
	for _, item := range in.items {
		items = append(items, session.Item{MIME: item.MIME, Data: rest[:item.Size:item.Size]})
		rest = rest[item.Size:]
	}
	return items
}

// announced begins a content from the page: who copies anew gives the earlier up.
func (s *socket) announced(m Message) {
	s.incoming = nil
	if err := s.viewer.Announce(m.Items); err != nil {
		s.settled(m.Serial, err)
		return
	}
	in := &incoming{serial: m.Serial, items: m.Items}
	for _, item := range m.Items {
		in.size += item.Size
	}
	s.incoming = in
}

// takePiece takes a piece from the page. One of a content that is over was on its
// way already.
func (s *socket) takePiece(message []byte) error {
	if len(message) <= pieceHead {
		return session.ErrMalformed
	}
	in, data := s.incoming, message[pieceHead:]
	s.flow.came(len(data))
	if in == nil || binary.BigEndian.Uint32(message[1:]) != in.serial {
		return nil
	}
	if len(data) > in.size-len(in.data) {
		s.incoming = nil
		s.settled(in.serial, session.ErrMalformed)
		return session.ErrMalformed
	}
	if in.data == nil {
		in.data = make([]byte, 0, min(in.size, mostWindow)) // what is announced may never come
	}
	if in.data = append(in.data, data...); len(in.data) == in.size {
		s.incoming = nil
		s.settled(in.serial, s.viewer.SetClipboard(in.content()))
	}
	return nil
}

// transferred takes what the page says of a transfer.
func (s *socket) transferred(m Message) {
	switch {
	case m.Way == wayOut && m.Code != "":
		s.flow.cancel(m.Serial)
	case m.Way == wayOut:
		if content, all := s.flow.acknowledged(m.Bytes); all {
			s.viewer.HasCopied(content)
		}
	case m.Way == wayIn && m.Code != "" && s.incoming != nil && s.incoming.serial == m.Serial:
		s.incoming = nil
	}
}

// settled tells the page how a content from it has ended.
func (s *socket) settled(serial uint32, err error) {
	code, args := done, []string(nil)
	if err != nil {
		code, args = s.copyReason(session.CopyIn, err)
	}
	s.send(Message{Type: "transfer", Way: wayIn, Serial: serial, Code: code, Args: args})
}

// copyReason words why a clipboard is not carried.
func (s *socket) copyReason(f session.Feature, err error) (code string, args []string) {
	switch {
	case errors.Is(err, session.ErrRefused):
		return "refused", []string{string(f)}
	case errors.Is(err, session.ErrTooLarge):
		const mebibyte = 1 << 20
		most := float64(s.viewer.CopyTerms(f).MaxBytes) / mebibyte
		return "clipboard-too-large", []string{strconv.FormatFloat(most, 'f', -1, 64)}
	case errors.Is(err, session.ErrTooOften):
		return "clipboard-too-often", nil
	case errors.Is(err, session.ErrMalformed):
		return "clipboard-malformed", nil
	}
	s.log.Warn("clipboard not set", "err", err)
	return "clipboard-failed", nil
}

// outgoing is a content on its way to the page. The writer's.
type outgoing struct {
	serial uint32   // of the newest one
	rest   [][]byte // what of its items has still to be sent
	piece  []byte   // the message that is being written
}

// putCopied announces the desktop's newest content, which takes the place of one
// that is on its way.
func (s *socket) putCopied(ctx context.Context, out *outgoing) error {
	content, err := s.viewer.Copied()
	if err != nil {
		code, args := s.copyReason(session.CopyOut, err)
		return s.put(ctx, Message{Type: "reason", Code: code, Args: args})
	}
	if len(content.Items) == 0 {
		return nil
	}
	m := Message{Type: "clipboard", Serial: out.serial + 1, Selection: string(content.Selection)}
	out.serial++
	out.rest = nil
	size := 0
	for _, item := range content.Items {
		m.Items = append(m.Items, session.Announcement{MIME: item.MIME, Size: len(item.Data)})
		out.rest = append(out.rest, item.Data)
		size += len(item.Data)
	}
	s.flow.begin(out.serial, content, size)
	return s.put(ctx, m)
}

// pending says whether there is something for putPiece to do.
func (s *socket) pending(out *outgoing) bool {
	if len(out.rest) == 0 {
		return false
	}
	wanted, now := s.flow.goes(out.serial)
	return now || !wanted
}

// putPiece sends the next piece of the content that is on its way, which ends with
// an item.
func (s *socket) putPiece(ctx context.Context, out *outgoing) error {
	if wanted, _ := s.flow.goes(out.serial); !wanted {
		out.rest = nil
		return nil
	}
	part := out.rest[0][:min(pieceSize, len(out.rest[0]))]
	if out.rest[0] = out.rest[0][len(part):]; len(out.rest[0]) == 0 {
		out.rest = out.rest[1:]
	}
	out.piece = binary.BigEndian.AppendUint32(append(out.piece[:0], pieceType), out.serial)
	out.piece = append(out.piece, part...)
	s.flow.sent(len(part))
	return s.putPacket(ctx, packet{websocket.BinaryMessage, out.piece})
}

// putGot tells the page how much of its pieces has come, as often as there is room
// to say it.
func (s *socket) putGot(ctx context.Context) error {
	bytes, ok := s.flow.news()
	if !ok {
		return nil
	}
	return s.put(ctx, Message{Type: "transfer", Way: wayIn, Bytes: bytes})
}
