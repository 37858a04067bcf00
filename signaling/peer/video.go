package peer

import (
	"fmt"
	"image"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"lucarne/encode"
)

// mtu bounds an IP packet's payload; what is around a piece of a frame in it:
// the RTP header (12), its extensions (4 and 8), the original sequence number
// of a retransmission (2) and SRTP's tag (16).
const (
	mtu        = 1200
	maxPayload = mtu - 12 - 12 - 2 - 16
)

const (
	clockRate = 90000 // Hz, of RTP timestamps
	// maxQueued bounds the packets waiting to leave: a key frame of 2.3 MB.
	maxQueued = 2048
	// While what waits is out sooner than this, another frame is welcome: it will
	// be out before that frame is encoded.
	roomBelow = 7 * time.Millisecond
	// A frame is refused while this much waits, at the estimate.
	fullFrom = 250 * time.Millisecond
	// recheck is how often a viewer without room is looked at anew although no
	// feedback has come.
	recheck = 100 * time.Millisecond
)

// video is the track and the sink: it cuts frames into packets, which pace
// sends. They wait in a ring whose slots are used again and again. The codec may
// change with any key frame: packets of each have a payload type of their own.
type video struct {
	path *path
	ring func()        // something has been bound, or the pictures have another size
	wake chan struct{} // capacity 1: there are packets
	open chan struct{} // closed

	mu          sync.Mutex
	writer      webrtc.TrackLocalWriter // nil: not bound
	ssrc        uint32
	ways        ways
	size        image.Point // of the newest picture
	slots       [maxQueued]*slot
	head, count int // the slots in use
	queued      int // bytes in them
	waiting     chan struct{}
	keyed       bool         // a key frame has been taken since begin, and nothing refused since
	codec       encode.Codec // of that key frame
	key         int          // bytes of the last key frame, until it has got through
	bucket      bucket
	sequence    uint16
	epoch       time.Time // of the RTP clock
	offset      uint32    // RTP timestamp of the epoch
	last        int64     // RTP timestamp of the newest frame, less offset, before it wraps
	batch       batch
	tally       Stats
	tail        tail
}

// slot is a packet waiting to leave.
type slot struct {
	header rtp.Header
	size   int
	buf    [maxPayload]byte
	frame  frameTimes // of the frame that ends with this packet
}

var (
	_ webrtc.TrackLocal = (*video)(nil)
	_ encode.Sink       = (*video)(nil)
)

func newVideo(path *path, ring func()) *video {
	v := &video{
		path: path, ring: ring,
		wake:     make(chan struct{}, 1),
		open:     make(chan struct{}),
		bucket:   bucket{level: burst},
		sequence: uint16(rand.Uint32()),
		epoch:    time.Now(),
		offset:   rand.Uint32(),
	}
	close(v.open)
	return v
}

// Bind implements webrtc.TrackLocal: it learns what the page can decode.
func (v *video) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	all, one := negotiated(c.CodecParameters())
	if len(all) == 0 {
		return one, fmt.Errorf("peer: bind video: %w", webrtc.ErrUnsupportedCodec)
	}
	v.path.repair(all)
	v.mu.Lock()
	v.writer, v.ssrc, v.ways = c.WriteStream(), uint32(c.SSRC()), all
	v.mu.Unlock()
	v.ring()
	return one, nil
}

// Unbind implements webrtc.TrackLocal.
func (v *video) Unbind(webrtc.TrackLocalContext) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.writer = nil
	return nil
}

// ID, RID, StreamID and Kind implement webrtc.TrackLocal.
func (v *video) ID() string                { return "video" }
func (v *video) RID() string               { return "" }
func (v *video) StreamID() string          { return "desktop" }
func (v *video) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeVideo }

func (v *video) bound() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.writer != nil
}

// stream returns the SSRC of the video.
func (v *video) stream() uint32 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ssrc
}

// codecs lists what the page can decode of pictures like the newest one, of any
// while there was none.
func (v *video) codecs() []encode.Codec {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ways.codecs(v.size)
}

// begin forgets what still waits from an earlier seat. What comes next takes over its
// sequence numbers: a receiver would ask for those it misses, and none of them was sent.
func (v *video) begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sequence -= uint16(v.count)
	v.count, v.queued, v.keyed, v.key = 0, 0, false, 0
}

