package x11_test

import (
	"image"
	"testing"
	"time"

	"github.com/jezek/xgb/dpms"
	"github.com/jezek/xgb/screensaver"
	"github.com/jezek/xgb/xproto"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/x11"
)

// TestScreenSaver gives the server a screen saver after 1 s. It must not start
// while a source is open, however long nobody does anything, and has to start
// afterwards.
func TestScreenSaver(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		conn, err := display.Connect(plan.Display, "MIT-SCREEN-SAVER")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		root := xproto.Drawable(xproto.Setup(conn).DefaultScreen(conn).Root)
		if _, ok := conn.Extensions["DPMS"]; ok {
			dpms.SetTimeouts(conn, 1, 1, 1)
			dpms.Enable(conn)
		}
		err = xproto.SetScreenSaverChecked(conn, 1, 0, xproto.BlankingPreferred, xproto.ExposuresNotAllowed).Check()
		if err != nil {
			t.Fatal(err)
		}
		p := newPainter(t, plan)
		whole := image.Rect(0, 0, 640, 480)
		p.fill(whole, teal)

		source := open(t, x11.Config{Display: plan.Display})
		opened := time.Now()
		info := func() *screensaver.QueryInfoReply {
			reply, err := screensaver.QueryInfo(conn, root).Reply()
			if err != nil {
				t.Fatal(err)
			}
			return reply
		}
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for time.Since(opened) < 3*time.Second {
			if state := info().State; state == screensaver.StateOn {
				t.Fatalf("the screen saver started %v after the source was opened", time.Since(opened))
			}
			<-tick.C
		}
		var f capture.Frame
		grab(t, source, &f, func() bool { return shows(&f, whole, teal) })
		if err := source.Close(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(patience); info().State != screensaver.StateOn; <-tick.C {
			if time.Now().After(deadline) {
				t.Fatal("the screen saver does not start after the source is closed")
			}
		}
	})
}
