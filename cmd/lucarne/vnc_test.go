package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/signaling/rfb"
	"lucarne/signaling/session"
)

func TestVNCFlags(t *testing.T) {
	for _, test := range []struct {
		flags            vncFlags
		network, address string
		fails            bool
	}{
		{flags: vncFlags{VNC: "auto"}},
		{flags: vncFlags{VNC: "off"}},
		{vncFlags{VNC: "unix:/run/vnc"}, "unix", "/run/vnc", false},
		{vncFlags{VNC: "localhost:5901"}, "tcp", "localhost:5901", false},
		{vncFlags{VNC: "[::1]:5901", VNCPasswordFile: "/x"}, "tcp", "[::1]:5901", false},
		{flags: vncFlags{VNC: "auto", VNCPasswordFile: "/x"}, fails: true},
		{flags: vncFlags{VNC: "unix:"}, fails: true},
		{flags: vncFlags{VNC: "localhost"}, fails: true},
		{flags: vncFlags{VNC: ":5901"}, fails: true},
		{flags: vncFlags{VNC: "localhost:0"}, fails: true},
		{flags: vncFlags{VNC: "localhost:vnc"}, fails: true},
	} {
		network, address, _ := test.flags.address()
		if err := test.flags.validate(); network != test.network || address != test.address || (err != nil) != test.fails {
			t.Errorf("%+v: %q %q %v, want %q %q, fails: %t", test.flags, network, address, err, test.network, test.address, test.fails)
		}
	}
}

func TestVNCServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		flags     vncFlags
		there     bool
		password  string
		clipboard bool
		exit      int
	}{
		{flags: vncFlags{VNC: "off"}},
		{flags: vncFlags{VNC: "auto"}, there: true},
		{vncFlags{VNC: "unix:/x", VNCPasswordFile: file}, true, "secret ", true, 0},
		{flags: vncFlags{VNC: "unix:/x", VNCPasswordFile: file + "-"}, exit: exitNoInput},
		{flags: vncFlags{VNC: "x"}, exit: exitUsage},
	} {
		d := &desktop{flags: &desktopFlags{vncFlags: test.flags}}
		server, err := d.vncServer()
		var exit exitError
		errors.As(err, &exit)
		if exit.code != test.exit {
			t.Errorf("%+v: %v, want exit code %d", test.flags, err, test.exit)
		}
		if err != nil {
			continue
		}
		if (server != nil) != test.there || server != nil && (server.Password != test.password || server.Clipboard != test.clipboard) {
			t.Errorf("%+v: %+v", test.flags, server)
		}
	}
}

// watcher is a VNC client of a desktop, as a page is one: it takes in what the
// server says, raw.
type watcher struct {
	t     *testing.T
	conn  net.Conn
	ended chan error
	size  image.Point
	cuts  int // clipboards that the server has sent
}

// watch opens a client by the way that server is.
func watch(t *testing.T, server rfb.Server) *watcher {
	t.Helper()
	s := session.New(session.Config{Log: slog.New(slog.DiscardHandler)})
	viewer, err := s.Join(session.JoinConfig{})
	if err != nil {
		t.Fatal(err)
	}
	page, ours := net.Pipe()
	w := &watcher{t: t, conn: page, ended: make(chan error, 1)}
	go func() {
		_, err := server.Serve(context.Background(), viewer, ours)
		viewer.Leave()
		w.ended <- err
	}()
	page.SetDeadline(time.Now().Add(30 * time.Second))
	t.Cleanup(func() { w.leave() })
	version := w.read(12)
	w.write(string(version))
	w.read(2)
	w.write("\x01")
	w.read(4)
	w.write("\x01")
	head := w.read(24)
	w.size = image.Pt(int(binary.BigEndian.Uint16(head)), int(binary.BigEndian.Uint16(head[2:])))
	w.read(int(binary.BigEndian.Uint32(head[20:])))
	w.write("\x02\x00\x00\x02\x00\x00\x00\x00\xc0\xa1\xe5\xce") // Raw, and a clipboard that can more
	return w
}

