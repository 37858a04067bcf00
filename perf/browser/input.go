package browser

import (
	"context"
	"fmt"
	"image"
)

// Modifier is a set of modifier keys held during an event.
type Modifier int

// The modifiers.
const (
	Alt Modifier = 1 << iota
	Ctrl
	Meta
	Shift
)

// Key is a key as a page sees it (W3C UI Events).
type Key struct {
	Code      string // KeyboardEvent.code, the physical key: "KeyA"
	Key       string // KeyboardEvent.key, what it means: "a", "Enter"
	Modifiers Modifier
	Repeat    bool // KeyboardEvent.repeat, for KeyDown
	// Command is what the browser itself makes of the key unless the page
	// prevents it, an editing command as "paste", for KeyDown. The protocol's
	// keys do not go through the system's bindings, which would know.
	Command string
}

// KeyDown presses a key, or repeats it.
func (p *Page) KeyDown(ctx context.Context, k Key) error {
	params := k.params("rawKeyDown")
	if len([]rune(k.Key)) == 1 && k.Modifiers&(Ctrl|Alt|Meta) == 0 {
		params["type"] = "keyDown"
		params["text"] = k.Key
	}
	params["autoRepeat"] = k.Repeat
	if k.Command != "" {
		params["commands"] = []string{k.Command}
	}
	return p.call(ctx, "Input.dispatchKeyEvent", params, nil)
}

// KeyUp lets go of a key.
func (p *Page) KeyUp(ctx context.Context, k Key) error {
	return p.call(ctx, "Input.dispatchKeyEvent", k.params("keyUp"), nil)
}

func (k Key) params(kind string) map[string]any {
	return map[string]any{
		"type": kind, "code": k.Code, "key": k.Key, "modifiers": k.Modifiers,
		"windowsVirtualKeyCode": k.virtual(),
	}
}

// virtual is the legacy key code, which Chromium wants for keys without text.
func (k Key) virtual() int {
	if len(k.Code) == 4 && k.Code[:3] == "Key" {
		return int(k.Code[3])
	}
	if len(k.Code) == 6 && k.Code[:5] == "Digit" {
		return int(k.Code[5])
	}
	return map[string]int{
		"Backspace": 8, "Tab": 9, "Enter": 13, "ShiftLeft": 16, "ControlLeft": 17, "AltLeft": 18, "Escape": 27, "Space": 32,
		"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Delete": 46,
	}[k.Code]
}

// Press presses a key and lets it go.
func (p *Page) Press(ctx context.Context, k Key) error {
	if err := p.KeyDown(ctx, k); err != nil {
		return err
	}
	return p.KeyUp(ctx, k)
}

// Type presses the keys of a US keyboard that give text, with Shift where it
// is needed. A character that such a keyboard has not is pressed without a code.
func (p *Page) Type(ctx context.Context, text string) error {
	shift := Key{Code: "ShiftLeft", Key: "Shift"}
	for _, r := range text {
		code, shifted := usKey(r)
		k := Key{Code: code, Key: string(r)}
		if r == '\n' {
			k.Key = "Enter"
		}
		if !shifted {
			if err := p.Press(ctx, k); err != nil {
				return err
			}
			continue
		}
		down := shift
		down.Modifiers = Shift
		k.Modifiers = Shift
		if err := p.KeyDown(ctx, down); err != nil {
			return err
		}
		if err := p.Press(ctx, k); err != nil {
			return err
		}
		if err := p.KeyUp(ctx, shift); err != nil {
			return err
		}
	}
	return nil
}

