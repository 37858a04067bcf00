package main

import (
	"cmp"
	"errors"
	"os"
	"os/user"
	"path"
	"strconv"
	"strings"

	"lucarne/capture"
	"lucarne/capture/watermark"
)

// vncOffMarked is why there is no VNC where there is a watermark: VNC shows what is on
// the display, and not the picture that the text is drawn into.
const vncOffMarked = "vnc-watermark-off"

// marked returns the display with the policy's watermark over it, or as it is. After an
// error it is closed.
func (d *desktop) marked(display watermark.Display) (capture.Source, error) {
	mark := d.policy.Watermark
	if mark == nil {
		return display, nil
	}
	text, err := watermark.ParseText(mark.Text)
	if err != nil {
		return nil, errors.Join(err, display.Close())
	}
	return watermark.New(display, watermark.Config{Text: text, Fields: markFields(os.Getenv), Opacity: mark.Opacity}), nil
}

// vncOff is the reason code for there being no VNC server; "": there is none because
// none was asked for.
func (d *desktop) vncOff() string {
	if d.policy.Watermark != nil {
		return vncOffMarked
	}
	return ""
}

// markFields are what a watermark can name, as the platform says it. Kubeflow names whoever
// a notebook is for by its namespace alone: NB_USER is the same for everybody there.
func markFields(env func(string) string) watermark.Fields {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	profile, notebook := kubeflowNotebook(env("NB_PREFIX"))
	return watermark.Fields{
		Session: cmp.Or(env("JUPYTERHUB_SERVER_NAME"), notebook, host),
		User:    cmp.Or(env("JUPYTERHUB_USER"), profile, env("NB_USER"), loginName()),
		Host:    host,
	}
}

// kubeflowNotebook reads /notebook/<namespace>/<name>; other prefixes name nothing.
func kubeflowNotebook(prefix string) (namespace, name string) {
	parts := strings.Split(strings.Trim(path.Clean(prefix), "/"), "/")
	if len(parts) != 3 || parts[0] != "notebook" {
		return "", ""
	}
	return parts[1], parts[2]
}

// loginName is the name of who runs this process, or the number where there is no name.
func loginName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}
