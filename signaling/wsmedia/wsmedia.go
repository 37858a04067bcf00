package wsmedia

import (
	"sync"
	"time"

	"lucarne/encode"
	"lucarne/signaling/session"
)

const (
	// maxPicture bounds a picture, in bytes.
	maxPicture = 16 << 20
	// partSize is how much of a picture goes into one message, in bytes. What is
	// small and urgent passes between two of them.
	partSize = 32 << 10
	// keptPicture is the largest buffer kept for the pictures to come, in bytes.
	keptPicture = 1 << 20
)

// Config says how fast pictures are sent. Rates are bits a second.
type Config struct {
	MinBps   int // that a path is never believed to be below; 0: 500,000
	MaxBps   int // that the encoder is given; 0: 30,000,000
	StartBps int // before anything is known; 0: 8,000,000
}

func (c Config) withDefaults() Config {
	if c.MinBps <= 0 {
		c.MinBps = 500_000
	}
	if c.MaxBps <= 0 {
		c.MaxBps = 30_000_000
	}
	if c.StartBps <= 0 {
		c.StartBps = 8_000_000
	}
	c.MaxBps = max(c.MaxBps, c.MinBps)
	return c
}

// Viewer is whom the pictures are for; *session.Viewer is one.
type Viewer interface {
	Watch(sink encode.Sink, codecs ...encode.Codec) (*session.Seat, error)
}

// seat is what Video uses of a session.Seat.
type seat interface {
	Show()
	SetBitrate(bps int)
	Leave()
}

// Video is one viewer's pictures on a WebSocket. It has no goroutine and writes
// nothing itself: whoever writes to the socket takes messages by Next whenever Wake
// rings, after a ping if PingDue, and may send others in between.
type Video struct {
	cfg    Config
	codecs []encode.Codec
	watch  func(encode.Sink, ...encode.Codec) (seat, error)
	wake   chan struct{} // capacity 1: Next has something to say
	open   chan struct{} // closed

	// The reader's.
	seat seat // nil: not watching
	told int  // the bitrate that the seat knows

	mu       sync.Mutex
	flow     flow
	current  outgoing // being sent
	next     outgoing // waits for it
	sequence uint32
	keyed    bool          // a key frame has been taken since begin, and nothing refused since
	codec    encode.Codec  // of that key frame
	profile  [3]byte       // likewise, of H.264
	waiting  chan struct{} // who waits for room; nil: nobody
	promised bool          // room for the next picture
	ping     uint32        // counts the pings
	pinged   time.Time     // when the last left; zero: it is answered, or of no use
	ponged   time.Time     // when the last of use was answered
	tally    Stats
}

var _ encode.Sink = (*Video)(nil)

// outgoing is a picture on its way to the socket.
type outgoing struct {
	header header
	buf    []byte // headerSize bytes, then the payload
	taken  int    // bytes of buf, those before the payload included
	full   bool   // there is one
}

// New returns the pictures of a viewer who watches nothing yet. codecs are those
// that the page can decode.
func New(cfg Config, viewer Viewer, codecs []encode.Codec) *Video {
	return newVideo(cfg, codecs, func(sink encode.Sink, codecs ...encode.Codec) (seat, error) {
		seat, err := viewer.Watch(sink, codecs...)
		if err != nil {
			return nil, err
		}
		return seat, nil
	})
}

func newVideo(cfg Config, codecs []encode.Codec, watch func(encode.Sink, ...encode.Codec) (seat, error)) *Video {
	cfg = cfg.withDefaults()
	v := &Video{cfg: cfg, codecs: codecs, watch: watch, wake: make(chan struct{}, 1), open: make(chan struct{})}
	v.flow.rate.begin(float64(cfg.StartBps))
	close(v.open)
	return v
}

// Watch begins, ends or goes on with sending pictures, as the page looks at them.
// The error is session.ErrNoCodec or another of session.Viewer.Watch's. Watch and
// Acknowledge are for one goroutine.
func (v *Video) Watch(a session.Attention) error {
	if a == session.Away || len(v.codecs) == 0 {
		if v.seat != nil {
			v.seat.Leave()
			v.seat = nil
			v.begin()
		}
		if a == session.Away {
			return nil
		}
		return session.ErrNoCodec
	}
	if v.seat == nil {
		seat, err := v.watch(v, v.codecs...)
		if err != nil {
			return err
		}
		v.seat, v.told = seat, 0
		v.tellBitrate()
	}
	if a == session.Shown {
		v.seat.Show()
	}
	return nil
}

// begin forgets the picture that waits; one that has begun to leave is finished.
func (v *Video) begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.next.full, v.keyed = false, false
}

