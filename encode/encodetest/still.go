package encodetest

import (
	"errors"
	"fmt"
	"image"
	"time"

	"lucarne/encode"
)

// redrawn draws a page again as it is, at rest and before: nothing has to be
// sent, and no refinement is made that was not asked for.
func redrawn(b encode.Backend, decoder func() (Decoder, error)) error {
	size := image.Pt(640, 480)
	r, err := open(b, decoder, encode.Config{Size: size})
	if err != nil {
		return err
	}
	defer r.close()
	r.canvas = Page(size, 8)
	for _, state := range []string{"moving", "at rest"} {
		if state == "at rest" {
			if err := r.rest(90); err != nil {
				return err
			}
		}
		const frames, silent = 60, 30
		unchanged := 0
		for n := range frames {
			settled := r.packet.Settled
			if err := r.step(encode.Op{}, r.canvas.Bounds()); err != nil {
				return err
			}
			if n >= frames-silent && r.packet.Unchanged {
				unchanged++
			}
			if r.packet.Unchanged && settled && !r.packet.Settled {
				return fmt.Errorf("%s: settled before frame %d, in which nothing changed, and not after it", state, n)
			}
		}
		if unchanged < silent {
			return fmt.Errorf("%s: the last %d of %d equal pictures made %d packets", state, silent, frames, silent-unchanged)
		}
	}
	if err := r.rest(90); err != nil {
		return err
	}
	if got := r.psnr(r.canvas.Bounds()); got < 44 {
		return fmt.Errorf("settled at %.1f dB, want 44", got)
	}
	return nil
}

// keyStorm asks for twelve key frames of a page at 1920×1080 within 3 s, on a
// link too slow for one, and goes on typing. The picture may not stand still
// for long, and the key frame comes that was asked for last.
func keyStorm(b encode.Backend, decoder func() (Decoder, error)) error {
	const longest = 1500 * time.Millisecond
	size := image.Pt(1920, 1080)
	r, err := open(b, decoder, encode.Config{Size: size, BitrateBps: 300_000})
	if err != nil {
		return err
	}
	defer r.close()
	r.frame = 50 * time.Millisecond
	typing := Typing(size)
	owed := typing.Step(r.canvas, 0)
	begun, sent := r.now, r.now
	keyed := true
	for n := 1; r.now.Sub(begun) < 8*time.Second; n++ {
		if n%5 == 0 && n <= 60 {
			keyed = false
		}
		if err := r.step(encode.Op{Key: !keyed}, owed...); err != nil {
			return err
		}
		if len(r.packet.Data) > 0 {
			sent, owed, keyed = r.now, nil, keyed || r.packet.Key
		}
		if silence := r.now.Sub(sent); silence > longest {
			return fmt.Errorf("no packet for %v after %v", silence, r.now.Sub(begun))
		}
		owed = append(owed, typing.Step(r.canvas, n)...)
	}
	if !keyed {
		return errors.New("the last key frame that was asked for did not come")
	}
	return nil
}
