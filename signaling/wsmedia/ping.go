package wsmedia

import (
	"encoding/binary"
	"time"
)

// Ping returns what the next ping of the socket is to carry (RFC 6455 §5.5.2). Its
// way to the browser and back is what the path takes when it is empty.
func (v *Video) Ping() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ping++
	v.pinged = time.Now()
	return binary.BigEndian.AppendUint32(nil, v.ping)
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
	v.flow.measure(now.Sub(v.pinged), 0, now)
	v.pinged = time.Time{}
}
