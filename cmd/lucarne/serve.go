package main

import (
	"context"
	"errors"
	"io"

	"lucarne/capture"
)

// serveCmd is lucarne serve.
type serveCmd struct {
	desktopFlags
	Display string `env:"LUCARNE_DISPLAY,DISPLAY" placeholder:":N" help:"The X display to show. Its cookie is found as X clients find it: by XAUTHORITY, else in ~/.Xauthority."`
	Wait    bool   `help:"Serve the page although there is no display yet, and wait for one."`
}

// Run serves the display until ctx is done.
func (c *serveCmd) Run(ctx context.Context, stdout io.Writer) error {
	if c.Display == "" && !c.Wait {
		return exitError{exitNoDisplay, errors.New("no display: DISPLAY is not set; name one with --display, or start one with lucarne up")}
	}
	d, err := newDesktop(&c.desktopFlags, gpu{})
	if err != nil {
		return err
	}
	defer d.close()
	d.display = c.Display
	// The first display is opened before anything is served, for those who want
	// to know at once whether there is one.
	var first capture.Source
	if !c.Wait {
		if first, err = d.attach(xDisplay{name: c.Display}); err != nil {
			return openError(c.Display, err)
		}
	}
	return d.run(ctx, stdout, func(context.Context) (capture.Source, error) {
		if source := first; source != nil {
			first = nil
			return source, nil
		}
		return d.attach(xDisplay{name: c.Display})
	})
}
