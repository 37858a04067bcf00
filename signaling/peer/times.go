package peer

import (
	"encoding/binary"
	"time"

	"lucarne/encode"
)

// frameTimes is what the page is told of a frame, apart from when it was sent.
type frameTimes struct {
	id        uint32 // RTP timestamp
	times     encode.Times
	bytes     int
	quantizer int
	flags     uint8
}

// Flags of a frame, as package signaling documents them.
const (
	keyFlag     = 1
	refineFlag  = 2
	settledFlag = 4
)

func timesOf(p encode.Packet, id uint32) frameTimes {
	f := frameTimes{id: id, times: p.Times, bytes: len(p.Data), quantizer: p.Quantizer}
	if p.Key {
		f.flags |= keyFlag
	} else if p.Times.Damaged.IsZero() {
		f.flags |= refineFlag
	}
	if p.Settled {
		f.flags |= settledFlag
	}
	return f
}

// batch collects the times of frames as package signaling's binary message.
type batch struct{ buf []byte }

const (
	batchType   = 1
	batchHeader = 2 // type, count
	batchFrame  = 34
	batchMost   = 255
)

// add appends a frame; there is no room for more than 255.
func (b *batch) add(f frameTimes, sent time.Time) {
	if b.buf == nil {
		b.buf = make([]byte, batchHeader, batchHeader+16*batchFrame)
		b.buf[0] = batchType
	}
	if b.buf[1] == batchMost {
		return
	}
	b.buf[1]++
	from := f.times.Damaged
	if from.IsZero() {
		from = f.times.Grabbed
	}
	b.buf = binary.BigEndian.AppendUint32(b.buf, f.id)
	b.buf = binary.BigEndian.AppendUint64(b.buf, uint64(from.UnixMicro()))
	last := uint32(0) // a stage that did not happen took no time
	for _, at := range [...]time.Time{f.times.Grabbed, f.times.Converted, f.times.Encoded, sent} {
		if !at.IsZero() {
			last = uint32(max(0, at.Sub(from).Microseconds()))
		}
		b.buf = binary.BigEndian.AppendUint32(b.buf, last)
	}
	b.buf = binary.BigEndian.AppendUint32(b.buf, uint32(f.bytes))
	b.buf = append(b.buf, uint8(min(max(f.quantizer, 0), 255)), f.flags)
}

// take returns the message and begins another; nil: no frames.
func (b *batch) take() []byte {
	buf := b.buf
	b.buf = nil
	return buf
}
