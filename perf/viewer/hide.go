package viewer

import "lucarne/signaling"

// Hide says that the page is hidden: after a few seconds it is sent nothing more, until it
// says otherwise.
func (v *Viewer) Hide() error {
	return v.send(signaling.Message{Type: "visibility", Hidden: true})
}
