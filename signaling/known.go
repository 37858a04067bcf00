package signaling

import (
	"context"
	"image"
	"slices"
	"time"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/signaling/session"
)

// known is what the page knows already.
type known struct {
	state    capture.State
	code     string
	args     []string
	size     image.Point
	blind    bool // it may not see the desktop, and so not its cursor
	cursor   uint32
	located  time.Time       // it was last told, asked, where the pointer is
	pictured map[uint32]bool // cursors whose image it has
	control  session.Control
	told     bool   // it has been told who controls
	people   uint64 // the News of who is here, as far as it has been told
	peopled  time.Time
	again    *time.Timer // rings when it may be told of them again
	encoding encode.Encoding
	layout   session.Layout
	seq      uint32
	acked    time.Time
	ackArmed bool
	copies   outgoing
}

// maxPictured bounds the cursors remembered for a socket. The page keeps 256, so
// that it has every one that is taken to be there.
const maxPictured = 128

// greeting is what the page knows once it has its hello.
func (s *socket) greeting() *known {
	status := s.h.cfg.Screen.Status()
	k := &known{state: status.State, size: status.Size, pictured: make(map[uint32]bool)}
	k.blind = !slices.Contains(s.viewer.Allowed(), session.Video)
	k.code, k.args = s.h.cfg.DisplayReason(status)
	return k
}

func (k *known) hello(s *socket) Message {
	var names []string
	for _, codec := range s.viewer.Codecs() {
		names = append(names, codecName(codec))
	}
	return Message{
		Type: "hello", Version: s.h.cfg.Version,
		Viewer: s.viewer.ID(), Role: s.viewer.Role(), Allow: s.allowed(), Refuse: s.refused(),
		State: k.state.String(), Code: k.code, Args: k.args,
		Width: k.size.X, Height: k.size.Y, Codecs: names, Seq: s.handled,
		MaxClipboard: s.viewer.CopyTerms(session.CopyIn).MaxBytes, Primary: s.viewer.CopyTerms(session.CopyIn).Primary,
	}
}

// putScreen tells what is new of the display: its state, its size, its cursor.
func (s *socket) putScreen(ctx context.Context, k *known) error {
	status := s.h.cfg.Screen.Status()
	code, args := s.h.cfg.DisplayReason(status)
	if status.State != k.state || code != k.code || !slices.Equal(args, k.args) {
		k.state, k.code, k.args = status.State, code, args
		if err := s.put(ctx, Message{Type: "display", State: status.State.String(), Code: code, Args: args}); err != nil {
			return err
		}
	}
	if status.State != capture.Up {
		clear(k.pictured) // another display counts its cursors anew
		k.cursor = 0
		return nil
	}
	if status.Size != k.size {
		k.size = status.Size
		if err := s.put(ctx, Message{Type: "size", Width: k.size.X, Height: k.size.Y}); err != nil {
			return err
		}
	}
	return s.putCursor(ctx, k)
}

func (s *socket) putCursor(ctx context.Context, k *known) error {
	cursor := s.h.cfg.Screen.Cursor()
	if k.blind || cursor.Serial == k.cursor || cursor.Serial == 0 && cursor.Image == nil {
		return nil // the same picture, or none known; its position the page knows better
	}
	m := Message{
		Type: "cursor", Serial: cursor.Serial,
		HotX: cursor.Hot.X, HotY: cursor.Hot.Y, X: cursor.Pos.X, Y: cursor.Pos.Y,
	}
	if !k.pictured[cursor.Serial] {
		image, err := s.h.cursors.encode(cursor)
		if err != nil {
			return err
		}
		if len(k.pictured) >= maxPictured {
			clear(k.pictured)
		}
		k.pictured[cursor.Serial] = true
		m.Image = &image
	}
	k.cursor = cursor.Serial
	return s.put(ctx, m)
}

// putPlace tells where the pointer is to a page that has asked, if it has not
// just been told.
func (s *socket) putPlace(ctx context.Context, k *known) error {
	if time.Since(k.located) < s.h.pace.place {
		return nil
	}
	k.located = time.Now()
	k.cursor = 0
	s.h.cfg.Screen.Doubt()
	return s.putCursor(ctx, k)
}

// putSession tells what is new of the session: who leads, how the pictures are
// made and the newest input handled. The clipboard follows in pieces.
func (s *socket) putSession(ctx context.Context, k *known, ack *time.Timer) error {
	if err := s.putControl(ctx, k); err != nil {
		return err
	}
	if err := s.putEncoding(ctx, k); err != nil {
		return err
	}
	if err := s.putLayout(ctx, k); err != nil {
		return err
	}
	if err := s.putCopied(ctx, &k.copies); err != nil {
		return err
	}
	return s.putAck(ctx, k, ack)
}

// putEncoding tells how the pictures are made that are shown, and why another way
// than they might be.
func (s *socket) putEncoding(ctx context.Context, k *known) error {
	e := s.viewer.Encoding() // before the notices, so that none comes later than what it is about
	for _, n := range s.viewer.Notices() {
		m := Message{Type: "reason", Code: string(n.Code)}
		if n.Codec != "" {
			m.Args = append(m.Args, codecName(n.Codec))
		}
		if n.Instead != "" {
			m.Args = append(m.Args, codecName(n.Instead))
		}
		if err := s.put(ctx, m); err != nil {
			return err
		}
	}
	if e == k.encoding || e == (encode.Encoding{}) { // that nothing is shown the page knows
		return nil
	}
	k.encoding = e
	m := Message{
		Type: "encoding", Codec: codecName(e.Codec), Encoder: e.Encoder,
		Speed: e.Limits.Speed, MaxFPS: e.Limits.MaxFPS, Scale: float64(e.Limits.Scale), Code: e.Limits.Reason,
	}
	if e.GPU.Code != "" {
		m.GPU = &Reason{Code: e.GPU.Code}
		if e.GPU.Arg != "" {
			m.GPU.Args = []string{e.GPU.Arg}
		}
	}
	return s.put(ctx, m)
}

// putAck acknowledges input, at once if the last time is long enough ago.
func (s *socket) putAck(ctx context.Context, k *known, ack *time.Timer) error {
	seq := s.viewer.InputSeq()
	if seq == k.seq || k.ackArmed {
		return nil
	}
	if wait := s.h.pace.ack - time.Since(k.acked); wait > 0 {
		k.ackArmed = true
		ack.Reset(wait)
		return nil
	}
	k.seq, k.acked = seq, time.Now()
	return s.put(ctx, Message{Type: "input", Seq: seq})
}
