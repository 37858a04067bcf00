package synth_test

import (
	"bytes"
	"image"
	"testing"

	"lucarne/capture"
	"lucarne/capture/synth"
)

func luma(f *capture.Frame) []byte {
	out := make([]byte, f.Size.X*f.Size.Y)
	for i := range out {
		out[i] = f.Pix[4*i+1]
	}
	return out
}

func TestPicturesAreDeterministicAndNumbered(t *testing.T) {
	a := synth.New(synth.Config{Size: image.Pt(321, 201)})
	b := synth.New(synth.Config{Size: image.Pt(321, 201)})
	var fa, fb capture.Frame
	for want := range uint32(300) {
		if a.Grab(&fa) != nil || b.Grab(&fb) != nil {
			t.Fatal("grab failed")
		}
		if !bytes.Equal(fa.Pix, fb.Pix) {
			t.Fatalf("picture %d differs between two sources", want)
		}
		if got, ok := synth.Number(luma(&fa), fa.Size.X, fa.Size); !ok || got != want {
			t.Fatalf("number %d, %v; want %d", got, ok, want)
		}
	}
}

func TestDamageCoversEveryChange(t *testing.T) {
	s := synth.New(synth.Config{Size: image.Pt(300, 200)})
	var f capture.Frame
	if err := s.Grab(&f); err != nil {
		t.Fatal(err)
	}
	if f.Damage[0] != image.Rect(0, 0, 300, 200) {
		t.Errorf("first damage %v, want everything", f.Damage)
	}
	for range 100 {
		before := bytes.Clone(f.Pix)
		if err := s.Grab(&f); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(before); i += 4 {
			if bytes.Equal(before[i:i+4], f.Pix[i:i+4]) {
				continue
			}
			at := image.Pt(i/4%300, i/4/300)
			covered := false
			for _, r := range f.Damage {
				covered = covered || at.In(r)
			}
			if !covered {
				t.Fatalf("picture %d changed at %v, outside its damage %v", f.Seq, at, f.Damage)
			}
		}
	}
}

func TestResizeAndEnd(t *testing.T) {
	s := synth.New(synth.Config{Size: image.Pt(300, 200), Frames: 2})
	var f capture.Frame
	if err := s.Grab(&f); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Resize(image.Pt(41, 31)); err != nil || got != image.Pt(41, 31) {
		t.Errorf("resize: %v, %v", got, err)
	}
	for _, absurd := range []image.Point{{}, {100000, 1}, {-1, 5}} {
		if _, err := s.Resize(absurd); err == nil {
			t.Errorf("resize to %v was accepted", absurd)
		}
	}
	if err := s.Grab(&f); err != nil || f.Size != image.Pt(41, 31) || f.Damage[0].Size() != f.Size {
		t.Errorf("after the resize: size %v, damage %v, %v", f.Size, f.Damage, err)
	}
	if err := s.Grab(&f); err == nil {
		t.Error("grabbed beyond the last picture")
	}
}