// Ready implements encode.Sink: there is room while next to nothing waits here
// and no more is under way than the path carries.
func (v *video) Ready() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.hasRoom() {
		return v.open
	}
	if v.waiting == nil {
		v.waiting = make(chan struct{})
		v.rouse() // pace keeps an eye on it
	}
	return v.waiting
}

// hasRoom is Ready's answer. The caller holds mu.
func (v *video) hasRoom() bool {
	l := v.path.load()
	return v.writer != nil && l.flight <= l.window && duration(v.queued, l.pace) < roomBelow
}

// duration returns how long so many bytes take at a bitrate.
func duration(bytes, bps int) time.Duration {
	return time.Duration(float64(bytes) * 8 / float64(bps) * float64(time.Second))
}

// notice tells who waits for room if there is some.
func (v *video) notice() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.waiting != nil && v.hasRoom() {
		close(v.waiting)
		v.waiting = nil
	}
}

// WritePacket implements encode.Sink: it queues the frame's packets, or refuses
// the frame as a whole.
func (v *video) WritePacket(p encode.Packet) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.size != p.Size {
		v.size = p.Size
		v.ring() // another codec may be needed, or have become possible
	}
	if !v.takes(p) || !v.queue(p) {
		v.tally.Missed++
		v.keyed = false
		return false
	}
	v.keyed, v.codec = true, p.Codec
	if p.Key {
		v.key = len(p.Data)
	}
	v.rouse()
	return true
}

// takes says whether a frame could be queued and would be of use. A key frame may be
// more than the path carries in the time; what follows it is not refused for
// that, or its viewer would need the next one at once. The caller holds mu.
func (v *video) takes(p encode.Packet) bool {
	l := v.path.load()
	if v.queued == 0 && l.flight <= l.window {
		v.key = 0
	}
	way := v.ways[p.Codec]
	return v.writer != nil && way != nil && way.fits(p.Size) &&
		(p.Key || v.keyed && v.codec == p.Codec) &&
		duration(v.queued-v.key, l.estimate) < fullFrom && l.flight-v.key <= 2*l.window
}

// queue cuts a frame into packets. It reports whether it is one, and there was room
// for all of it. The caller holds mu.
func (v *video) queue(p encode.Packet) bool {
	way := v.ways[p.Codec]
	if !way.payloads.begin(p.Data) {
		return false
	}
	count, queued, sequence := v.count, v.queued, v.sequence
	timestamp := v.timestamp(p.Times.Grabbed)
	for v.count+1 < maxQueued { // the slot that is being sent stays free
		s := v.push(way, timestamp)
		if s.header.Marker {
			s.frame = timesOf(p, timestamp)
			return true
		}
	}
	v.count, v.queued, v.sequence = count, queued, sequence
	return false
}

// timestamp returns the RTP timestamp of a frame grabbed then. No two frames
// have the same: a refinement may show the very picture of the frame before.
// The caller holds mu.
func (v *video) timestamp(grabbed time.Time) uint32 {
	if grabbed.IsZero() {
		grabbed = time.Now()
	}
	v.last = max(v.last+1, grabbed.Sub(v.epoch).Microseconds()*(clockRate/1000)/1000)
	return v.offset + uint32(v.last)
}

// push queues the next packet of a frame; its marker says that it is the last. The
// caller holds mu and has looked for room.
func (v *video) push(way *way, timestamp uint32) *slot {
	at := (v.head + v.count) % maxQueued
	s := v.slots[at]
	if s == nil {
		s = &slot{header: rtp.Header{Extensions: make([]rtp.Extension, 0, 2)}}
		v.slots[at] = s
	}
	size, more := way.payloads.next(&s.buf)
	s.size = size
	s.header = rtp.Header{
		Version: 2, Marker: !more, PayloadType: way.payloadType, SequenceNumber: v.sequence,
		Timestamp: timestamp, SSRC: v.ssrc, Extensions: s.header.Extensions[:0],
	}
	v.sequence++
	v.count++
	v.queued += size
	return s
}

func (v *video) rouse() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// takeTimes returns the times of the frames sent since it was last called, nil
// if there were none.
func (v *video) takeTimes() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.batch.take()
}

func (v *video) stats() Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tally
}
