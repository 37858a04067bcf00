package main

import (
	"context"
	"errors"
	"fmt"
	"image"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/x11"
	"lucarne/input/clipboard"
	"lucarne/input/xtest"
	"lucarne/signaling/session"
)

// xDisplay says which display is shown.
type xDisplay struct {
	name string
	size image.Point // given to the screen at first; zero: as it is
}

// attach opens the display: its pictures for the screen, and its keyboard,
// pointer and clipboard for the session, which has them until the source is
// closed.
func (d *desktop) attach(x xDisplay) (capture.Source, error) {
	source, err := x11.Open(x11.Config{Display: x.name, Size: x.size, Log: d.log})
	if err != nil {
		return nil, err
	}
	injector, err := xtest.Open(xtest.Config{Display: x.name, Connect: display.Connect, Log: d.log})
	if err != nil {
		source.Close()
		return nil, err
	}
	conns := new(display.Conns)
	selections, err := clipboard.Open(clipboard.Config{
		Display: x.name, Connect: conns.Connect, MaxBytes: d.flags.maxClipboard(), Primary: d.flags.Primary, Log: d.log,
	})
	if err != nil {
		source.Close()
		injector.Close()
		return nil, err
	}
	d.session.SetHands(injector, selections)
	return d.marked(&attached{Source: source, injector: injector, selections: selections, conns: conns, session: d.session})
}

// attached is an X display whose hands are the session's.
type attached struct {
	*x11.Source
	injector   *xtest.Injector
	selections *clipboard.Clipboard
	conns      *display.Conns // the clipboard's
	session    *session.Session
}

// Run handles the events of the display and of its clipboard until ctx is done
// or the display has gone.
func (a *attached) Run(ctx context.Context) error {
	// A server that is stopped answers nothing, not even a goodbye.
	defer context.AfterFunc(ctx, a.conns.Close)()
	return inOrder(ctx, a.selections.Run, a.Source.Run)
}

// Close takes the hands away from the session and disconnects.
func (a *attached) Close() error {
	a.session.SetHands(nil, nil)
	return errors.Join(a.injector.Close(), a.selections.Close(), a.Source.Close())
}

// openError words why a display cannot be shown, with the exit code of it.
func openError(name string, err error) error {
	if missing := (*display.ExtensionError)(nil); errors.As(err, &missing) {
		return exitError{exitExtension, fmt.Errorf("display %q cannot be shown: %w", name, err)}
	}
	return exitError{exitNoDisplay, fmt.Errorf("no display %q: %w; start it, name another with --display, wait for it with --wait, or start one with lucarne up", name, err)}
}
