package session

import (
	"slices"

	"lucarne/encode"
)

// NoticeCode is what a Notice is about.
type NoticeCode string

// The notices.
const (
	EncoderFailed NoticeCode = "encoder-failed" // Instead has taken over; "": nothing could
	CodecMissing  NoticeCode = "codec-missing"  // it is preferred and cannot be had; Instead is in use
	// EncoderReplaced: another encoder of the same codec has taken over from one that has failed.
	EncoderReplaced NoticeCode = "encoder-replaced"
	// To owners: what happens is not recorded now, and is again.
	AuditFailing NoticeCode = "audit-failing"
	AuditWorking NoticeCode = "audit-working"
)

// Notice is something, mostly about the pictures, that the person should know.
type Notice struct {
	Code    NoticeCode
	Codec   encode.Codec
	Instead encode.Codec
}

// maxNotices bounds those that wait for a viewer: the newest count.
const maxNotices = 8

// Notices returns those that have come up since it was last called.
func (v *Viewer) Notices() []Notice {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	notices := v.notices
	v.notices = nil
	return notices
}

// tell adds a notice, once for all of the viewer's seats. The caller holds
// session.mu.
func (v *Viewer) tell(n Notice) {
	if slices.Contains(v.notices, n) {
		return
	}
	if len(v.notices) == maxNotices {
		v.notices = slices.Delete(v.notices, 0, 1)
	}
	v.notices = append(v.notices, n)
	v.ring()
}

// replaced tells the viewer that an encoder has failed and another has taken over.
// The caller holds session.mu.
func (v *Viewer) replaced(from, to encode.Codec) {
	if from == to {
		v.tell(Notice{Code: EncoderReplaced, Codec: from})
		return
	}
	v.tell(Notice{Code: EncoderFailed, Codec: from, Instead: to})
	if from == v.prefers {
		v.missing = to // that says it
	}
}

// miss tells the viewer, once, that what is shown is not coded as preferred. The
// caller holds session.mu.
func (v *Viewer) miss() {
	if v.prefers == "" || v.shown == nil {
		return
	}
	switch got := v.session.codec(v.shown.fanout); got {
	case v.missing:
	case v.prefers:
		v.missing = ""
	default:
		v.missing = got
		v.tell(Notice{Code: CodecMissing, Codec: v.prefers, Instead: got})
	}
}

// Prefer says which codec the person prefers from now on, "" for none: each of
// the viewer's seats gets it where its sink can use it and it can be had, with a
// key frame and nothing else.
func (v *Viewer) Prefer(codec encode.Codec) {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	v.prefers, v.missing = codec, ""
	v.reseat()
	s.drive()
	ring(s.supplied) // one that fails may be worth a try now
}

// Encoding returns by what and how the pictures are made that are shown; zero
// while none are.
func (v *Viewer) Encoding() encode.Encoding {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.shown == nil {
		return encode.Encoding{}
	}
	e := v.shown.place.Encoding()
	e.GPU = s.gpu
	return e
}
