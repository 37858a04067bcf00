package peer

import "lucarne/capture/display"

// Lucarne is the program at path bin, with an Xvnc without VNC. The query
// ("codec=vp8&transport=webrtc") goes into the page's URL; it may be empty. Flags are
// those of lucarne serve, beside what it needs.
func Lucarne(bin, query string, flags ...string) Spec {
	url := "http://{host}:{port}/?resize=off"
	if query != "" {
		url += "&" + query
	}
	return Spec{
		Name:    "lucarne",
		Server:  display.Xvnc,
		Command: [][]string{append([]string{bin, "serve", "--display", "{display}", "--listen", "{host}:{port}", "--auth", "none", "--files", "{dir}/files"}, flags...)},
		URL:     url,
		Version: []string{bin, "--version"},
		Needs:   map[string]string{bin: "make build"},
	}
}

// VNC is TigerVNC's Xvnc with websockify and noVNC, as Debian has them.
func VNC() Spec {
	return Spec{
		Name:    "vnc",
		Server:  display.Xvnc,
		VNC:     true,
		Command: [][]string{websockify()},
		URL:     noVNC,
		Version: versions("tigervnc-standalone-server", "websockify", "novnc"),
		Needs:   needsNoVNC(),
	}
}

// X11VNC is x11vnc on an Xvfb, with websockify and noVNC, as Debian has them.
func X11VNC() Spec {
	needs := needsNoVNC()
	needs["x11vnc"] = "apt install x11vnc"
	return Spec{
		Name:   "x11vnc",
		Server: display.Xvfb,
		Command: [][]string{
			{"x11vnc", "-display", "{display}", "-localhost", "-rfbport", "{rfbport}", "-nopw", "-forever", "-shared"},
			websockify(),
		},
		URL:     noVNC,
		Version: versions("x11vnc", "xvfb", "websockify", "novnc"),
		Needs:   needs,
	}
}

// Floor is the least that a page can do: it is served by this process, has no X
// display and no programs, and is drawn on by Peer.Floor.
func Floor() Spec {
	return Spec{Name: "floor", URL: "http://{host}:{port}/", floor: true}
}

// Image is a page with one <img> of the display's size, from the floor's server: the
// least that a page has to load before there is a picture. What is drawn it does not show.
func Image() Spec {
	return Spec{Name: "image", URL: "http://{host}:{port}/image.html", floor: true, still: true}
}

const (
	noVNCFiles = "/usr/share/novnc"
	noVNC      = "http://{host}:{port}/vnc.html?autoconnect=1&resize=off"
)

func websockify() []string {
	return []string{"websockify", "--web", noVNCFiles, "{host}:{port}", "127.0.0.1:{rfbport}"}
}

func needsNoVNC() map[string]string {
	return map[string]string{"websockify": "apt install websockify", noVNCFiles + "/vnc.html": "apt install novnc"}
}

// versions asks Debian for the versions of packages.
func versions(packages ...string) []string {
	return append([]string{"dpkg-query", "--show", "--showformat", "${Package} ${Version}  "}, packages...)
}