// usKey returns the code of the US key that gives r, and whether with Shift.
func usKey(r rune) (code string, shifted bool) {
	switch {
	case r >= 'a' && r <= 'z':
		return fmt.Sprintf("Key%c", r-'a'+'A'), false
	case r >= 'A' && r <= 'Z':
		return fmt.Sprintf("Key%c", r), true
	case r >= '0' && r <= '9':
		return fmt.Sprintf("Digit%c", r), false
	}
	for _, k := range [...]struct {
		plain, shifted rune
		code           string
	}{
		{' ', 0, "Space"}, {'\n', 0, "Enter"}, {'\t', 0, "Tab"},
		{'`', '~', "Backquote"}, {'-', '_', "Minus"}, {'=', '+', "Equal"}, {'[', '{', "BracketLeft"},
		{']', '}', "BracketRight"}, {'\\', '|', "Backslash"}, {';', ':', "Semicolon"}, {'\'', '"', "Quote"},
		{',', '<', "Comma"}, {'.', '>', "Period"}, {'/', '?', "Slash"},
		{0, '!', "Digit1"}, {0, '@', "Digit2"}, {0, '#', "Digit3"}, {0, '$', "Digit4"}, {0, '%', "Digit5"},
		{0, '^', "Digit6"}, {0, '&', "Digit7"}, {0, '*', "Digit8"}, {0, '(', "Digit9"}, {0, ')', "Digit0"},
	} {
		if k.plain == r {
			return k.code, false
		}
		if k.shifted == r {
			return k.code, true
		}
	}
	return "", false
}

// Button is a mouse button.
type Button string

// The buttons.
const (
	NoButton Button = "none"
	Left     Button = "left"
	Middle   Button = "middle"
	Right    Button = "right"
)

// mask is the button's bit in MouseEvent.buttons.
func (b Button) mask() int { return map[Button]int{Left: 1, Right: 2, Middle: 4}[b] }

// MouseMove moves the pointer to a position in CSS pixels, with held pressed
// on the way (a drag) or NoButton.
func (p *Page) MouseMove(ctx context.Context, to image.Point, held Button) error {
	return p.mouse(ctx, "mouseMoved", to, held, held.mask())
}

// MouseDown presses a button.
func (p *Page) MouseDown(ctx context.Context, at image.Point, b Button) error {
	return p.mouse(ctx, "mousePressed", at, b, b.mask())
}

// MouseUp lets go of a button.
func (p *Page) MouseUp(ctx context.Context, at image.Point, b Button) error {
	return p.mouse(ctx, "mouseReleased", at, b, 0)
}

// Click moves to a position, presses a button and lets it go.
func (p *Page) Click(ctx context.Context, at image.Point, b Button) error {
	if err := p.MouseMove(ctx, at, NoButton); err != nil {
		return err
	}
	if err := p.MouseDown(ctx, at, b); err != nil {
		return err
	}
	return p.MouseUp(ctx, at, b)
}

func (p *Page) mouse(ctx context.Context, kind string, at image.Point, b Button, buttons int) error {
	params := map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": b, "buttons": buttons, "pointerType": "mouse"}
	if kind != "mouseMoved" {
		params["clickCount"] = 1
	}
	return p.call(ctx, "Input.dispatchMouseEvent", params, nil)
}

// Wheel turns the wheel by CSS pixels, right and down positive.
func (p *Page) Wheel(ctx context.Context, at, delta image.Point) error {
	return p.call(ctx, "Input.dispatchMouseEvent", map[string]any{
		"type": "mouseWheel", "x": at.X, "y": at.Y, "deltaX": delta.X, "deltaY": delta.Y, "pointerType": "mouse",
	}, nil)
}

// Touch puts fingers at positions; moving them is another Touch, none lifts them all.
func (p *Page) Touch(ctx context.Context, fingers ...image.Point) error {
	return p.touch(ctx, "touchStart", fingers)
}

// TouchMove moves the fingers that are down.
func (p *Page) TouchMove(ctx context.Context, fingers ...image.Point) error {
	return p.touch(ctx, "touchMove", fingers)
}

// TouchEnd lifts all fingers.
func (p *Page) TouchEnd(ctx context.Context) error { return p.touch(ctx, "touchEnd", nil) }

func (p *Page) touch(ctx context.Context, kind string, fingers []image.Point) error {
	points := make([]map[string]int, len(fingers))
	for i, f := range fingers {
		points[i] = map[string]int{"x": f.X, "y": f.Y, "id": i}
	}
	return p.call(ctx, "Input.dispatchTouchEvent", map[string]any{"type": kind, "touchPoints": points}, nil)
}
