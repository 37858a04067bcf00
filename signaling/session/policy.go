package session

import "slices"

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

// Policy says which role may use which feature. The zero value refuses nothing
// that the role itself does not: a Watcher may look and no more.
type Policy struct {
	Refuse map[Role][]Feature
}

// Allows says whether a role may use a feature.
func (p Policy) Allows(r Role, f Feature) bool {
	if r == Watcher && f != Video {
		return false
	}
	return !slices.Contains(p.Refuse[r], f)
}

// Allowed lists the features that a role may use.
func (p Policy) Allowed(r Role) []Feature {
	var allowed []Feature
	for _, f := range [...]Feature{Video, Keyboard, Pointer, CopyIn, CopyOut, Resize} {
		if p.Allows(r, f) {
			allowed = append(allowed, f)
		}
	}
	return allowed
}

// controls says whether a role may touch the desktop, and so lead.
func (p Policy) controls(r Role) bool { return p.Allows(r, Keyboard) || p.Allows(r, Pointer) }

// human says whether using a feature shows that a person is there. A window
// that changes its size and a picture that moves do not.
func human(f Feature) bool { return f == Keyboard || f == Pointer || f == CopyIn }
