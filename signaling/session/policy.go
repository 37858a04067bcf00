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
	Limiting Feature = "limits"   // to bound what one's own video takes
	Giving   Feature = "give"     // to see who is here, and to hand control over and take it back
	Sharing  Feature = "share"    // to make links by which others come
	Upload   Feature = "upload"   // files to the desktop
	Download Feature = "download" // files from it
	Awaking  Feature = "awake"    // to keep an idle desktop from being stopped
)

// features are all there are, in the order in which a page is told of them.
var features = [...]Feature{Video, Keyboard, Pointer, CopyIn, CopyOut, Resize, Limiting, Giving, Sharing, Upload, Download, Awaking}

// Policy says which role may use which feature. The zero value refuses nothing
// that the role itself does not: a Watcher may look and no more, a Controller
// may not share.
type Policy struct {
	Refuse map[Role][]Feature
	Copies map[Feature]CopyLimits // of CopyIn and CopyOut
	// ControllersShare lets Controllers make links, which allow no more and last no
	// longer than their own.
	ControllersShare bool
}

// Allows says whether a role may use a feature.
func (p Policy) Allows(r Role, f Feature) bool {
	switch {
	case r == Watcher && f != Video, r == Controller && f == Sharing && !p.ControllersShare:
		return false
	}
	return !slices.Contains(p.Refuse[r], f)
}

// allowsAs says whether who came in one role may use a feature while acting in
// another, which control lends: it lends nothing that
// concerns other people, what lies on the desktop's disk or how long it lives, and no
// picture, which would stay when control is taken back.
func (p Policy) allowsAs(own, acting Role, f Feature) bool {
	switch f {
	case Video, Giving, Sharing, Upload, Download, Awaking:
		return p.Allows(own, f)
	}
	return p.Allows(acting, f)
}

// Refusal is why a viewer may not use a feature.
type Refusal string

// The refusals.
const (
	ByRole   Refusal = "role"   // nobody of this role may
	ByPolicy Refusal = "policy" // the policy says so
	ByAudit  Refusal = "audit"  // it has to be recorded and cannot be now
)

// Allowed lists the features that a role may use.
func (p Policy) Allowed(r Role) []Feature {
	var allowed []Feature
	for _, f := range features {
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
func human(f Feature) bool {
	return f == Keyboard || f == Pointer || f == CopyIn || f == Giving || f == Sharing || f == Upload || f == Download || f == Awaking
}
