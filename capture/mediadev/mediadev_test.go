package mediadev

import (
	"errors"
	"image"
	"image/color"
	"io"
	"testing"

	"github.com/pion/mediadevices"
	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/prop"
	"go.uber.org/goleak"

	"lucarne/capture"
	"lucarne/capture/synth"
	"lucarne/encode"
	"lucarne/encode/encodetest/vp8dec"
	encoders "lucarne/encode/mediadev"
	"lucarne/encode/vpx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestImage(t *testing.T) {
	f := capture.Frame{
		Pix:    []byte{1, 2, 3, 0, 4, 5, 6, 0, 99, 99, 99, 99, 7, 8, 9, 0, 10, 11, 12, 0},
		Stride: 12, Size: image.Pt(2, 2), Seq: 5, Damage: []image.Rectangle{image.Rect(1, 0, 2, 1)},
	}
	var m Image
	m.copyOf(&f)
	clear(f.Pix)
	for at, want := range map[image.Point]color.Color{
		{}:                 color.RGBA{3, 2, 1, 255},
		image.Pt(1, 1):     color.RGBA{12, 11, 10, 255},
		image.Pt(2, 0):     color.RGBA{},
		image.Pt(-1, 1000): color.RGBA{},
	} {
		if got := m.At(at.X, at.Y); got != want {
			t.Errorf("pixel %v = %v, want %v", at, got, want)
		}
	}
	var back capture.Frame
	m.Frame(&back)
	if back.Seq != 5 || back.Size != f.Size || len(back.Damage) != 1 || back.Damage[0] != f.Damage[0] {
		t.Errorf("frame = %+v", back)
	}
	var _ encoders.Framed = &m // is encoded without a copy
}

// driverOf registers a screen and returns its driver, which is taken out again.
func driverOf(t *testing.T, label string, open func() (capture.Source, error)) driver.Driver {
	t.Helper()
	if err := Register(label, open); err != nil {
		t.Fatal(err)
	}
	found := driver.GetManager().Query(func(d driver.Driver) bool { return d.Info().Label == label })
	if len(found) != 1 {
		t.Fatalf("%d drivers called %s, want one", len(found), label)
	}
	t.Cleanup(func() { driver.GetManager().Delete(found[0].ID()) })
	return found[0]
}

// TestGetDisplayMedia is a program that knows mediadevices and not us.
func TestGetDisplayMedia(t *testing.T) {
	decoder, err := vp8dec.New()
	if err != nil {
		t.Skipf("VP8 decoder: %v", err)
	}
	defer decoder.Close()
	size := image.Pt(320, 200)
	driverOf(t, "synth", func() (capture.Source, error) {
		return synth.New(synth.Config{Size: size, FPS: 200}), nil
	})
	vp8, err := encoders.New(vpx.Backend(), encode.Config{BitrateBps: 4_000_000})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := mediadevices.GetDisplayMedia(mediadevices.MediaStreamConstraints{
		Video: func(*mediadevices.MediaTrackConstraints) {},
		Codec: mediadevices.NewCodecSelector(mediadevices.WithVideoEncoders(vp8)),
	})
	if err != nil {
		t.Fatal(err)
	}
	track := stream.GetVideoTracks()[0]
	defer track.Close()
	encoded, err := track.NewEncodedReader("VP8")
	if err != nil {
		t.Fatal(err)
	}
	defer encoded.Close()
	last := uint32(0)
	for n := range 30 {
		buffer, release, err := encoded.Read()
		if err != nil {
			t.Fatal(err)
		}
		picture, err := decoder.Decode(buffer.Data)
		release()
		if err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		if got := picture.Rect.Size(); got != size {
			t.Fatalf("frame %d: size = %v, want %v", n, got, size)
		}
		number := paintedNumber(picture)
		if n > 0 && number <= last {
			t.Errorf("frame %d shows picture %d after %d", n, number, last)
		}
		last = number
	}
}

// paintedNumber reads the number that synth paints: 32 blocks of 8×8, the
// highest bit first, white for 1.
func paintedNumber(m *image.YCbCr) (n uint32) {
	for bit := range 32 {
		n <<= 1
		if m.YCbCrAt(8*bit+4, 4).Y > 128 {
			n |= 1
		}
	}
	return n
}

func TestDriver(t *testing.T) {
	opened := 0
	d := driverOf(t, "still", func() (capture.Source, error) {
		opened++
		return synth.New(synth.Config{Size: image.Pt(64, 48)}), nil
	})
	for round := range 2 {
		if err := d.Open(); err != nil {
			t.Fatal(err)
		}
		if got := d.Properties(); len(got) != 1 || got[0].Width != 64 || got[0].Height != 48 {
			t.Fatalf("properties = %v, want 64×48", got)
		}
		r, err := d.(driver.VideoRecorder).VideoRecord(prop.Media{})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			img, release, err := r.Read()
			if err != nil {
				t.Fatal(err)
			}
			if got, want := img.Bounds(), image.Rect(0, 0, 64, 48); got != want {
				t.Errorf("bounds = %v, want %v", got, want)
			}
			release()
			release()
		}
		ended := make(chan error)
		go func() {
			for {
				if _, _, err := r.Read(); err != nil {
					ended <- err
					return
				}
			}
		}()
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, io.EOF) {
			t.Errorf("round %d: read after close: %v, want %v", round, err, io.EOF)
		}
		if err := d.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
	}
	if opened != 2 {
		t.Errorf("the source was opened %d times, want 2", opened)
	}
}

func TestScreenThatIsNotThere(t *testing.T) {
	gone := errors.New("gone")
	d := driverOf(t, "gone", func() (capture.Source, error) { return nil, gone })
	if err := d.Open(); !errors.Is(err, gone) {
		t.Errorf("open = %v, want %v", err, gone)
	}
}
