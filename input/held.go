package input

// Held counts which keys and buttons the viewers of one display hold, so that
// what two of them hold is let go on the display only when neither holds it any
// more. The zero value holds nothing. It is used by one goroutine at a time,
// together with the keyboards on it.
type Held struct {
	keys    map[Key]int // by the key with its action cleared
	buttons [maxButton + 1]int
}

// maxButton is the highest X button that a message can name.
const maxButton = 9

// Empty reports whether no viewer holds anything.
func (h *Held) Empty() bool {
	return len(h.keys) == 0 && h.buttons == [maxButton + 1]int{}
}

// press reports whether the key has to go down on the display.
func (h *Held) press(k Key) bool {
	if h.keys == nil {
		h.keys = make(map[Key]int)
	}
	h.keys[k]++
	return h.keys[k] == 1
}

// release reports whether the key has to go up on the display.
func (h *Held) release(k Key) bool {
	if h.keys[k]--; h.keys[k] > 0 {
		return false
	}
	delete(h.keys, k)
	return true
}

func (h *Held) pressButton(n uint8) bool {
	h.buttons[n]++
	return h.buttons[n] == 1
}

func (h *Held) releaseButton(n uint8) bool {
	h.buttons[n]--
	return h.buttons[n] == 0
}
