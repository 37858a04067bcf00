package input

// Layout names a keyboard layout as XKB does (xkeyboard-config, rules/base.lst).
type Layout struct {
	Name    string // "fr"; "": none or unknown
	Variant string // "" the layout's own
}

// Layouts returns those that a LayoutSetter knows.
func Layouts() []Layout {
	return []Layout{
		{"us", ""}, {"gb", ""}, {"fr", ""}, {"ca", ""}, {"de", ""},
		{"it", ""}, {"es", ""}, {"ch", ""}, {"ch", "fr"}, {"jp", ""},
	}
}

// LayoutSetter is an Injector that can give the display's keyboard another
// layout, for all programs on it, until Close.
type LayoutSetter interface {
	// SetLayout puts a layout in force; the zero Layout is the one that the
	// display had. One that is not among Layouts is an ErrInexpressible.
	SetLayout(Layout) error
	// Layout returns the one in force; zero: unknown.
	Layout() Layout
}
