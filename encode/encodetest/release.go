package encodetest

import (
	"context"
	"errors"
	"image"
	"log/slog"
	"sync/atomic"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// release takes the frame from a Screen, which grabs anew for somebody else as
// soon as it is released: that has to happen before the packet is complete. How
// soon the other one runs is the scheduler's business, so that once is enough.
func release(b encode.Backend, decoder func() (Decoder, error)) error {
	const tries = 20
	source := newStill(Page(image.Pt(640, 480), 9))
	screen := capture.NewScreen(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = screen.Run(ctx, func(context.Context) (capture.Source, error) { return source, nil }) // ctx's error
	}()
	defer func() {
		cancel()
		<-done // waits for the frame, too
	}()
	for range tries {
		early, err := releasesEarly(b, decoder, screen, source)
		if err != nil || early {
			return err
		}
	}
	return errors.New("the frame is released only after the packet is complete")
}

// releasesEarly encodes one frame and says whether the source was grabbed before
// the packet was complete.
func releasesEarly(b encode.Backend, decoder func() (Decoder, error), screen *capture.Screen, source *still) (bool, error) {
	r, err := open(b, decoder, encode.Config{Size: source.canvas.Size})
	if err != nil {
		return false, err
	}
	defer r.close()
	reader, other := screen.NewReader(), screen.NewReader()
	defer reader.Close()
	defer other.Close()
	var f capture.Frame
	deadline := time.Now().Add(10 * time.Second)
	for err = reader.Grab(&f); errors.Is(err, capture.ErrNoScreen) && time.Now().Before(deadline); err = reader.Grab(&f) {
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		return false, err
	}
	<-other.Damaged() // it begins with everything
	source.ring()
	<-other.Damaged()
	again := make(chan error, 1)
	go func() {
		var f capture.Frame
		defer f.Release()
		again <- other.Grab(&f)
	}()
	packet, err := r.encoder.Encode(&f, encode.Op{})
	if f.Pix != nil { // waiting for the other one might take for ever
		f.Release()
		return false, errors.Join(err, errors.New("the frame has not been released"))
	}
	if err = errors.Join(err, <-again); err != nil {
		return false, err
	}
	return time.Unix(0, source.grabbed.Load()).Before(packet.Times.Encoded), nil
}

// still is a source whose picture is a canvas.
type still struct {
	canvas  *Canvas
	bell    chan struct{}
	grabbed atomic.Int64 // when last, in ns since 1970
}

func newStill(canvas *Canvas) *still {
	s := &still{canvas: canvas, bell: make(chan struct{}, 1)}
	s.ring()
	return s
}

func (s *still) ring() { s.bell <- struct{}{} }

func (s *still) Damaged() <-chan struct{} { return s.bell }

func (s *still) Grab(f *capture.Frame) error {
	f.Pix, f.Stride, f.Size = s.canvas.Pix, s.canvas.Stride, s.canvas.Size
	f.Damage = append(f.Damage[:0], s.canvas.Bounds())
	f.Seq++
	f.Grabbed = time.Now()
	f.Damaged = f.Grabbed
	s.grabbed.Store(f.Grabbed.UnixNano())
	return nil
}

func (s *still) Close() error { return nil }