// Acknowledge takes a message of the page's. The error is of one that is
// malformed; one that cannot be true is counted and ignored.
func (v *Video) Acknowledge(msg []byte) error {
	a, err := parseAcknowledgement(msg)
	if err != nil {
		return err
	}
	v.mu.Lock()
	if v.flow.acknowledge(a, time.Now()) {
		v.tally.Acknowledged++
		if a.decode > 0 {
			v.tally.Decoding.Add(min(a.decode, maxDecode))
		}
		v.notice()
	} else {
		v.tally.Ignored++
	}
	v.mu.Unlock()
	v.tellBitrate()
	return nil
}

// tellBitrate gives the seat the estimate when it has changed by 2 %. Before
// anything is known the stream's own is as good.
func (v *Video) tellBitrate() {
	v.mu.Lock()
	bps, known := v.bitrate(), v.flow.any
	v.mu.Unlock()
	if v.seat == nil || !known || bps*100 >= v.told*98 && bps*100 <= v.told*102 {
		return
	}
	v.told = bps
	v.seat.SetBitrate(bps)
}

// bitrate is what the encoder may spend, in bits a second. The caller holds mu.
func (v *Video) bitrate() int {
	return min(max(int(mediaShare*v.flow.rate.bps), v.cfg.MinBps), v.cfg.MaxBps)
}

// Ready implements encode.Sink: there is room while nothing waits here and no
// more is under way than the path holds.
func (v *Video) Ready() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.hasRoom() {
		v.promised = true
		return v.open
	}
	if v.waiting == nil {
		v.waiting = make(chan struct{})
	}
	return v.waiting
}

// hasRoom is Ready's answer. The caller holds mu.
func (v *Video) hasRoom() bool {
	return !v.current.full && !v.next.full && v.flow.room(time.Now())
}

// notice tells who waits for room if there is some. The caller holds mu.
func (v *Video) notice() {
	if v.waiting != nil && v.hasRoom() {
		close(v.waiting)
		v.waiting, v.promised = nil, true
	}
}

// WritePacket implements encode.Sink. One picture may wait for the one that is
// being sent.
func (v *Video) WritePacket(p encode.Packet) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keyed = v.takes(p) && (!p.Key || v.turn(p))
	v.promised = false
	if !v.keyed {
		v.tally.Missed++
		return false
	}
	o := &v.next
	if cap(o.buf) < headerSize {
		o.buf = make([]byte, headerSize, headerSize+max(len(p.Data), partSize))
	}
	o.buf = append(o.buf[:headerSize], p.Data...)
	p.Data = nil
	o.header, o.taken, o.full = header{packet: p, profile: v.profile}, headerSize, true
	v.rouse()
	return true
}

// takes says whether a picture can be sent and is of use. The caller holds mu.
func (v *Video) takes(p encode.Packet) bool {
	_, known := codecNumbers[p.Codec]
	return known && len(p.Data) > 0 && len(p.Data) <= maxPicture &&
		(p.Key || v.keyed && p.Codec == v.codec) && !v.next.full && (v.promised || v.flow.takes())
}

// turn notes what a key frame is coded in. It reports whether the page could know how
// to decode it. The caller holds mu.
func (v *Video) turn(p encode.Packet) (ok bool) {
	v.codec, v.profile = p.Codec, [3]byte{}
	if codecNumbers[p.Codec] != codecNumbers[encode.H264] {
		return true
	}
	v.profile, ok = encode.H264Profile(p.Data)
	return ok
}

// Wake returns a doorbell of capacity 1 that rings when Next has to be called.
func (v *Video) Wake() <-chan struct{} { return v.wake }

func (v *Video) rouse() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// Next returns the next binary message to the page, of 32 KiB and a header at
// most, nil if there is none now. It is valid until the next call, which says that
// it has been written. Next is for one goroutine, but may be another one than
// Watch's.
func (v *Video) Next() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	o := &v.current
	if o.full && o.taken == len(o.buf) {
		o.full = false
		if cap(o.buf) > keptPicture {
			o.buf = nil
		}
	}
	if !o.full {
		if !v.next.full {
			v.notice()
			return nil
		}
		v.current, v.next = v.next, v.current
		v.depart(o)
	}
	// The header goes before each part, over the end of the part before.
	from, to := o.taken-headerSize, min(o.taken+partSize, len(o.buf))
	o.header.put(o.buf[from:], to < len(o.buf))
	o.taken = to
	v.rouse()
	return o.buf[from:to]
}

// depart numbers a picture that begins to leave. The caller holds mu.
func (v *Video) depart(o *outgoing) {
	now := time.Now()
	v.sequence++
	o.header.sequence, o.header.sent = v.sequence, now
	v.flow.send(len(o.buf), o.header.packet.Key, now)
	v.tally.depart(o.header.packet.Times, len(o.buf)-headerSize, now)
}
