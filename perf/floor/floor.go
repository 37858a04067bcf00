// Package floor is the least that a page can do to show what a program draws:
// one message on a WebSocket, one fill of a canvas; and back, one message for a
// key. No way to see a display in a page is faster, so that the figures of
// others read as the floor and so much more. It also serves a page with one
// <img>, the least that a page has to load before it shows a picture.
package floor

import (
	"bytes"
	"context"
	_ "embed" // for the pages
	"errors"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/perf/xclient"
)

//go:embed page.html
var pageText string

//go:embed image.html
var imageText string

const (
	// patience is how long a page may take to read, and to answer.
	patience = 5 * time.Second
	// maxDrawn is how many drawings a page that comes late is told, the newest.
	maxDrawn = 1024
)

// Server serves the page, and draws on it where it is open.
//
//	/           one canvas and one WebSocket
//	/image.html one <img> of the same size
type Server struct {
	size     image.Point
	handler  http.Handler
	upgrader websocket.Upgrader

	mu      sync.Mutex // guards the following and writing to the pages
	pages   map[*page]bool
	drawn   []drawing
	echoing map[*Board]bool
	synced  uint32 // number of the newest sync
	stopped bool
	reading sync.WaitGroup // those who read from the pages
}

// drawing is what a page that comes late has to be told.
type drawing struct {
	bounds  image.Rectangle
	message []byte
}

// page is a page that is open.
type page struct {
	conn    *websocket.Conn
	waiting map[uint32]chan error // for the answers to syncs; each has room for one
}

// New returns a server for pages of a size in pixels. It starts nothing.
func New(size image.Point) (*Server, error) {
	s := &Server{size: size, pages: map[*page]bool{}, echoing: map[*Board]bool{}}
	var picture bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&picture, pattern(size)); err != nil {
		return nil, fmt.Errorf("floor: picture: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/socket", s.serveSocket)
	for path, content := range map[string]struct{ kind, text string }{
		"/{$}":         {"text/html", pageText},
		"/image.html":  {"text/html", imageText},
		"/picture.png": {"image/png", picture.String()},
	} {
		text := []byte(content.text)
		if content.kind == "text/html" {
			var filled bytes.Buffer
			if err := template.Must(template.New(path).Parse(content.text)).Execute(&filled, size); err != nil {
				return nil, fmt.Errorf("floor: page: %w", err)
			}
			text = filled.Bytes()
		}
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", content.kind)
			w.Header().Set("Cache-Control", "no-store") // a desktop's picture is no older either
			w.Write(text)
		})
	}
	s.handler = mux
	return s, nil
}

// pattern is a picture of which no pixel is black or white.
func pattern(size image.Point) image.Image {
	img := image.NewNRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			img.SetNRGBA(x, y, color.NRGBA{uint8(64 + x*128/size.X), uint8(64 + y*128/size.Y), uint8(64 + (x/16^y/16)&7*16), 255})
		}
	}
	return img
}

// ServeHTTP serves the pages and their socket.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Run serves at a listener, which it closes, until ctx is done; it returns when
// the last page's socket has ended.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: s, ReadHeaderTimeout: patience}
	defer s.reading.Wait()
	defer s.stop()
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		server.Close()
		return fmt.Errorf("floor: %w", err)
	}
	return nil
}

// stop ends the pages' sockets; there will be no more.
func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for p := range s.pages {
		p.conn.Close()
	}
}

// Open returns a rectangle of the screen to draw on, filled with a colour.
func (s *Server) Open(bounds image.Rectangle, background xclient.RGB) *Board {
	b := &Board{Bounds: bounds, server: s}
	b.Fill(image.Rectangle{Max: bounds.Size()}, background)
	return b
}

// serveSocket is a page's socket for as long as it lasts.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the client has been told
	}
	defer conn.Close()
	conn.SetReadLimit(maxMessage)
	p := &page{conn: conn, waiting: map[uint32]chan error{}}
	if !s.enter(p) {
		return
	}
	defer s.reading.Done()
	defer s.leave(p)
	for {
		_, b, err := conn.ReadMessage()
		if err != nil {
			return
		}
		kind, number, err := parseMessage(b)
		if err != nil {
			return
		}
		s.hear(p, kind, number)
	}
}

// enter tells a page what has been drawn, and counts it in; false: it is over.
func (s *Server) enter(p *page) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.reading.Add(1)
	s.pages[p] = true
	for _, d := range s.drawn {
		s.send(p, d.message)
	}
	return true
}

func (s *Server) leave(p *page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pages, p)
	for _, answer := range p.waiting {
		answer <- errors.New("a page has gone")
	}
}

// hear does what a page says.
func (s *Server) hear(p *page, kind byte, number uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch kind {
	case typeEvent:
		for b := range s.echoing {
			b.answer()
		}
	case typeSync:
		if answer := p.waiting[number]; answer != nil { // else nobody has asked
			delete(p.waiting, number)
			answer <- nil
		}
	}
}

// draw tells all pages, and remembers it for those to come. mu is held.
func (s *Server) draw(bounds image.Rectangle, message []byte) {
	for p := range s.pages {
		s.send(p, message)
	}
	// What is covered need not be told.
	kept := s.drawn[:0]
	for _, d := range s.drawn {
		if !d.bounds.In(bounds) {
			kept = append(kept, d)
		}
	}
	s.drawn = append(kept[max(0, len(kept)+1-maxDrawn):], drawing{bounds, message})
}

// send tells one page. One that does not read is cut off, which its reader
// notices. mu is held.
func (s *Server) send(p *page, message []byte) {
	p.conn.SetWriteDeadline(time.Now().Add(patience))
	if err := p.conn.WriteMessage(websocket.BinaryMessage, message); err != nil {
		p.conn.Close()
	}
}

// sync asks all pages for an answer.
func (s *Server) sync() error {
	s.mu.Lock()
	s.synced++
	number := s.synced
	var answers []chan error
	for p := range s.pages {
		answer := make(chan error, 1)
		p.waiting[number] = answer
		answers = append(answers, answer)
		s.send(p, syncMessage(number))
	}
	s.mu.Unlock()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for _, answer := range answers {
		select {
		case err := <-answer:
			if err != nil {
				return fmt.Errorf("floor: sync: %w", err)
			}
		case <-limit.C:
			return fmt.Errorf("floor: sync: no answer from a page within %v", patience)
		}
	}
	return nil
}
