package session

import (
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"lucarne/input"
)

// Event is what a Record tells.
type Event string

// The events.
const (
	Used         Event = "use"     // of a feature
	Joined       Event = "join"    // a viewer; with an error it was not let in
	Left         Event = "leave"   // the error says why the session has ended it
	Reclaimed    Event = "reclaim" // control that was lent has been taken from the viewer, for nobody was there who might
	LoginRefused Event = "login-refused"
)

// Record is one line of the audit: who did what, and whether it was allowed.
// It never holds what was typed or copied.
type Record struct {
	Time    time.Time
	Event   Event
	Viewer  string
	User    string // as JoinConfig says
	From    string // the address that a viewer has joined from, or has tried to
	Share   string // id of the link that the viewer has come by
	Path    string // by which it watches
	Role    Role   // that it acts in
	Feature Feature
	Detail  Detail
	Err     error  // nil: done; ErrRefused: the policy forbids it
	Repeats uint64 // of the same since the last record of it, which have none of their own
	Refused uint64 // of Left: uses that the policy has forbidden
}

// Detail is what a use was about.
type Detail struct {
	Operation string // which of those that the feature allows; "": there is one
	Subject   string // id of the viewer or the link that it was about
	Grants    Role   // that a link gives
	Method    string // of a login
	Objects   []Object
	// Quiet has a use not recorded unless it was refused or has failed: it is a step on
	// the way to one that is.
	Quiet bool
}

// Object is something that was carried, without what it holds.
type Object struct {
	Name   string // of a file
	Type   string // MIME type, of a clipboard's content
	Bytes  int64
	SHA256 *[sha256.Size]byte // of these bytes; nil: they have not been read
}

// Auditable features move data or let people in: what must be recorded is these.
var auditable = [...]Feature{CopyIn, CopyOut, Sharing, Upload, Download}

// The least time between two records of the same use by the same viewer, where it
// carries nothing: a stroke is not an event, using the keyboard is, and who tries
// what is refused must not fill the audit.
const (
	handsInterval = time.Minute
	otherInterval = time.Second
)

// use is what is not recorded each time.
type use struct {
	feature   Feature
	operation string
	err       error // ErrRefused, or another's stand-in
}

// recorded is when something was recorded, and how often it was since.
type recorded struct {
	at      time.Time
	repeats uint64
}

// due notes that it was again, and says whether that is to be recorded, with how many
// before it.
func (r *recorded) due(now time.Time, interval time.Duration) (repeats uint64, due bool) {
	if !r.at.IsZero() && now.Sub(r.at) < interval {
		r.repeats++
		return 0, false
	}
	repeats = r.repeats
	*r = recorded{at: now}
	return repeats, true
}

// errOther stands for all errors but ErrRefused.
var errOther = errors.New("failed")

// record hands the use of a feature to the audit. The caller does not hold
// session.mu.
func (v *Viewer) record(f Feature, detail Detail, err error) {
	s := v.session
	if s.cfg.Audit == nil || detail.Quiet && err == nil {
		return
	}
	now := time.Now()
	r := Record{Time: now, Event: Used, Feature: f, Detail: detail, Err: err}
	s.mu.Lock()
	due := err == nil && (slices.Contains(auditable[:], f) || f == Giving) || detail.left(f)
	if !due {
		r.Repeats, due = v.due(f, detail.Operation, err, now)
	}
	v.sign(&r)
	s.mu.Unlock()
	if due {
		s.cfg.Audit(r)
	}
}

// left says whether a part of a file has left the desktop, though it was broken off: who
// leaves out the last byte has the file.
func (d Detail) left(f Feature) bool {
	return f == Download && slices.ContainsFunc(d.Objects, func(o Object) bool { return o.Bytes > 0 })
}

// due says whether a use is to be recorded now, and how many were not before. The
// caller holds session.mu.
func (v *Viewer) due(f Feature, operation string, err error, now time.Time) (repeats uint64, due bool) {
	u, interval := use{feature: f, operation: operation}, otherInterval
	switch {
	case errors.Is(err, ErrRefused):
		u.err = ErrRefused
	case err != nil:
		u.err = errOther
	}
	if f == Keyboard || f == Pointer {
		interval = handsInterval
	}
	last := v.recorded[u]
	repeats, due = last.due(now, interval)
	v.recorded[u] = last
	return repeats, due
}

// sign writes into a record who the viewer is. The caller holds session.mu.
func (v *Viewer) sign(r *Record) {
	r.Viewer, r.User, r.Share, r.Path, r.Role = v.id, v.user, v.share, v.path, v.Role()
}

// recordJoin hands to the audit that a viewer has come, or why it was not let in.
func (v *Viewer) recordJoin(err error) {
	s := v.session
	if s.cfg.Audit == nil {
		return
	}
	r := Record{Time: time.Now(), Event: Joined, From: v.from, Err: err}
	due := true
	s.mu.Lock()
	v.sign(&r)
	if err != nil {
		r.Repeats, due = s.unjoined.due(r.Time, otherInterval)
	}
	s.mu.Unlock()
	if due {
		s.cfg.Audit(r)
	}
}

// RefuseLogin hands to the audit that somebody has not been let in, by which method and from
// which address.
func (s *Session) RefuseLogin(method, from string, err error) {
	if s.cfg.Audit == nil {
		return
	}
	r := Record{Time: time.Now(), Event: LoginRefused, From: from, Detail: Detail{Method: method}, Err: err}
	var due bool
	s.mu.Lock()
	last := s.logins[method]
	r.Repeats, due = last.due(r.Time, otherInterval)
	s.logins[method] = last
	s.mu.Unlock()
	if due {
		s.cfg.Audit(r)
	}
}

// recordEvent hands to the audit what has become of a viewer, and why: that it has left, or
// does not have control any more.
func (v *Viewer) recordEvent(what Event, why error) {
	s := v.session
	if s.cfg.Audit == nil {
		return
	}
	r := Record{Time: time.Now(), Event: what, Err: why}
	s.mu.Lock()
	v.sign(&r)
	if what == Left {
		r.Refused = v.refused
	}
	s.mu.Unlock()
	s.cfg.Audit(r)
}

// objects are what the audit is told of a content: nothing where there is none.
func (s *Session) objects(items []input.Item) []Object {
	if s.cfg.Audit == nil {
		return nil
	}
	var all []Object
	for _, item := range items {
		sum := sha256.Sum256(item.Data)
		all = append(all, Object{Type: item.MIME, Bytes: int64(len(item.Data)), SHA256: &sum})
	}
	return all
}

// SetAuditFailing says whether what happens can not be recorded now. Owners are told,
// and where the audit is required nobody may use what moves data or lets people in.
func (s *Session) SetAuditFailing(failing bool) {
	if s.unaudited.Swap(failing) == failing {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.viewers {
		v.tellAudit(failing)
		v.ring() // it may use more or less now
	}
}

// tellAudit tells an owner whether what happens is recorded. The caller holds
// session.mu.
func (v *Viewer) tellAudit(failing bool) {
	switch {
	case v.own != Owner:
	case failing:
		v.tell(Notice{Code: AuditFailing})
	default:
		v.tell(Notice{Code: AuditWorking})
	}
}

// muted says whether what has to be recorded may not be done, for it cannot be recorded now.
func (s *Session) muted() bool { return s.cfg.AuditRequired && s.unaudited.Load() }

// mutes says whether a feature may not be used for that.
func (s *Session) mutes(f Feature) bool { return s.muted() && slices.Contains(auditable[:], f) }
