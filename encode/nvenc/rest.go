package nvenc

import (
	"bytes"
	"image"
	"time"
)

// NVENC chooses the quantizers itself, one for the whole picture, and says
// which. While nothing moves each frame is a refinement: NVENC is told to choose
// a finer quantizer than last time, as fast as the bitrate allows, until all of
// the picture has been coded by the finest.
const (
	// finest is the lowest quantizer that NVENC may choose: what is finer is not
	// seen, and costs with each frame.
	finest = 18
	// coarsest is the upper end of H.264's scale.
	coarsest = 51
	// refinement is from one refinement to the next.
	refinement = 33 * time.Millisecond
	// stubborn is how many refinements with next to nothing in them there are at
	// most, for a driver that does not choose the quantizer that it is told.
	stubborn = 8
)

// rest is how far the picture has come since it moved.
type rest struct {
	quantizer int // of the last packet
	size      int // of the last packet, in bytes
	wanted    int // coarsest quantizer that the last refinement might have
	tries     int // refinements in a row that were to be the last, and had next to nothing in them
	settled   bool
}

// next returns the coarsest quantizer that the next refinement may have.
func (r *rest) next(bps int) int {
	budget := bps / 8 * int(refinement/time.Millisecond) / 1000
	step := 1
	switch {
	case r.size < budget/2:
		step = 5
	case r.size < budget*3/4:
		step = 3
	case r.size > budget:
		step = 0
	}
	r.wanted = min(max(r.quantizer-step, finest), coarsest)
	return r.wanted
}

// made notes a packet. refine: it was a refinement.
func (r *rest) made(quantizer, size int, refine bool) {
	if refine && r.wanted == finest && size <= 256 {
		r.tries++
	} else {
		r.tries = 0
	}
	r.quantizer, r.size = quantizer, size
	r.settled = quantizer <= finest || r.tries >= stubborn
}

// Bounds of the bitrate, in bits a second.
const (
	defaultBps = 8_000_000
	leastBps   = 50_000
	mostBps    = 1_000_000_000
)

// bounded brings a bitrate inside the bounds; 0 is the default.
func bounded(bps int) int {
	if bps == 0 {
		return defaultBps
	}
	return min(max(bps, leastBps), mostBps)
}

// What may be owed, in time at the target bitrate.
const (
	patience = 200 * time.Millisecond // beyond it frames are dropped
	forgiven = time.Second            // beyond it nothing more is owed
)

// debt is what frames have taken beyond the bitrate. The quantizer has an end:
// a key frame of a page on a slow link takes what it takes.
type debt struct {
	bps  float64
	owed float64 // bits
	last time.Time
}

// tick brings the account to the time of the next frame.
func (d *debt) tick(now time.Time) {
	if passed := now.Sub(d.last); !d.last.IsZero() && passed > 0 {
		d.owed = max(0, d.owed-d.bps*passed.Seconds())
	}
	d.last = now // also when a clock is set back: frames must not wait until it has caught up
}

func (d *debt) spend(size int) { d.owed = min(d.owed+8*float64(size), d.bps*forgiven.Seconds()) }

// overdrawn says that the next frame had better not be sent.
func (d *debt) overdrawn() bool { return d.owed > d.bps*patience.Seconds() }

// lastPicture finds out that what is drawn is what was drawn before. The pixels
// are on the GPU, and looking at them here costs what leaving them alone saves;
// so now and then a picture is kept, and the next one compared with it. As long
// as nothing new is drawn that goes on; while things move it becomes rare.
type lastPicture struct {
	pix   []byte // 4 bytes a pixel, row by row
	known bool   // pix is the picture that was encoded last
	wait  int    // pictures from one look to the next
	since int    // pictures since the last look
}

// rarest is the longest that lastPicture waits, in pictures: a second of motion.
const rarest = 64

// changed says whether the damage has something new, as far as is known.
func (l *lastPicture) changed(pix []byte, stride int, damage []image.Rectangle, size image.Point) bool {
	if len(damage) == 0 {
		return false
	}
	if l.known {
		if l.known = l.same(pix, stride, damage, size); l.known {
			l.wait = 0
			return false
		}
		l.wait, l.since = min(2*l.wait+1, rarest), 0
	}
	if l.since++; l.since > l.wait {
		l.keep(pix, stride, size)
	}
	return true
}

// same compares the damage with the last picture.
func (l *lastPicture) same(pix []byte, stride int, damage []image.Rectangle, size image.Point) bool {
	for _, r := range damage {
		r = r.Intersect(image.Rectangle{Max: size})
		for y := r.Min.Y; y < r.Max.Y; y++ {
			if !bytes.Equal(l.pix[4*(y*size.X+r.Min.X):4*(y*size.X+r.Max.X)], pix[y*stride+4*r.Min.X:y*stride+4*r.Max.X]) {
				return false
			}
		}
	}
	return true
}

// keep takes the picture that is about to be encoded.
func (l *lastPicture) keep(pix []byte, stride int, size image.Point) {
	if n := 4 * size.X * size.Y; len(l.pix) != n {
		l.pix = make([]byte, n)
	}
	for y := range size.Y {
		copy(l.pix[4*y*size.X:4*(y+1)*size.X], pix[y*stride:])
	}
	l.known = true
}

// forget is for a picture of another size.
func (l *lastPicture) forget() { *l = lastPicture{} }
