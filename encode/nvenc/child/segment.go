package child

import (
	"fmt"
	"image"

	"golang.org/x/sys/unix"

	"lucarne/capture"
)

// segment is shared memory that is attached here (shmat(2)).
type segment struct {
	name capture.Segment
	mem  []byte
}

// attach attaches the segment of that name. On Linux that works as well when it
// has been removed already, as long as somebody has it attached.
func attach(name capture.Segment) (segment, error) {
	mem, err := unix.SysvShmAttach(name.ID, 0, 0)
	if err != nil {
		return segment{}, fmt.Errorf("nvenc: attach segment %d: %w", name.ID, err)
	}
	return segment{name, mem}, nil
}

// create makes a segment that goes away with the last process that has it
// attached, however that ends.
func create(size int, generation uint64) (segment, error) {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, size, unix.IPC_CREAT|0o600)
	if err != nil {
		return segment{}, fmt.Errorf("nvenc: create a segment of %d bytes: %w", size, err)
	}
	s, err := attach(capture.Segment{ID: id, Generation: generation})
	if _, removed := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err == nil {
		err = removed
	}
	return s, err
}

// detach lets the memory go; the zero segment has none.
func (s *segment) detach() {
	if s.mem != nil {
		_ = unix.SysvShmDetach(s.mem) // it was attached
	}
	*s = segment{}
}

// bring copies the damage of a picture to the segment, at the stride given.
func (s *segment) bring(f *capture.Frame, stride int, whole bool) {
	if whole {
		s.copy(f, stride, image.Rectangle{Max: f.Size})
		return
	}
	for _, r := range f.Damage {
		s.copy(f, stride, r.Intersect(image.Rectangle{Max: f.Size}))
	}
}

func (s *segment) copy(f *capture.Frame, stride int, r image.Rectangle) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		copy(s.mem[y*stride+4*r.Min.X:y*stride+4*r.Max.X], f.Pix[y*f.Stride+4*r.Min.X:])
	}
}
