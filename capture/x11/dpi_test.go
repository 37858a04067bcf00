package x11_test

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/x11"
)

var _ capture.DPISetter = (*x11.Source)(nil)

// atom interns a name.
func (p *painter) atom(name string) xproto.Atom {
	p.t.Helper()
	reply, err := xproto.InternAtom(p.conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		p.t.Fatal(err)
	}
	return reply.Atom
}

// property returns a property's bytes, nil if it is not there.
func (p *painter) property(w xproto.Window, name string) []byte {
	p.t.Helper()
	reply, err := xproto.GetProperty(p.conn, false, w, p.atom(name), xproto.GetPropertyTypeAny, 0, 1<<16).Reply()
	if err != nil {
		p.t.Fatal(err)
	}
	return reply.Value
}

func (p *painter) setProperty(w xproto.Window, name, kind string, format byte, value []byte) {
	p.t.Helper()
	err := xproto.ChangePropertyChecked(p.conn, xproto.PropModeReplace, w, p.atom(name), p.atom(kind), format,
		uint32(len(value)/int(format/8)), value).Check()
	if err != nil {
		p.t.Fatal(err)
	}
}

// window returns a window that is never shown.
func (p *painter) window() xproto.Window {
	p.t.Helper()
	w, err := xproto.NewWindowId(p.conn)
	if err != nil {
		p.t.Fatal(err)
	}
	err = xproto.CreateWindowChecked(p.conn, 0, w, p.root, 0, 0, 1, 1, 0, xproto.WindowClassInputOnly, 0, 0, nil).Check()
	if err != nil {
		p.t.Fatal(err)
	}
	return w
}

// manage has a window manager of this name seem to be there.
func (p *painter) manage(name string) {
	p.t.Helper()
	w := p.window()
	p.setProperty(w, "_NET_WM_NAME", "UTF8_STRING", 8, []byte(name))
	p.setProperty(p.root, "_NET_SUPPORTING_WM_CHECK", "WINDOW", 32, binary.LittleEndian.AppendUint32(nil, uint32(w)))
}

// settings reads the XSETTINGS as a toolkit does; nil if nobody manages them.
func (p *painter) settings() map[string]int {
	p.t.Helper()
	owner, err := xproto.GetSelectionOwner(p.conn, p.atom("_XSETTINGS_S0")).Reply()
	if err != nil {
		p.t.Fatal(err)
	}
	if owner.Owner == 0 {
		return nil
	}
	b := p.property(owner.Owner, "_XSETTINGS_SETTINGS")
	if len(b) < 12 || b[0] != 0 {
		p.t.Fatalf("settings are % x", b)
	}
	order, found := binary.LittleEndian, make(map[string]int)
	count := order.Uint32(b[8:])
	for b = b[12:]; count > 0; count-- {
		length := int(order.Uint16(b[2:]))
		name := string(b[4 : 4+length])
		b = b[4+(length+3)&^3:]
		found[name] = int(order.Uint32(b[4:]))
		b = b[8:]
	}
	if len(b) > 0 {
		p.t.Errorf("% x is left of the settings", b)
	}
	return found
}

// claims checks the screen's size in millimetres, from which a program that starts
// computes a DPI.
func claims(t *testing.T, name string, dpi int) {
	t.Helper()
	conn, err := display.Connect(name)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	screen := xproto.Setup(conn).DefaultScreen(conn)
	for _, side := range [][2]uint16{
		{screen.WidthInPixels, screen.WidthInMillimeters}, {screen.HeightInPixels, screen.HeightInMillimeters},
	} {
		if want := math.Round(float64(side[0]) * 25.4 / float64(dpi)); float64(side[1]) != want {
			t.Errorf("%d pixels are %d mm, want %v at a DPI of %d", side[0], side[1], want, dpi)
		}
	}
}

func resizeTo(t *testing.T, source *x11.Source, size image.Point) {
	t.Helper()
	if _, err := source.Resize(size); err != nil {
		t.Fatal(err)
	}
}

// await waits until a condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within %v", what, patience)
		}
	}
}

func TestSetDPI(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		p := newPainter(t, plan)
		p.manage("Openbox")
		p.setProperty(p.root, "RESOURCE_MANAGER", "STRING", 8, []byte("Xft.antialias:\t1\n"))
		source := open(t, x11.Config{Display: plan.Display})
		for _, c := range []struct{ dpi, unscaled, factor int }{{96, 0, 0}, {144, 144, 1}, {192, 96, 2}, {240, 120, 2}, {77, 77, 1}, {96, 96, 1}} {
			if err := source.SetDPI(c.dpi); err != nil {
				t.Fatal(err)
			}
			want := map[string]int{"Xft/DPI": 1024 * c.dpi, "Gdk/UnscaledDPI": 1024 * c.unscaled, "Gdk/WindowScalingFactor": c.factor}
			resources := fmt.Sprintf("Xft.antialias:\t1\nXft.dpi:\t%d\n", c.dpi)
			if c.factor == 0 { // nobody has asked for another one yet
				want, resources = nil, "Xft.antialias:\t1\n"
			}
			if got := string(p.property(p.root, "RESOURCE_MANAGER")); got != resources {
				t.Errorf("%d: resources %q, want %q", c.dpi, got, resources)
			}
			await(t, fmt.Sprint("settings ", want), func() bool { return fmt.Sprint(p.settings()) == fmt.Sprint(want) })
			for _, size := range []image.Point{image.Pt(600+c.dpi%7, 400), plan.Size} {
				resizeTo(t, source, size)
				claims(t, plan.Display, c.dpi)
			}
		}
		for _, absurd := range []int{0, -96, 1, 1 << 20} {
			if err := source.SetDPI(absurd); err == nil {
				t.Errorf("%d: no error", absurd)
			}
		}
	})
}

