package xclient

import "image"

// Patch is one field of the colour chart.
type Patch struct {
	Name   string
	Colour RGB
	Bounds image.Rectangle // in the window's pixels
}

// chartPatch is the side of a patch in pixels: its middle is far from any edge.
const chartPatch = 96

// Chart returns the patches of a colour chart that fits into 8 by 3 patches of
// 96 pixels: primaries and their mixtures, greys, skin tones.
func Chart() []Patch {
	patches := []Patch{
		{Name: "red", Colour: 0xff0000}, {Name: "green", Colour: 0x00ff00}, {Name: "blue", Colour: 0x0000ff},
		{Name: "cyan", Colour: 0x00ffff}, {Name: "magenta", Colour: 0xff00ff}, {Name: "yellow", Colour: 0xffff00},
		{Name: "orange", Colour: 0xe07b20}, {Name: "violet", Colour: 0x5a3f8f},
		{Name: "black", Colour: 0x000000}, {Name: "grey 20", Colour: 0x141414}, {Name: "grey 64", Colour: 0x404040},
		{Name: "grey 110", Colour: 0x6e6e6e}, {Name: "grey 128", Colour: 0x808080}, {Name: "grey 192", Colour: 0xc0c0c0},
		{Name: "grey 235", Colour: 0xebebeb}, {Name: "white", Colour: 0xffffff},
		{Name: "skin 1", Colour: 0xf6ded1}, {Name: "skin 2", Colour: 0xe8b898}, {Name: "skin 3", Colour: 0xc68863},
		{Name: "skin 4", Colour: 0x93614a}, {Name: "skin 5", Colour: 0x5c3a28}, {Name: "sky", Colour: 0x5f8fc0},
		{Name: "leaf", Colour: 0x576c43}, {Name: "paper", Colour: 0xfdf6e3},
	}
	for i := range patches {
		corner := image.Pt(i%8, i/8).Mul(chartPatch)
		patches[i].Bounds = image.Rectangle{Max: image.Pt(chartPatch, chartPatch)}.Add(corner)
	}
	return patches
}

// DrawChart draws the colour chart and returns when the server has done so.
func (w *Window) DrawChart() error {
	for _, p := range Chart() {
		w.Fill(p.Bounds, p.Colour)
	}
	return w.Sync()
}
