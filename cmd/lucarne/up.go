package main

import (
	"context"
	"io"

	"lucarne/capture"
)

// upCmd is lucarne up.
type upCmd struct {
	desktopFlags
	Xserver      string    `enum:"auto,Xvnc,Xvfb,Xorg" default:"auto" group:"Desktop" help:"X server to start: ${enum}; auto is Xvnc where it is installed, else Xvfb; Xorg runs with its dummy driver."`
	Size         pixelSize `default:"1920x1080" group:"Desktop" help:"Size of the screen to begin with, in pixels."`
	Session      string    `placeholder:"COMMAND" group:"Desktop" help:"Shell command that runs the desktop; started again when it ends. Default: Xfce, LXQt, MATE or LXDE, else openbox with an xterm, as far as they are installed."`
	Dbus         string    `enum:"auto,off" default:"auto" group:"Desktop" help:"auto: a D-Bus session bus of the desktop's own, where dbus-daemon is installed. off: none."`
	Pulse        string    `enum:"auto,off" default:"auto" group:"Desktop" help:"auto: a PulseAudio of the desktop's own, where it is installed. off: none."`
	Language     string    `env:"LUCARNE_LANGUAGE,KF_LANG" placeholder:"en|fr" group:"Desktop" help:"Language of the session: en or fr. Default: as LANG says."`
	HomeTemplate string    `default:"/opt/lucarne/home" placeholder:"DIR" group:"Desktop" help:"Copy into the home, at start, what it lacks of this directory: an image's own home is hidden by a volume that is mounted over it."`
}

// Run starts the desktop and serves it until ctx is done.
func (c *upCmd) Run(ctx context.Context, stdout io.Writer) error {
	d, err := openDesktop(&c.desktopFlags, gpu{})
	if err != nil {
		return err
	}
	defer d.close()
	h, err := c.household(d)
	if err != nil {
		return err
	}
	defer h.close()
	d.ours, d.processes = true, h
	if err := d.wire(); err != nil {
		return err
	}
	return d.run(ctx, stdout, func(ctx context.Context) (capture.Source, error) { return h.open(ctx, d) }, h.Run)
}
