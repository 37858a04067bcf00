package mediadev

import (
	"fmt"
	"image"
	"image/draw"
	"io"
	"sync"
	"sync/atomic"

	"github.com/pion/mediadevices/pkg/codec"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"

	"lucarne/capture"
	"lucarne/encode"
)

// Framed is an image that is a captured frame. Its pixels are encoded as they
// are; any other image is converted first.
type Framed interface {
	image.Image
	// Frame fills f, whose pixels are the image's own and must not be written.
	// Damage is what changed since the frame with the Seq before.
	Frame(f *capture.Frame)
}

// encoder reads pictures and gives packets. Read is for one goroutine; Close
// and the controller's methods may be called from others.
type encoder struct {
	open   func(encode.Config) (encode.Encoder, error)
	cfg    encode.Config
	reader video.Reader

	key     atomic.Bool
	bitrate atomic.Int64 // bits a second, to be set before the next frame; 0: no change

	mu     sync.Mutex
	enc    encode.Encoder // nil: not opened, or closed
	size   image.Point
	seq    uint64 // of the last frame encoded; 0: unknown
	frame  capture.Frame
	canvas *image.RGBA // a picture that had to be converted
	closed bool
}

var (
	_ codec.ReadCloser         = (*encoder)(nil)
	_ codec.KeyFrameController = (*encoder)(nil)
	_ codec.BitRateController  = (*encoder)(nil)
)

// Read reads pictures until one gives a packet. The bytes are valid until the
// next Read; release does nothing. After Close it returns io.EOF.
func (e *encoder) Read() (b []byte, release func(), err error) {
	for {
		img, done, err := e.reader.Read()
		if err != nil {
			return nil, func() {}, err
		}
		b, err := e.encode(img)
		done()
		if err != nil || len(b) > 0 {
			return b, func() {}, err
		}
	}
}

func (e *encoder) encode(img image.Image) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, io.EOF
	}
	e.take(img)
	if err := e.fit(&e.frame); err != nil {
		return nil, err
	}
	if bps := e.bitrate.Swap(0); bps > 0 {
		e.cfg.BitrateBps = int(bps)
		if err := e.enc.SetBitrate(int(bps)); err != nil {
			return nil, fmt.Errorf("mediadev: set bitrate: %w", err)
		}
	}
	key := e.key.Swap(false)
	p, err := e.enc.Encode(&e.frame, encode.Op{Key: key})
	if err != nil {
		return nil, fmt.Errorf("mediadev: encode: %w", err)
	}
	e.seq = e.frame.Seq
	if len(p.Data) == 0 { // dropped: its damage is owed, so the next is all damage
		e.seq = 0
		if key {
			e.key.Store(true)
		}
	}
	return p.Data, nil
}

// take makes e.frame the picture. The damage of a frame holds only if the frame
// before it was the last one encoded; whoever reads may have skipped some.
func (e *encoder) take(img image.Image) {
	last := e.seq
	if framed, ok := img.(Framed); ok {
		framed.Frame(&e.frame)
	} else {
		e.convert(img)
	}
	if last == 0 || e.frame.Seq != last+1 || e.frame.Size != e.size {
		e.frame.Damage = append([]image.Rectangle(nil), image.Rectangle{Max: e.frame.Size})
	}
}

// convert paints any image into BGRX.
func (e *encoder) convert(img image.Image) {
	bounds := img.Bounds()
	if e.canvas == nil || e.canvas.Rect.Size() != bounds.Size() {
		e.canvas = image.NewRGBA(image.Rectangle{Max: bounds.Size()})
	}
	draw.Draw(e.canvas, e.canvas.Rect, img, bounds.Min, draw.Src)
	pix := e.canvas.Pix
	for i := 0; i+4 <= len(pix); i += 4 {
		pix[i], pix[i+2] = pix[i+2], pix[i]
	}
	e.frame = capture.Frame{Pix: pix, Stride: e.canvas.Stride, Size: bounds.Size()}
}

// fit makes the encoder one for the frame's size.
func (e *encoder) fit(f *capture.Frame) error {
	if e.enc != nil && e.size == f.Size {
		return nil
	}
	if r, ok := e.enc.(encode.Resizer); ok {
		if err := r.Resize(f.Size); err == nil {
			e.size = f.Size
			return nil
		}
	}
	if e.enc != nil {
		e.enc.Close()
		e.enc = nil
	}
	cfg := e.cfg
	cfg.Size = f.Size
	enc, err := e.open(cfg)
	if err != nil {
		return fmt.Errorf("mediadev: open encoder: %w", err)
	}
	e.enc, e.size, e.seq = enc, f.Size, 0
	return nil
}

// Close closes the encoder; the reader stays open. It is idempotent.
func (e *encoder) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.enc == nil {
		return nil
	}
	err := e.enc.Close()
	e.enc = nil
	return err
}

// Controller returns the encoder's KeyFrameController and BitRateController.
func (e *encoder) Controller() codec.EncoderController { return e }

// ForceKeyFrame makes the next packet a key frame.
func (e *encoder) ForceKeyFrame() error {
	e.key.Store(true)
	return nil
}

// SetBitRate sets the target in bits a second from the next frame on.
func (e *encoder) SetBitRate(bps int) error {
	if bps <= 0 {
		return fmt.Errorf("mediadev: set bitrate: %d bit/s", bps)
	}
	e.bitrate.Store(int64(bps))
	return nil
}

func sizeOf(p prop.Media) image.Point { return image.Pt(p.Width, p.Height) }
