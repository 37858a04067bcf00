package signaling

import "time"

// What of a transfer may be under way, in bytes.
const (
	firstWindow = 64 << 10
	leastWindow = pieceSize
	mostWindow  = 1 << 20
)

// queueing is how long the pieces of a transfer may wait for one another on their
// way before there are fewer of them.
const queueing = 50 * time.Millisecond

// window bounds what of a transfer is under way, so that it does not fill the queues
// in which pictures and input would wait behind it. It grows while acknowledgements
// come about as soon as the soonest did, and shrinks when they come later, as LEDBAT
// does (RFC 6817); what is sent up by the page has the same in web/src/window.ts. The
// zero value is that of a new transfer.
type window struct {
	size   int // 0: firstWindow
	sent   int // bytes
	got    int // bytes that are acknowledged
	least  time.Duration
	rested time.Time // when it may shrink again: once it has had an effect
	marks  []mark    // of the pieces under way
}

// mark says when a transfer had got to a number of bytes.
type mark struct {
	sent int
	at   time.Time
}

// room says whether another piece may go.
func (w *window) room() bool { return w.sent-w.got < w.limit() }

func (w *window) limit() int {
	if w.size == 0 {
		return firstWindow
	}
	return w.size
}

// send notes a piece of some bytes.
func (w *window) send(bytes int, now time.Time) {
	w.sent += bytes
	w.marks = append(w.marks, mark{w.sent, now})
}

// acknowledge notes that so many bytes have got there in all. What cannot be is
// ignored.
func (w *window) acknowledge(total int, now time.Time) {
	if total <= w.got || total > w.sent {
		return
	}
	news := total - w.got
	w.got = total
	var delay time.Duration
	for len(w.marks) > 0 && w.marks[0].sent <= total {
		delay = now.Sub(w.marks[0].at)
		w.marks = w.marks[1:]
	}
	if w.least == 0 || delay < w.least {
		w.least = delay
	}
	switch {
	case delay <= w.least+queueing:
		w.size = min(mostWindow, w.limit()+news)
	case now.After(w.rested):
		w.size = max(leastWindow, w.limit()/2)
		w.rested = now.Add(delay)
	}
}
