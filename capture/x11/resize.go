package x11

import (
	"errors"
	"fmt"
	"image"
	"math"
	"strings"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"
)

const (
	// modePrefix marks the modes that we made.
	modePrefix = "lucarne-"
	// maxSide is the largest width or height in pixels: positions are signed
	// 16-bit numbers.
	maxSide = math.MaxInt16
	// refreshHz is what a mode of ours claims. No monitor ever shows it, but
	// some programs draw at this rate.
	refreshHz = 60
)

// Resize implements capture.Resizer by RANDR 1.3: it makes a mode of exactly
// this size and switches the first output to it. What is beyond the server's
// limits (Xvfb: at most the size that it was started with; Xvnc: at least 32×32)
// is brought within them, each side by itself. Sides below 1 or above 32767 are
// refused. After an error the screen has the size it had.
func (s *Source) Resize(size image.Point) (image.Point, error) {
	s.resizing.Lock()
	defer s.resizing.Unlock()
	if size.X < 1 || size.Y < 1 || size.X > maxSide || size.Y > maxSide {
		return image.Point{}, fmt.Errorf("x11: resize to %dx%d: each side has to be 1 to %d pixels", size.X, size.Y, maxSide)
	}
	var now image.Point
	err := alone(s.events, func() (err error) {
		now, err = resize(s.events, s.root, size, s.dpi, s.dpi != s.claimed)
		return err
	})
	if err != nil {
		return image.Point{}, fmt.Errorf("x11: resize to %dx%d: %w", size.X, size.Y, lost(err))
	}
	s.claimed = s.dpi
	return now, nil
}

// resize asks for a size and returns the size then. No other client is heard
// meanwhile. anew: also a screen that has the size is to claim the dpi.
func resize(conn *xgb.Conn, root xproto.Window, size image.Point, dpi int, anew bool) (image.Point, error) {
	limits, err := randr.GetScreenSizeRange(conn, root).Reply()
	if err != nil {
		return image.Point{}, err
	}
	size.X = min(max(size.X, int(limits.MinWidth)), int(limits.MaxWidth))
	size.Y = min(max(size.Y, int(limits.MinHeight)), int(limits.MaxHeight))
	had, err := xproto.GetGeometry(conn, xproto.Drawable(root)).Reply()
	if err != nil {
		return image.Point{}, err
	}
	if size == image.Pt(int(had.Width), int(had.Height)) {
		if anew {
			err = setScreenSize(conn, root, size, dpi)
		}
		return size, err
	}
	o, err := findOutput(conn, root)
	if err != nil {
		return image.Point{}, err
	}
	o.dpi = dpi
	mode, err := o.mode(size)
	if err != nil {
		return image.Point{}, err
	}
	before := o.config
	if err := o.change(size, mode, randr.RotationRotate0); err != nil {
		back := o.change(image.Pt(int(had.Width), int(had.Height)), before.Mode, before.Rotation)
		o.forget(before.Mode)
		return image.Point{}, errors.Join(err, back)
	}
	o.forget(mode)
	return size, nil
}

// output is an output of the screen and the CRTC that drives it.
type output struct {
	conn      *xgb.Conn
	root      xproto.Window
	dpi       int // that the screen is to have
	resources *randr.GetScreenResourcesCurrentReply
	id        randr.Output
	info      *randr.GetOutputInfoReply
	crtc      randr.Crtc
	config    *randr.GetCrtcInfoReply
}

// findOutput returns the first output that is connected, one that is on if
// there is one.
func findOutput(conn *xgb.Conn, root xproto.Window) (*output, error) {
	resources, err := randr.GetScreenResourcesCurrent(conn, root).Reply()
	if err != nil {
		return nil, err
	}
	var found *output
	for _, id := range resources.Outputs {
		info, err := randr.GetOutputInfo(conn, id, resources.ConfigTimestamp).Reply()
		if err != nil {
			return nil, err
		}
		if info.Connection == randr.ConnectionDisconnected || len(info.Crtcs) == 0 {
			continue
		}
		if on := info.Crtc != 0; on || found == nil {
			found = &output{conn: conn, root: root, resources: resources, id: id, info: info, crtc: info.Crtc}
			if on {
				break
			}
		}
	}
	if found == nil {
		return nil, errors.New("the screen has no output")
	}
	if found.crtc == 0 {
		found.crtc = found.info.Crtcs[0]
	}
	found.config, err = randr.GetCrtcInfo(conn, found.crtc, resources.ConfigTimestamp).Reply()
	return found, err
}

