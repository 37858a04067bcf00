package x11

import (
	"fmt"
	"image"
	"strconv"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"
)

const (
	// standardDPI is what a screen claims to have, and what toolkits take it to
	// have, unless somebody says otherwise.
	standardDPI = 96
	// minDPI and maxDPI are the least and the most that make sense to toolkits.
	minDPI, maxDPI = 24, 768
	// markName names the property of the root window in which SetDPI remembers
	// the value of Xft.dpi that it found, "" for none. It outlives us, as the
	// resource does.
	markName = "_LUCARNE_XFT_DPI"
	// maxResources is the largest RESOURCE_MANAGER that is changed, in bytes: what
	// goes into one request of the core protocol, and much more than anybody has.
	maxResources = 192 << 10
)

// SetDPI implements capture.DPISetter. What programs see of it:
//
//   - the resource Xft.dpi in the root window's RESOURCE_MANAGER, which programs
//     read when they start; other resources stay;
//   - Xft/DPI, Gdk/UnscaledDPI and Gdk/WindowScalingFactor as XSETTINGS, which
//     programs follow while they run, unless another program manages them or is
//     about to (settings.claim);
//   - the screen's size in millimetres, from the next Resize on: servers have all
//     windows drawn anew for it, as for another size.
//
// The display is left alone until the dpi is another than 96, and 96 brings
// back what Xft.dpi was before, or 96 where it was not set.
func (s *Source) SetDPI(dpi int) error {
	s.resizing.Lock()
	defer s.resizing.Unlock()
	if dpi < minDPI || dpi > maxDPI {
		return fmt.Errorf("x11: set dpi to %d: it has to be %d to %d", dpi, minDPI, maxDPI)
	}
	now, changed, err := s.setDPIResource(dpi)
	if err == nil && (changed || now != s.dpi) {
		s.dpi = now
		err = s.settings.set(now)
	}
	if err != nil {
		return fmt.Errorf("x11: set dpi to %d: %w", dpi, lost(err))
	}
	return nil
}

// setDPIResource sets Xft.dpi while no other client is heard. It returns the dpi
// in force then, and whether that was another one.
func (s *Source) setDPIResource(dpi int) (now int, changed bool, err error) {
	mark, err := xproto.InternAtom(s.events, false, uint16(len(markName)), markName).Reply()
	if err != nil {
		return 0, false, err
	}
	err = alone(s.events, func() error {
		before, marked, err := stringProperty(s.events, s.root, mark.Atom)
		if err != nil {
			return err
		}
		has, _, err := stringProperty(s.events, s.root, xproto.AtomResourceManager)
		if err != nil {
			return err
		}
		now = dpi
		switch {
		case dpi == standardDPI && !marked:
			now = s.dpi
			return nil // it has not been another one
		case dpi == standardDPI:
			if own, err := strconv.ParseFloat(before, 64); err == nil && own >= minDPI && own <= maxDPI {
				now = int(own + 0.5)
			}
			err = xproto.DeletePropertyChecked(s.events, s.root, mark.Atom).Check()
		case !marked:
			err = setStringProperty(s.events, s.root, mark.Atom, resource(has, dpiResource))
		}
		if err != nil {
			return err
		}
		wants := withResource(has, dpiResource, strconv.Itoa(now))
		if changed = wants != has; !changed {
			return nil
		}
		return setStringProperty(s.events, s.root, xproto.AtomResourceManager, wants)
	})
	return now, changed, err
}

// setScreenSize gives the screen a size in pixels, and the size in millimetres
// that goes with it.
func setScreenSize(conn *xgb.Conn, root xproto.Window, size image.Point, dpi int) error {
	millimetres := func(pixels int) uint32 { return uint32(max((pixels*254+5*dpi)/(10*dpi), 1)) }
	return randr.SetScreenSizeChecked(conn, root, uint16(size.X), uint16(size.Y),
		millimetres(size.X), millimetres(size.Y)).Check()
}

// alone does something while no other client is heard.
func alone(conn *xgb.Conn, do func() error) error {
	if err := xproto.GrabServerChecked(conn).Check(); err != nil {
		return err
	}
	defer func() { _ = xproto.UngrabServerChecked(conn).Check() }() // fails with its connection only
	return do()
}

// stringProperty returns a property of type STRING and whether there is one.
func stringProperty(conn *xgb.Conn, w xproto.Window, name xproto.Atom) (value string, ok bool, err error) {
	reply, err := xproto.GetProperty(conn, false, w, name, xproto.AtomString, 0, maxResources/4).Reply()
	if err != nil {
		return "", false, err
	}
	if reply.Format != 8 { // absent, or not text
		return "", false, nil
	}
	if reply.BytesAfter > 0 {
		return "", false, fmt.Errorf("property %d has more than %d bytes", name, maxResources)
	}
	return string(reply.Value), true, nil
}

func setStringProperty(conn *xgb.Conn, w xproto.Window, name xproto.Atom, value string) error {
	return xproto.ChangePropertyChecked(conn, xproto.PropModeReplace, w, name, xproto.AtomString, 8,
		uint32(len(value)), []byte(value)).Check()
}