func (w *watcher) read(n int) []byte {
	w.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(w.conn, b); err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *watcher) write(b string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, b); err != nil {
		w.t.Fatal(err)
	}
}

// leave closes the connection and waits until all of it has ended.
func (w *watcher) leave() {
	if w.conn.Close(); w.ended != nil {
		<-w.ended
		w.ended = nil
	}
}

// update asks for the whole picture and returns it, 4 bytes a pixel.
func (w *watcher) update() []byte {
	w.t.Helper()
	request := binary.BigEndian.AppendUint16([]byte{3, 0, 0, 0, 0, 0}, uint16(w.size.X))
	w.write(string(binary.BigEndian.AppendUint16(request, uint16(w.size.Y))))
	picture := make([]byte, 4*w.size.X*w.size.Y)
	for left := len(picture); left > 0; {
		switch kind := w.read(1)[0]; kind {
		case 0:
			for range binary.BigEndian.Uint16(w.read(3)[1:]) {
				left -= w.rectangle(picture)
			}
		case 2: // a bell
		case 3:
			length := int32(binary.BigEndian.Uint32(w.read(7)[3:]))
			w.read(int(max(length, -length)))
			w.cuts++
		default:
			w.t.Fatalf("message %d", kind)
		}
	}
	return picture
}

// rectangle reads one of an update's and returns its bytes.
func (w *watcher) rectangle(picture []byte) int {
	w.t.Helper()
	head := w.read(12)
	at := func(i int) int { return int(binary.BigEndian.Uint16(head[i:])) }
	x, y, width, height := at(0), at(2), at(4), at(6)
	if encoding := binary.BigEndian.Uint32(head[8:]); encoding != 0 {
		w.t.Fatalf("encoding %d", int32(encoding))
	}
	for row := range height {
		copy(picture[4*((y+row)*w.size.X+x):], w.read(4*width))
	}
	return 4 * width * height
}

