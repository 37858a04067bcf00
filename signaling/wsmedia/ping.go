package wsmedia

import (
	"encoding/binary"
	"time"
)

// Ping returns what the next ping of the socket is to carry (RFC 6455 §5.5.2). Its
// way to the browser and back is what the path takes, if it is empty now.
func (v *Video) Ping() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ping++
	v.pinged = time.Time{}
	if v.flow.count == 0 {
		v.pinged = time.Now()
	}
	return binary.BigEndian.AppendUint32(nil, v.ping)
}

// pingEvery is how old the last answer may be when a picture meets an empty path.
const pingEvery = 5 * time.Second

// PingDue says that a picture is about to meet an empty path, for the first time
// in a while: a ping before it would tell the delay of the path, which the picture
// itself, with its length, does not.
func (v *Video) PingDue() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.next.full && v.flow.count == 0 && time.Since(v.ponged) > pingEvery && time.Since(v.pinged) > pingEvery
}

// Pong takes what a pong carries. One that answers no ping, an earlier one or the
// same again says nothing.
func (v *Video) Pong(payload string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(payload) != 4 || binary.BigEndian.Uint32([]byte(payload)) != v.ping || v.pinged.IsZero() {
		return
	}
	now := time.Now()
	v.flow.pings.add(trip{time: now.Sub(v.pinged)}, now)
	v.pinged, v.ponged = time.Time{}, now
}