// mode returns a mode of this size that the output knows, made if need be.
func (o *output) mode(size image.Point) (randr.Mode, error) {
	if o.config.Mode != 0 && o.has(o.config.Mode, size) {
		return o.config.Mode, nil
	}
	for _, mode := range o.info.Modes {
		if o.has(mode, size) {
			return mode, nil
		}
	}
	mode, err := o.createMode(size)
	if err != nil {
		return 0, fmt.Errorf("make a mode: %w", err)
	}
	if err := randr.AddOutputModeChecked(o.conn, o.id, mode).Check(); err != nil {
		randr.DestroyMode(o.conn, mode)
		return 0, fmt.Errorf("add the mode to the output: %w", err)
	}
	o.info.Modes = append(o.info.Modes, mode)
	return mode, nil
}

// has reports whether the mode has this size.
func (o *output) has(mode randr.Mode, size image.Point) bool {
	for _, m := range o.resources.Modes {
		if randr.Mode(m.Id) == mode {
			return image.Pt(int(m.Width), int(m.Height)) == size
		}
	}
	return false
}

func (o *output) createMode(size image.Point) (randr.Mode, error) {
	name := fmt.Sprintf("%s%dx%d", modePrefix, size.X, size.Y)
	for mode, other := range o.ours() {
		if other == name {
			return mode, nil // left behind by somebody who was killed
		}
	}
	width, height := uint16(size.X), uint16(size.Y)
	info := randr.ModeInfo{
		Width: width, HsyncStart: width, HsyncEnd: width, Htotal: width,
		Height: height, VsyncStart: height, VsyncEnd: height, Vtotal: height,
		DotClock: uint32(min(size.X*size.Y*refreshHz, math.MaxUint32)),
		NameLen:  uint16(len(name)),
	}
	reply, err := randr.CreateMode(o.conn, o.root, info, name).Reply()
	if err != nil {
		return 0, err
	}
	o.resources.Modes = append(o.resources.Modes, info)
	o.resources.Modes[len(o.resources.Modes)-1].Id = uint32(reply.Mode)
	o.resources.Names = append(o.resources.Names, name...)
	return reply.Mode, nil
}

// ours returns the modes that we made, by their names.
func (o *output) ours() map[randr.Mode]string {
	ours := make(map[randr.Mode]string)
	names := o.resources.Names
	for _, m := range o.resources.Modes {
		name := string(names[:min(int(m.NameLen), len(names))])
		names = names[len(name):]
		if strings.HasPrefix(name, modePrefix) {
			ours[randr.Mode(m.Id)] = name
		}
	}
	return ours
}

// change gives the screen a size and the output a mode. The CRTC is off in
// between: neither may ever be larger than the screen.
func (o *output) change(size image.Point, mode randr.Mode, rotation uint16) error {
	if err := o.configure(0, randr.RotationRotate0, nil); err != nil {
		return fmt.Errorf("switch the output off: %w", err)
	}
	if err := setScreenSize(o.conn, o.root, size, o.dpi); err != nil {
		return fmt.Errorf("set the screen's size: %w", err)
	}
	if mode == 0 {
		return nil // it was off
	}
	if err := o.configure(mode, rotation, []randr.Output{o.id}); err != nil {
		return fmt.Errorf("switch the output on: %w", err)
	}
	return nil
}

func (o *output) configure(mode randr.Mode, rotation uint16, outputs []randr.Output) error {
	reply, err := randr.SetCrtcConfig(o.conn, o.crtc, xproto.TimeCurrentTime, o.resources.ConfigTimestamp,
		0, 0, mode, rotation, outputs).Reply()
	if err != nil {
		return err
	}
	if reply.Status != randr.SetConfigSuccess {
		return fmt.Errorf("the X server says status %d", reply.Status)
	}
	return nil
}

// forget removes the modes that we made, but for the one in use.
func (o *output) forget(inUse randr.Mode) {
	for mode := range o.ours() {
		if mode != inUse {
			randr.DeleteOutputMode(o.conn, o.id, mode)
			randr.DestroyMode(o.conn, mode)
		}
	}
}
