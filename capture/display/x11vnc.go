package display

import (
	"fmt"
	"os/exec"
)

// X11vnc returns the command of an x11vnc that serves one VNC client of the
// display called name. The connection is its standard input and output; it ends
// with the connection, and listens nowhere. Where it is not installed the error
// wraps exec.ErrNotFound and names the Debian package.
//
// It has no clipboard (-nosel), takes no command from the display and starts no
// program (-safer, -nocmds), and leaves the display's key repeat alone, which is
// the session's.
func X11vnc(name string) ([]string, error) {
	program, err := exec.LookPath("x11vnc")
	if err != nil {
		return nil, fmt.Errorf("display: %w: install the Debian package x11vnc", err)
	}
	return []string{program, "-inetd", "-display", name,
		"-norc", // a configuration of the user's would be for another use
		"-nosel", "-safer", "-nocmds", "-noultraext", "-nopw", "-shared", "-repeat", "-nobell",
		"-xrandr", "newfbsize", // the screen may be given another size
		"-nowireframe", "-noscrollcopyrect", // show what there is, not what a guess makes of it
		"-wait", "5", "-defer", "1", // ms between two looks, and before an update
		"-sb", "0", // no slumber in which the first change would take 1.5 s
		"-quiet",
	}, nil
}
