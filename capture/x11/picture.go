package x11

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"log/slog"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/shm"
	"github.com/jezek/xgb/xproto"
	"golang.org/x/sys/unix"

	"lucarne/capture"
)

const (
	pixelLen  = 4          // bytes
	allPlanes = 0xffffffff // plane mask
)

// picture is our copy of the root window: rows without padding, in a SysV
// segment that the X server writes into, or in ordinary memory where the server
// is in another IPC namespace or on another machine.
//
// How a part gets there, measured at 1920 pixels a row (Xvfb and Xvnc alike):
//
//	part        rows of full width, straight into place    packed, then copied into place
//	64×64        65 µs                                      38 µs
//	256×256     220                                        118
//	640×900     725                                        615
//	960×900     690                                        800
//	1280×800    655                                        950
//
// so that narrow parts go by way of a scratch area behind the picture.
type picture struct {
	conn *xgb.Conn
	root xproto.Drawable
	log  *slog.Logger

	size image.Point
	pix  []byte // the picture; with a segment its first bytes

	memory     []byte // the whole segment; nil: ordinary memory
	id         int
	seg        shm.Seg
	generation uint64
	unshared   bool // the server cannot attach our segments

	request [32]byte // scratch for getShared
	pending []transfer
}

// transfer is a part of the picture on its way.
type transfer struct {
	cookie  *xgb.Cookie
	part    image.Rectangle
	scratch int // offset of a packed part in memory; 0: the part goes straight into place
}

func (p *picture) open(conn *xgb.Conn, root xproto.Window, log *slog.Logger) {
	p.conn, p.root, p.log = conn, xproto.Drawable(root), log
	if _, ok := conn.Extensions["MIT-SHM"]; !ok {
		p.unshared = true
		log.Warn("MIT-SHM is missing: pictures are copied through the X connection, which is slow")
	}
}

func (p *picture) shared() bool { return p.memory != nil }

func (p *picture) stride() int { return p.size.X * pixelLen }

// segment returns what capture.Frame says about the memory.
func (p *picture) segment() capture.Segment {
	if !p.shared() {
		return capture.Segment{}
	}
	return capture.Segment{ID: p.id, Generation: p.generation}
}

// resize gives the picture another size. Its content is undefined afterwards.
func (p *picture) resize(size image.Point) error {
	length := size.X * size.Y * pixelLen
	// A narrow part is at most half as wide as the picture.
	need := length + length/2
	if !p.unshared && len(p.memory) < need {
		if err := p.free(); err != nil {
			return err
		}
		if err := p.allocate(need); err != nil {
			p.unshared = true
			p.log.Warn("no memory can be shared with the X server: pictures are copied through the connection, which is slow",
				"err", err, "help", "run in the X server's IPC namespace")
			if err := p.free(); err != nil {
				return err
			}
		}
	}
	p.size = size
	if p.shared() {
		p.pix = p.memory[:length]
	} else {
		p.pix = make([]byte, length)
	}
	return nil
}

// allocate makes a segment of at least length bytes and has the server attach
// it. It is marked for removal at once, so that it goes with its last user
// however that ends.
func (p *picture) allocate(length int) (err error) {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, length, unix.IPC_CREAT|0o600)
	if err != nil {
		return fmt.Errorf("shmget of %d bytes: %w", length, err)
	}
	defer func() {
		if _, rmErr := unix.SysvShmCtl(id, unix.IPC_RMID, nil); rmErr != nil {
			err = errors.Join(err, fmt.Errorf("shmctl: %w", rmErr))
		}
	}()
	if p.memory, err = unix.SysvShmAttach(id, 0, 0); err != nil {
		return fmt.Errorf("shmat: %w", err)
	}
	p.id = id
	seg, err := shm.NewSegId(p.conn)
	if err != nil {
		return lost(err)
	}
	if err := shm.AttachChecked(p.conn, seg, uint32(id), false).Check(); err != nil {
		return fmt.Errorf("attach: %w", lost(err))
	}
	p.seg = seg
	p.generation++
	return p.prove()
}

// prove makes sure that the server writes into the memory that we see. In
// another IPC namespace the same identifier may well be a segment of somebody
// else's.
func (p *picture) prove() error {
	for _, mark := range []string{"\x5a\xa5\x3c\xc3", "\xa5\x5a\xc3\x3c"} {
		copy(p.memory, mark)
		if _, err := shm.GetImage(p.conn, p.root, 0, 0, 1, 1, allPlanes, xproto.ImageFormatZPixmap, p.seg, 0).Reply(); err != nil {
			return lost(err)
		}
		if !bytes.Equal(p.memory[:pixelLen], []byte(mark)) {
			return nil
		}
	}
	return errors.New("the X server attached another segment")
}

