package xclient

import (
	"image"
	"os/exec"
	"testing"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
)

// TestPhotoOfATerminal: a terminal's text is read off the screen, and a photo shows it again.
func TestPhotoOfATerminal(t *testing.T) {
	if _, err := exec.LookPath("xterm"); err != nil {
		t.Skip("xterm is not installed")
	}
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(800, 600)})
	bounds := image.Rect(48, 48, 48+480, 48+260)
	text, err := Terminal(t.Context(), plan.Display, bounds)
	if err != nil {
		t.Fatal(err)
	}
	dark := 0
	for i := 0; i < len(text.Pix); i += 4 {
		if text.Pix[i] < 64 {
			dark++
		}
	}
	if part := float64(dark) / float64(len(text.Pix)/4); part < 0.02 || part > 0.5 {
		t.Errorf("%.1f %% of the terminal is ink, want as much as text has", 100*part)
	}
	w, err := Open(plan.Display, bounds, 0x2060c0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	photo, err := NewPhoto(w, text)
	if err != nil {
		t.Fatal(err)
	}
	defer photo.Close()
	if _, err := photo.Draw(7); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
	shown, err := w.Look()
	if err != nil {
		t.Fatal(err)
	}
	want := photo.Picture(7)
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			if shown.RGBAAt(x, y) != want.RGBAAt(x, y) {
				t.Fatalf("%d, %d is %v, want %v", x, y, shown.RGBAAt(x, y), want.RGBAAt(x, y))
			}
		}
	}
	if number, ok := ReadNumber(shown); !ok || number != 7 {
		t.Errorf("the photo's number is %d, %v; want 7", number, ok)
	}
	if _, err := NewPhoto(w, image.NewRGBA(image.Rect(0, 0, 8, 8))); err == nil {
		t.Error("a photo of another size was taken")
	}
}
