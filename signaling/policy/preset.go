package policy

import (
	"slices"

	"lucarne/signaling/session"
)

// preset is what a file begins with, under a name that says what it is for.
type preset struct {
	name      string
	refuse    []session.Feature // to every role
	watermark *Watermark
}

// presets are all there are, the most open first.
var presets = [...]preset{
	{name: "open"},
	{name: "upload-only", refuse: []session.Feature{session.CopyOut, session.Download}},
	// What the CHAIMELEON project asks of its medical workstations: data comes in and
	// does not get out, and nobody looks who has not come through the platform.
	{
		name:      "medical",
		refuse:    []session.Feature{session.CopyOut, session.Download, session.Sharing},
		watermark: &Watermark{Text: "{session} {user} {time}", Opacity: defaultOpacity},
	},
	{name: "view-only", refuse: []session.Feature{
		session.Keyboard, session.Pointer, session.CopyIn, session.CopyOut, session.Resize, session.Upload, session.Download,
	}},
}

// defaultOpacity is that of a watermark that can be read and worked under.
const defaultOpacity = 0.15

// Roles are those that a policy speaks of, who may most first.
var roles = [...]session.Role{session.Owner, session.Controller, session.Watcher}

// apply makes a policy what the preset says.
func (p preset) apply(to *Policy) {
	to.Preset = p.name
	to.Session.Refuse = make(map[session.Role][]session.Feature)
	for _, role := range roles {
		to.Session.Refuse[role] = slices.Clone(p.refuse)
	}
	if p.watermark != nil {
		mark := *p.watermark
		to.Watermark = &mark
	}
}
