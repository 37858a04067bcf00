// Package session is the one place where it is decided who may do what: the
// viewers, their roles, the policy, who leads, and what is recorded of it. Only
// a Session holds the injector and the clipboard; transports get a *Viewer and
// can do nothing without it.
package session

// Role is what a viewer is to the session.
type Role string

// The roles.
const (
	Owner      Role = "owner"
	Controller Role = "controller"
	Watcher    Role = "viewer" // looks, touches nothing
)

// Feature is something that a policy can allow or refuse.
type Feature string

// The features.
const (
	Video    Feature = "video"
	Keyboard Feature = "keyboard"
	Pointer  Feature = "pointer"
	CopyIn   Feature = "copy-in"  // the viewer's clipboard to the desktop
	CopyOut  Feature = "copy-out" // the desktop's clipboard to the viewer
	Resize   Feature = "resize"
)