// desktopOn is as much of a desktop as VNC needs, on a server of a kind.
func desktopOn(t *testing.T, cfg display.Config) *desktop {
	t.Helper()
	plan := displaytest.Start(t, cfg)
	return &desktop{display: plan.Display, vncSocket: plan.VNC, log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// needX11vnc skips a test where there is none.
func needX11vnc(t *testing.T) {
	t.Helper()
	if _, err := display.X11vnc(":0"); errors.Is(err, exec.ErrNotFound) {
		t.Skip(err)
	}
}

// TestVNCOfEachServer draws on each X server and looks for it by VNC.
func TestVNCOfEachServer(t *testing.T) {
	for _, server := range []string{display.Xvnc, display.Xvfb, display.Xorg} {
		t.Run(server, func(t *testing.T) {
			if server != display.Xvnc {
				needX11vnc(t)
			}
			d := desktopOn(t, display.Config{Server: server, Size: image.Pt(320, 240)})
			w := watch(t, rfb.Server{Dial: d.dialOwnVNC})
			if want := image.Pt(320, 240); w.size != want {
				t.Errorf("the screen is %v, want %v", w.size, want)
			}
			paint(t, d.display, "#204060")
			for !bytes.Equal(w.update()[:3], []byte{0x60, 0x40, 0x20}) {
			}
		})
	}
}

// paint gives the root window a colour.
func paint(t *testing.T, name, colour string) {
	t.Helper()
	if _, err := exec.LookPath("xsetroot"); err != nil {
		t.Skip("xsetroot is not installed")
	}
	set := exec.Command("xsetroot", "-display", name, "-solid", colour)
	if out, err := set.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", set.Args, err, out)
	}
}

// TestVNCClipboard copies on the desktop while somebody looks by VNC, and sends
// a text that way. Neither arrives. That it could is seen on an Xvnc that lets it.
func TestVNCClipboard(t *testing.T) {
	if _, err := exec.LookPath("xclip"); err != nil {
		t.Skip("xclip is not installed")
	}
	for _, test := range []struct {
		name   string
		config display.Config
		leaks  bool
	}{
		{"Xvnc", display.Config{Server: display.Xvnc}, false},
		{"Xvfb", display.Config{Server: display.Xvfb}, false},
		{"Xvnc with a clipboard", display.Config{Server: display.Xvnc, Args: []string{"-SendCutText=1"}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.config.Server == display.Xvfb {
				needX11vnc(t)
			}
			test.config.Size = image.Pt(64, 64)
			d := desktopOn(t, test.config)
			w := watch(t, rfb.Server{Dial: d.dialOwnVNC})
			w.write("\x06\x00\x00\x00\x00\x00\x00\x06secret")
			w.update() // the server has dealt with it
			if text, err := xclip(d.display, "-o").Output(); err == nil {
				t.Errorf("the desktop's clipboard holds %q", text)
			}
			owner := xclip(d.display, "-i")
			owner.Stdin = strings.NewReader("copied on the desktop")
			if err := owner.Run(); err != nil {
				t.Fatal(err)
			}
			for i := range 20 { // it would come before, or soon
				paint(t, d.display, fmt.Sprintf("#%06x", i))
				w.update()
			}
			if (w.cuts > 0) != test.leaks {
				t.Errorf("%d clipboards came, want any: %t", w.cuts, test.leaks)
			}
		})
	}
}

func xclip(name, direction string) *exec.Cmd {
	return exec.Command("xclip", "-display", name, "-selection", "clipboard", direction)
}

// TestX11vncEnds: it is there for as long as its viewer is.
func TestX11vncEnds(t *testing.T) {
	needX11vnc(t)
	d := desktopOn(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 64)})
	for _, end := range []string{"page", "process"} {
		var started *x11vnc
		w := watch(t, rfb.Server{Dial: func(ctx context.Context) (net.Conn, error) {
			conn, err := d.dialOwnVNC(ctx)
			started, _ = conn.(*x11vnc)
			return conn, err
		}})
		w.update()
		select {
		case <-started.ended:
			t.Fatal("it has ended while there is a viewer")
		default:
		}
		if end == "process" {
			started.process.Kill()
			if err := <-w.ended; !errors.Is(err, rfb.ErrServer) {
				t.Errorf("x11vnc killed: %v, want %v", err, rfb.ErrServer)
			}
			w.ended = nil
		}
		w.leave()
		select {
		case <-started.ended:
		default:
			t.Errorf("%s: it is still there after its viewer", end)
		}
	}
}

// TestVNCPassword: a server that wants a password gets it.
func TestVNCPassword(t *testing.T) {
	needX11vnc(t)
	d := desktopOn(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 64)})
	dial := func(context.Context) (net.Conn, error) {
		command, err := display.X11vnc(d.display)
		if err != nil {
			return nil, err
		}
		return startX11vnc(append(command, "-passwd", "secret"), d.log)
	}
	watch(t, rfb.Server{Dial: dial, Password: "secret"}).update()
	for password, want := range map[string]error{"": rfb.ErrPassword, "wrong": rfb.ErrServer} {
		if _, err := (rfb.Server{Dial: dial, Password: password}).Serve(t.Context(), lookOn(t), closed{}); !errors.Is(err, want) {
			t.Errorf("password %q: %v, want %v", password, err, want)
		}
	}
}

func TestX11vncFails(t *testing.T) {
	needX11vnc(t)
	log := new(bytes.Buffer)
	d := &desktop{display: ":98765", log: slog.New(slog.NewTextHandler(log, nil))}
	if _, err := (rfb.Server{Dial: d.dialOwnVNC}).Serve(t.Context(), lookOn(t), closed{}); !errors.Is(err, rfb.ErrServer) {
		t.Errorf("without a display: %v, want %v", err, rfb.ErrServer)
	}
	if !strings.Contains(log.String(), "x11vnc has failed") {
		t.Errorf("the log says nothing of it: %s", log)
	}
}

func lookOn(t *testing.T) *session.Viewer {
	v, err := session.New(session.Config{Log: slog.New(slog.DiscardHandler)}).Join(session.JoinConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Leave)
	return v
}

// closed is a page that has gone.
type closed struct{}

func (closed) Read([]byte) (int, error)  { return 0, io.EOF }
func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (closed) Close() error              { return nil }
