package floor

import (
	"context"
	"image"
	"time"

	"lucarne/perf/xclient"
)

// Board is a rectangle of the page that is drawn on as an xclient.Window is:
// what takes a capture, an encoder and a decoder there is one message here. Its
// methods may be called from any goroutine.
type Board struct {
	Bounds image.Rectangle // in screen pixels

	server *Server
	turn   int // of the colour that Echo shows; guarded by the server's mu
}

// Fill fills a rectangle, in the board's pixels. The message is on its way when
// Fill returns; Sync waits for it.
func (b *Board) Fill(r image.Rectangle, c xclient.RGB) {
	r = r.Add(b.Bounds.Min)
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	b.server.draw(r, fillMessage(r, c))
}

// Draw shows frame number as a bar code in the upper left corner, and nothing
// else. It is an xclient.Animation.
func (b *Board) Draw(number int) (time.Time, error) {
	r := image.Rect(0, 0, xclient.BarcodeCells*xclient.Cell, xclient.Cell).Add(b.Bounds.Min)
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	drawn := time.Now()
	b.server.draw(r, frameMessage(number, r.Min))
	return drawn, nil
}

// Sync returns when all pages have done everything asked for so far. A page
// that does not within 5 s, or that goes meanwhile, is an error.
func (b *Board) Sync() error { return b.server.sync() }

// Focus has nothing to do: a page with one canvas has the keyboard.
func (b *Board) Focus() error { return nil }

// Echo fills the board with the next of xclient's colours at each key or button
// that is pressed in a page, until ctx is done, which closes the board.
func (b *Board) Echo(ctx context.Context) error {
	s := b.server
	s.mu.Lock()
	b.turn = 0
	s.draw(b.Bounds, fillMessage(b.Bounds, xclient.Turn(b.turn)))
	s.echoing[b] = true
	s.mu.Unlock()
	<-ctx.Done()
	return b.Close()
}

// Close ends Echo and uncovers what is below: black. It is idempotent.
func (b *Board) Close() error {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	delete(b.server.echoing, b)
	b.server.draw(b.Bounds, fillMessage(b.Bounds, 0))
	return nil
}

// answer is what Echo does at an event; the server's mu is held.
func (b *Board) answer() {
	b.turn++
	b.server.draw(b.Bounds, fillMessage(b.Bounds, xclient.Turn(b.turn)))
}
