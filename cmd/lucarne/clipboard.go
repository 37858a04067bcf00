package main

import "fmt"

// clipboardFlags say what clipboards carry.
type clipboardFlags struct {
	ClipboardMax int  `default:"16" group:"Clipboard" help:"MiB of one content of the clipboard at most, text, HTML and picture together, either way."`
	Primary      bool `group:"Clipboard" help:"Let pages share what is marked with the mouse (the selection PRIMARY) as they share the clipboard. Each page asks for it in its settings."`
}

func (f *clipboardFlags) validate() error {
	if f.ClipboardMax < 1 || f.ClipboardMax > 256 {
		return fmt.Errorf("--clipboard-max %d: 1 to 256", f.ClipboardMax)
	}
	return nil
}

// maxClipboard is how much a content may have, in bytes.
func (f *clipboardFlags) maxClipboard() int { return f.ClipboardMax << 20 }