// free detaches the segment, if there is one.
func (p *picture) free() error {
	if p.seg != 0 {
		shm.Detach(p.conn, p.seg)
		p.seg = 0
	}
	if p.memory == nil {
		return nil
	}
	memory := p.memory
	p.memory, p.pix, p.id = nil, nil, 0
	if err := unix.SysvShmDetach(memory); err != nil {
		return fmt.Errorf("shmdt: %w", err)
	}
	return nil
}

func (p *picture) close() error {
	p.seg = 0 // went with the connection
	err := p.free()
	p.pix = nil
	return err
}

// fetch brings parts of the picture up to date, and makes each of them what it has
// written.
func (p *picture) fetch(parts []image.Rectangle) error {
	if !p.shared() {
		for _, part := range parts {
			if err := p.fetchCopied(part); err != nil {
				return err
			}
		}
		return nil
	}
	p.pending = p.pending[:0]
	scratch := len(p.pix)
	for i, part := range parts {
		t := transfer{part: part}
		offset := part.Min.Y * p.stride()
		if length := part.Dx() * part.Dy() * pixelLen; p.narrow(part) && scratch+length <= len(p.memory) {
			t.scratch, offset = scratch, scratch
			scratch += length
		} else {
			part.Min.X, part.Max.X = 0, p.size.X
			parts[i] = part
		}
		t.cookie = p.getShared(part, offset)
		p.pending = append(p.pending, t)
	}
	var failed error
	for _, t := range p.pending {
		// All are waited for: the server must not write into memory that is
		// given back after an error.
		if _, err := t.cookie.Reply(); err != nil {
			failed = lost(err)
			continue
		}
		if t.scratch != 0 {
			p.place(t.part, p.memory[t.scratch:])
		}
	}
	return failed
}

// narrow reports whether a part is cheaper to fetch packed than in rows of full
// width.
func (p *picture) narrow(part image.Rectangle) bool { return part.Dx()*5 <= p.size.X*2 }

// cost is what fetching a part costs, in bytes moved: two moves and a bit for a
// packed part, and what a request itself costs.
func (p *picture) cost(part image.Rectangle) int {
	const request = 128 << 10
	width := p.size.X
	if p.narrow(part) {
		width = part.Dx() * 5 / 2
	}
	return request + width*part.Dy()*pixelLen
}

// place copies packed rows to where they belong.
func (p *picture) place(part image.Rectangle, packed []byte) {
	length := part.Dx() * pixelLen
	for y := part.Min.Y; y < part.Max.Y; y++ {
		copy(p.pix[y*p.stride()+part.Min.X*pixelLen:][:length], packed)
		packed = packed[length:]
	}
}

// getShared sends ShmGetImage (MIT-SHM protocol, §Requests) of a part to an
// offset in the segment. It is spelled out here since shm.GetImage allocates a
// request and a reply each time.
func (p *picture) getShared(part image.Rectangle, offset int) *xgb.Cookie {
	b := p.request[:]
	b[0] = p.conn.Extensions["MIT-SHM"]
	b[1] = 4 // ShmGetImage
	xgb.Put16(b[2:], uint16(len(b)/4))
	xgb.Put32(b[4:], uint32(p.root))
	xgb.Put16(b[8:], uint16(part.Min.X))
	xgb.Put16(b[10:], uint16(part.Min.Y))
	xgb.Put16(b[12:], uint16(part.Dx()))
	xgb.Put16(b[14:], uint16(part.Dy()))
	xgb.Put32(b[16:], allPlanes)
	b[20] = xproto.ImageFormatZPixmap
	xgb.Put32(b[24:], uint32(p.seg))
	xgb.Put32(b[28:], uint32(offset))
	cookie := p.conn.NewCookie(true, true)
	p.conn.NewRequest(b, cookie) // has written b when it returns
	return cookie
}

// fetchCopied brings a part up to date through the connection.
func (p *picture) fetchCopied(part image.Rectangle) error {
	reply, err := xproto.GetImage(p.conn, xproto.ImageFormatZPixmap, p.root,
		int16(part.Min.X), int16(part.Min.Y), uint16(part.Dx()), uint16(part.Dy()), allPlanes).Reply()
	if err != nil {
		return lost(err)
	}
	if want := part.Dx() * part.Dy() * pixelLen; len(reply.Data) < want {
		return fmt.Errorf("picture of %d bytes, want %d", len(reply.Data), want)
	}
	p.place(part, reply.Data)
	return nil
}
