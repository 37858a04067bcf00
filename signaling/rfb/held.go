package rfb

import (
	"encoding/binary"
	"slices"
)

// maxHeld is how many keys a viewer may hold; hands are smaller.
const maxHeld = 64

// key is a key as the page names it.
type key struct {
	keysym   uint32
	code     uint32 // XT scan code, of an extended one
	extended bool   // QEMU Extended Key Event
}

// message is the key going down or up, for the server.
func (k key) message(down bool) []byte {
	var pressed byte
	if down {
		pressed = 1
	}
	if k.extended {
		b := binary.BigEndian.AppendUint32([]byte{qemu, 0, 0, pressed}, k.keysym)
		return binary.BigEndian.AppendUint32(b, k.code)
	}
	return binary.BigEndian.AppendUint32([]byte{keyEvent, pressed, 0, 0}, k.keysym)
}

// held is what a viewer has pressed and not let go. The zero value is nothing.
type held struct {
	keys    []key
	pointer [6]byte // the newest PointerEvent
}

func (h *held) has(k key) bool { return slices.Contains(h.keys, k) }

// key notes that a key goes down or up, and says whether it may.
func (h *held) key(k key, down bool) bool {
	i := slices.Index(h.keys, k)
	switch {
	case !down && i >= 0:
		h.keys = slices.Delete(h.keys, i, i+1)
	case down && i < 0 && len(h.keys) == maxHeld:
		return false
	case down && i < 0:
		h.keys = append(h.keys, k)
	}
	return true
}

// release appends the messages that let everything go, where it is.
func (h *held) release(messages []byte) []byte {
	for _, k := range h.keys {
		messages = append(messages, k.message(false)...)
	}
	if h.pointer[1] != 0 {
		h.pointer[1] = 0
		messages = append(messages, h.pointer[:]...)
	}
	h.keys = nil
	return messages
}
