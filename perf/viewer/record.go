package viewer

import (
	"sync"
	"time"

	"github.com/pion/rtp"
)

// Stats are sums since the viewer was started.
type Stats struct {
	Packets   int // of video, each once
	Bytes     int // of those: RTP with its header, without what SRTP, UDP and IP add
	Repaired  int // packets that came as retransmissions
	Repeated  int // packets that had come before
	Padding   int // packets without video, by which the server measures the path
	Lost      int // packets that have not come by now
	Frames    int // that have come whole
	KeyFrames int // of those
	Broken    int // frames given up, for a part is missing
	Malformed int // packets that are none
}

// Frame is a frame that has come whole.
type Frame struct {
	ID      uint32 // RTP timestamp
	Key     bool
	Packets int
	Bytes   int       // of the packets' payload
	First   time.Time // when the first packet came
	Arrived time.Time // when the last one did
	Server  Times     // what the server tells of it; zero while it has not
}

// maxFrames is how many frames are kept, maxUnfinished how many that wait for
// their missing parts.
const (
	maxFrames     = 1 << 14
	maxUnfinished = 32
)

// record puts packets together to frames, whatever the order in which they come.
type record struct {
	mu         sync.Mutex
	sums       Stats
	numbers    numbers
	ends       [1 << 16 / 64]uint64   // of the numbers seen, those after which a frame begins
	unfinished map[uint32]*unfinished // by RTP timestamp
	frames     []Frame
	times      []Times
}

func newRecord() record { return record{unfinished: make(map[uint32]*unfinished)} }

// unfinished is a frame of which something is missing.
type unfinished struct {
	frame       Frame
	first, last int64 // extended sequence numbers; -1: not known
	lowest      int64 // of those that have come
}

// packet takes an RTP packet of a payload format that came at a time.
func (r *record) packet(data []byte, read format, repaired bool, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var p rtp.Packet
	if err := p.Unmarshal(data); err != nil {
		r.sums.Malformed++
		return
	}
	seq, fresh := r.numbers.take(p.SequenceNumber)
	if !fresh {
		r.sums.Repeated++
		return
	}
	r.end(seq, p.Marker || len(p.Payload) == 0, at)
	if len(p.Payload) == 0 {
		r.sums.Padding++
		return
	}
	piece, ok := read(p.Payload)
	if !ok {
		r.sums.Malformed++
		return
	}
	r.sums.Packets++
	r.sums.Bytes += len(data)
	if repaired {
		r.sums.Repaired++
	}
	u := r.find(p.Timestamp, seq, at)
	u.frame.Packets++
	u.frame.Bytes += piece.bytes
	u.frame.Key = u.frame.Key || piece.key
	u.lowest = min(u.lowest, seq)
	if piece.begins || r.ended(uint16(seq-1)) {
		u.first = seq
	}
	if p.Marker {
		u.last = seq
	}
	r.look(u, at)
}

// look finishes a frame of which everything has come.
func (r *record) look(u *unfinished, at time.Time) {
	if u.first >= 0 && u.last >= 0 && u.last-u.first+1 == int64(u.frame.Packets) {
		r.finish(u, at)
	}
}

// end notes whether a frame begins after a packet. Not every payload format says
// itself where one begins.
func (r *record) end(seq int64, ends bool, at time.Time) {
	bit, word := uint64(1)<<(uint16(seq)%64), &r.ends[uint16(seq)/64]
	if *word &^= bit; !ends {
		return
	}
	*word |= bit
	for _, u := range r.unfinished {
		if u.lowest == seq+1 {
			u.first = seq + 1
			r.look(u, at)
		}
	}
}

func (r *record) ended(seq uint16) bool {
	return r.numbers.has(seq) && r.ends[seq/64]>>(seq%64)&1 == 1
}

// find returns the frame of a timestamp; for a new one the oldest is given up
// where there are too many.
func (r *record) find(id uint32, seq int64, at time.Time) *unfinished {
	if u := r.unfinished[id]; u != nil {
		return u
	}
	if len(r.unfinished) == maxUnfinished {
		var oldest *unfinished
		for _, u := range r.unfinished {
			if oldest == nil || u.frame.First.Before(oldest.frame.First) {
				oldest = u
			}
		}
		delete(r.unfinished, oldest.frame.ID)
		r.sums.Broken++
	}
	u := &unfinished{frame: Frame{ID: id, First: at}, first: -1, last: -1, lowest: seq}
	r.unfinished[id] = u
	return u
}

func (r *record) finish(u *unfinished, at time.Time) {
	delete(r.unfinished, u.frame.ID)
	u.frame.Arrived = at
	r.sums.Frames++
	if u.frame.Key {
		r.sums.KeyFrames++
	}
	r.frames = keep(r.frames, u.frame)
}

// keep appends to a list that forgets its older half when it is full.
func keep[T any](list []T, v T) []T {
	if len(list) == maxFrames {
		list = list[:copy(list, list[maxFrames/2:])]
	}
	return append(list, v)
}

// told takes a message with the times of frames.
func (r *record) told(message []byte) error {
	all, err := parseTimes(message)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range all {
		r.times = keep(r.times, t)
	}
	return nil
}

func (r *record) stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sums
	s.Lost = r.numbers.missing()
	return s
}

// list returns the frames with what is known of them.
func (r *record) list() []Frame {
	r.mu.Lock()
	defer r.mu.Unlock()
	server := make(map[uint32]Times, len(r.times))
	for _, t := range r.times {
		server[t.ID] = t
	}
	frames := make([]Frame, len(r.frames))
	for i, f := range r.frames {
		f.Server = server[f.ID]
		frames[i] = f
	}
	return frames
}

// numbers follows a stream's sequence numbers (RFC 3550 §5.1), which begin again
// after 65535.
type numbers struct {
	begun       bool
	first, last int64 // the lowest and the highest so far
	seen        [1 << 16 / 64]uint64
	distinct    int
}

// take returns a number without its wrapping, and whether it is new. One that is
// more than 32768 behind cannot be told from one ahead.
func (n *numbers) take(seq uint16) (extended int64, fresh bool) {
	if !n.begun {
		n.begun = true
		n.first, n.last = 1<<16+int64(seq), 1<<16+int64(seq)-1 // room for earlier ones
	}
	extended = n.last + int64(int16(seq-uint16(n.last)))
	for n.last < extended {
		n.last++
		n.mark(uint16(n.last), false)
	}
	n.first = min(n.first, extended)
	if n.has(seq) {
		return extended, false
	}
	n.mark(seq, true)
	n.distinct++
	return extended, true
}

func (n *numbers) has(seq uint16) bool { return n.seen[seq/64]>>(seq%64)&1 == 1 }

func (n *numbers) mark(seq uint16, seen bool) {
	bit := uint64(1) << (seq % 64)
	if seen {
		n.seen[seq/64] |= bit
	} else {
		n.seen[seq/64] &^= bit
	}
}

// missing returns how many numbers between the lowest and the highest have not come.
func (n *numbers) missing() int {
	if !n.begun {
		return 0
	}
	return int(n.last-n.first+1) - n.distinct
}