// What a person has set counts again at a scale of 1, also by an agent that did
// not change it.
func TestSetDPIRestoresWhatWas(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		p := newPainter(t, plan)
		const own = "Xft.dpi:\t110\n"
		p.setProperty(p.root, "RESOURCE_MANAGER", "STRING", 8, []byte(own))
		for _, dpi := range []int{144, 192, 96, 96} {
			source, err := x11.Open(x11.Config{Display: plan.Display})
			if err != nil {
				t.Fatal(err)
			}
			if err := source.SetDPI(dpi); err != nil {
				t.Error(err)
			}
			if err := source.Close(); err != nil {
				t.Error(err)
			}
			want := fmt.Sprintf("Xft.dpi:\t%d\n", dpi)
			if dpi == 96 {
				want = own
			}
			if got := string(p.property(p.root, "RESOURCE_MANAGER")); got != want {
				t.Errorf("%d: resources %q, want %q", dpi, got, want)
			}
		}
		source := open(t, x11.Config{Display: plan.Display})
		for range 2 {
			if err := source.SetDPI(144); err != nil {
				t.Error(err)
			}
			resizeTo(t, source, plan.Size)
			claims(t, plan.Display, 144)
		}
		for range 2 {
			if err := source.SetDPI(96); err != nil {
				t.Error(err)
			}
			resizeTo(t, source, plan.Size)
			claims(t, plan.Display, 110)
		}
		if got := p.property(p.root, "_LUCARNE_XFT_DPI"); len(got) > 0 {
			t.Errorf("%q is left on the root window", got)
		}
	})
}

// The settings are another's, or soon will be: resources alone say the DPI.
func TestSetDPILeavesSettingsToTheirManager(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		p := newPainter(t, plan)
		source := open(t, x11.Config{Display: plan.Display})
		selection := p.atom("_XSETTINGS_S0")
		if err := source.SetDPI(144); err != nil { // before any window manager
			t.Fatal(err)
		}
		p.manage("Xfwm4")
		if err := source.SetDPI(192); err != nil {
			t.Fatal(err)
		}
		if got := p.settings(); got != nil {
			t.Errorf("settings %v although the desktop environment's are to come", got)
		}
		p.manage("Openbox")
		await(t, "settings of ours", func() bool { return p.settings()["Xft/DPI"] == 192*1024 })
		other := p.window()
		if err := xproto.SetSelectionOwnerChecked(p.conn, other, selection, xproto.TimeCurrentTime).Check(); err != nil {
			t.Fatal(err)
		}
		if err := source.SetDPI(144); err != nil {
			t.Fatal(err)
		}
		owner, err := xproto.GetSelectionOwner(p.conn, selection).Reply()
		if err != nil || owner.Owner != other {
			t.Errorf("the settings are managed by %v (%v), want %v", owner, err, other)
		}
		if got := string(p.property(p.root, "RESOURCE_MANAGER")); !strings.Contains(got, "Xft.dpi:\t144\n") {
			t.Errorf("resources %q", got)
		}
	})
}

// A program that changes what is listened for all the time stops nothing.
func TestSetDPIInAFlood(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		p := newPainter(t, plan)
		source := open(t, x11.Config{Display: plan.Display})
		if err := source.SetDPI(144); err != nil {
			t.Fatal(err)
		}
		check, window := p.atom("_NET_SUPPORTING_WM_CHECK"), p.atom("WINDOW")
		for range 20_000 { // more than what a connection holds back
			xproto.ChangeProperty(p.conn, xproto.PropModeReplace, p.root, check, window, 32, 1, []byte{1, 2, 3, 0})
		}
		p.sync()
		p.manage("Openbox")
		await(t, "settings", func() bool { return p.settings()["Xft/DPI"] == 144*1024 })
		if err := source.SetDPI(192); err != nil {
			t.Fatal(err)
		}
	})
}

// Absurd resources are left as they are.
func TestSetDPIWithAbsurdResources(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		p := newPainter(t, plan)
		huge := strings.Repeat("a.b: c\n", 30_000)
		p.setProperty(p.root, "RESOURCE_MANAGER", "STRING", 8, []byte(huge))
		source := open(t, x11.Config{Display: plan.Display})
		if err := source.SetDPI(144); err == nil {
			t.Error("no error")
		}
		if got := string(p.property(p.root, "RESOURCE_MANAGER")); got != huge {
			t.Errorf("%d bytes of resources, want %d", len(got), len(huge))
		}
		resizeTo(t, source, image.Pt(500, 400))
		claims(t, plan.Display, 96)
	})
}
