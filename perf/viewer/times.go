package viewer

import (
	"encoding/binary"
	"errors"
	"time"
)

// Times are what the server tells of a frame (package signaling, "Frame times").
// A stage that did not happen took no time.
type Times struct {
	ID         uint32 // RTP timestamp
	Damaged    time.Time
	Grabbed    time.Time
	Converted  time.Time
	Encoded    time.Time
	Sent       time.Time
	Bytes      int // of the encoded frame
	Quantizer  int
	Key        bool
	Refinement bool
	Settled    bool
}

const (
	timesType   = 1
	timesHeader = 2  // type, count
	timesFrame  = 34 // bytes
)

var errTimes = errors.New("frame times: not a message of whole frames")

// parseTimes reads a binary message of the server.
func parseTimes(b []byte) ([]Times, error) {
	if len(b) < timesHeader || b[0] != timesType || len(b) != timesHeader+int(b[1])*timesFrame {
		return nil, errTimes
	}
	var all []Times
	for b = b[timesHeader:]; len(b) > 0; b = b[timesFrame:] {
		damaged := time.UnixMicro(int64(binary.BigEndian.Uint64(b[4:])))
		after := func(offset int) time.Time {
			return damaged.Add(time.Duration(binary.BigEndian.Uint32(b[offset:])) * time.Microsecond)
		}
		flags := b[33]
		all = append(all, Times{
			ID: binary.BigEndian.Uint32(b), Damaged: damaged,
			Grabbed: after(12), Converted: after(16), Encoded: after(20), Sent: after(24),
			Bytes: int(binary.BigEndian.Uint32(b[28:])), Quantizer: int(b[32]),
			Key: flags&1 != 0, Refinement: flags&2 != 0, Settled: flags&4 != 0,
		})
	}
	return all, nil
}
