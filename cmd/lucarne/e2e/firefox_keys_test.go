package e2e

import (
	"image"
	"slices"
	"testing"
)

// TestFirefoxKeys: every character of an American keyboard, those that come
// without a key of their own, and keys that are let go when another tab comes up.
func TestFirefoxKeys(t *testing.T) {
	d := newAgentDesk(t, &setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	fox := startFirefox(d.ctx, t, image.Pt(1280, 720))
	fox.navigate(d.url("?resize=off&transport=ws"))
	fox.wait(`document.documentElement.dataset.state === "connected" && lucarne.stats().width > 0`)
	fox.click(image.Pt(600, 600))
	text := ""
	for c := ' '; c <= '~'; c++ {
		text += string(c)
	}
	text += "éàñß€Ωж日😀"
	fox.typeText(text)
	want := keysyms(text)
	poll(t, "typed text", func() bool { return len(r.printable()) >= len(want) && r.held() == 0 })
	if got := r.printable(); !slices.Equal(got, want) {
		t.Errorf("keysyms\n got %x\nwant %x", got, want)
	}

	fox.perform(map[string]any{"type": "key", "id": "keyboard", "actions": []any{map[string]any{"type": "keyDown", "value": "k"}}})
	poll(t, "held key", func() bool { return r.held() == 1 })
	fox.call("browsingContext.create", map[string]any{"type": "tab"}, nil)
	poll(t, "release", func() bool { return r.held() == 0 })
}
