package encode

import (
	"context"
	"errors"
	"image"
	"time"

	"lucarne/capture"
)

// loop is the state of one Run, touched by its goroutine alone.
type loop struct {
	stream   *Stream
	source   capture.Source
	encoder  Encoder
	size     image.Point // the encoder's
	bps      int         // the encoder's
	hurry    int         // the encoder's speed
	scaled   int         // by what the picture was divided that it saw last
	frame    capture.Frame
	small    miniature // of frame, where size gives way
	limits   Limits
	used     time.Duration     // CPU time of the process after the last frame; 0: not known
	governor *governor         // nil before the first frame
	owed     []image.Rectangle // damage of frames that the encoder dropped

	rung      bool        // the source has damage, as far as its bell says
	last      time.Time   // when the last frame was grabbed
	moved     time.Time   // when the last frame with damage was grabbed
	impatient bool        // the sink that leads has had no room for leadPatience
	tick      *time.Timer // the pause in holdBack
	rest      alarm       // something is due although nothing rings
	settled   bool
	same      bool      // the last frame showed nothing new
	refined   int       // refinements since the last change or key frame
	polished  time.Time // when the last of them was made
	seq       uint64

	failures int       // of the encoder, in a row
	retry    time.Time // when it may be opened again
	proven   bool      // it works, as others have been told
}

// sleep waits until there may be something to do.
func (l *loop) sleep(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-l.source.Damaged():
		l.rung = true
	case <-l.stream.wake:
	case <-l.rest.C:
	}
	return nil
}

// holdBack waits until the frame interval is over and there is room for a
// packet. Damage that comes meanwhile is in the picture when it is grabbed. A
// lead that has no room for leadPatience holds up nobody but itself.
func (l *loop) holdBack(ctx context.Context) error {
	if err := l.pause(ctx, l.due(time.Now()), nil); err != nil {
		return err
	}
	began := time.Now()
	for {
		lead, room := l.stream.room(l.impatient)
		if lead != nil && isClosed(lead) {
			l.impatient = false
		}
		if room {
			return nil
		}
		if err := l.pause(ctx, l.stream.interval, lead); err != nil {
			return err
		}
		l.impatient = l.impatient || time.Since(began) > leadPatience
	}
}

// pause waits for d, or until early is closed.
func (l *loop) pause(ctx context.Context, d time.Duration, early <-chan struct{}) error {
	if d <= 0 {
		return nil
	}
	l.tick.Reset(d)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-early:
	case <-l.tick.C:
	}
	return nil
}

// room says whether a packet would be of use to somebody: to the sink that
// leads, or without one (or with one that has no room and has lost its right to
// be waited for) to any other. lead is the leading sink's Ready, nil if none leads.
func (s *Stream) room(impatient bool) (lead <-chan struct{}, room bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members[s.lead] != nil {
		lead = s.lead.Ready()
		if isClosed(lead) || !impatient {
			return lead, isClosed(lead)
		}
	}
	for sink := range s.members {
		if sink != s.lead && isClosed(sink.Ready()) {
			return lead, true
		}
	}
	return lead, len(s.members) == 0 // nobody: there is nothing to hold back
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// step grabs and encodes one frame, if there is any reason to.
func (l *loop) step() {
	s := l.stream
	l.rest.stop()
	now := time.Now()
	if now.Before(l.retry) {
		l.rest.by(l.retry)
		return
	}
	l.works(now)
	l.relax(now)
	useful, key, later := l.plan(now)
	if useful && (l.rung || key || l.refineDue(now)) {
		l.rung = false
		if err := l.source.Grab(&l.frame); err != nil {
			if !errors.Is(err, capture.ErrNoScreen) {
				s.cfg.Log.Warn("no picture", "err", err)
			}
			return // the bell rings when there is a screen again
		}
		defer l.frame.Release()
		l.use(now, key)
		useful, _, later = l.plan(now) // a sink may have refused the packet
	}
	if !later.IsZero() {
		l.rest.by(later)
	}
	if useful && l.unsettled() {
		l.rest.by(l.refineAt())
	}
}

// use encodes the frame in hand if there is anything to encode.
func (l *loop) use(now time.Time, key bool) {
	damaged := len(l.frame.Damage)+len(l.owed) > 0 || l.encoder == nil || l.scaled != max(1, l.limits.Scale)
	// What takes long or waits long is in motion nevertheless, unless it shows nothing new.
	op := Op{Key: key, Refine: l.refineDue(now) && (!damaged || l.same)}
	if !damaged && !key && !op.Refine {
		return
	}
	l.same = l.encode(now, op)
	switch {
	case damaged && !l.same:
		l.moved, l.refined = now, 0
	case op.Key:
		l.refined = 0
	}
}

// refineDue says that the picture is at rest and not yet sharp, and that the
// last refinement is long enough ago.
func (l *loop) refineDue(now time.Time) bool {
	return l.unsettled() && !now.Before(l.refineAt())
}

func (l *loop) unsettled() bool {
	return l.encoder != nil && !l.settled && l.refined < maxRefinements
}

func (l *loop) refineAt() time.Time {
	rest, next := l.moved.Add(settleDelay), l.polished.Add(refineInterval)
	if rest.After(next) {
		return rest
	}
	return next
}

// encode makes a packet of the frame in hand and gives it to the sinks. It
// reports whether the frame turned out to show nothing new: a program that draws
// the same again and again does not keep the picture from settling.
func (l *loop) encode(now time.Time, op Op) (unchanged bool) {
	s, began := l.stream, time.Now()
	frame := l.picture()
	if err := l.open(frame); err != nil {
		l.fail("open", err)
		return false
	}
	for _, rect := range l.owed {
		frame.Damage = capture.Merge(frame.Damage, rect, maxOwed)
	}
	packet, err := l.encoder.Encode(frame, op)
	if err != nil {
		l.fail("encode", err)
		return false
	}
	l.works(time.Now())
	l.govern(began, packet.Key || op.Refine)
	l.last = now
	l.settled = packet.Settled
	if len(packet.Data) == 0 && !packet.Unchanged {
		s.count(func(t *Stats) *uint64 { return &t.Dropped })
		l.owed = append(l.owed[:0], frame.Damage...)
		l.rung = l.rung || len(l.owed) > 0
		l.rest.by(now.Add(s.interval))
		return false
	}
	l.owed = l.owed[:0]
	if op.Refine {
		l.refined++
		l.polished = now
	}
	if packet.Unchanged {
		s.count(func(t *Stats) *uint64 { return &t.Unchanged })
		return true
	}
	l.seq++
	packet.Seq, packet.Codec = l.seq, s.cfg.Backend.Codec
	s.deliver(packet, now)
	return false
}

// open makes the encoder fit the frame in hand and the bitrate wanted. A new
// one has seen nothing yet: everything is damage to it.
func (l *loop) open(frame *capture.Frame) error {
	s := l.stream
	s.mu.Lock()
	bps := s.bps
	s.mu.Unlock()
	if l.encoder != nil && l.size != frame.Size {
		resizer, ok := l.encoder.(Resizer)
		if !ok || resizer.Resize(frame.Size) != nil {
			l.close()
		}
		l.size = frame.Size
		l.owed = l.owed[:0] // all of a new size is damage
	}
	if l.encoder == nil {
		encoder, err := s.cfg.Backend.Open(Config{Size: frame.Size, BitrateBps: bps, MaxFPS: s.cfg.MaxFPS, Threads: s.cfg.Threads})
		if err != nil {
			return err
		}
		l.encoder, l.size, l.bps, l.hurry = encoder, frame.Size, bps, 0
		frame.Damage = append(frame.Damage[:0], image.Rectangle{Max: l.size})
	}
	if bps != l.bps {
		l.bps = bps
		if err := l.encoder.SetBitrate(bps); err != nil {
			return err
		}
	}
	return l.setSpeed()
}

const (
	// hopeless is the number of failures in a row at which others are told.
	hopeless = 2
	// steady is for how long an encoder has to work after a failure for the next
	// one to be another row's: some fail anew a few frames after each start.
	steady = 2 * time.Second
)

// works tells that the encoder works once that has lasted.
func (l *loop) works(now time.Time) {
	if l.encoder == nil {
		return
	}
	if lasting := l.retry.Add(steady); l.failures > 0 && now.Before(lasting) {
		l.rest.by(lasting)
		return
	}
	l.failures = 0
	if !l.proven {
		l.proven = true
		l.tell(nil)
	}
}

func (l *loop) tell(err error) {
	if l.stream.cfg.Failing != nil {
		l.stream.cfg.Failing(err)
	}
}

// fail gives the encoder up; the next is opened after a pause that grows.
func (l *loop) fail(operation string, err error) {
	l.close()
	l.stream.count(func(t *Stats) *uint64 { return &t.Failures })
	pause := min(100*time.Millisecond<<min(l.failures, 10), maxEncoderPause)
	first, told := l.failures == 0, l.failures >= hopeless
	l.failures++
	if errors.Is(err, ErrLost) || l.stream.cfg.Backend.Slow {
		l.failures = max(l.failures, hopeless)
	}
	l.retry = time.Now().Add(pause)
	l.rest.by(l.retry)
	l.rung = true
	if l.failures >= hopeless && !told {
		l.proven = false
		l.tell(err)
	}
	if first {
		l.stream.cfg.Log.Error("encoder failed", "operation", operation, "encoder", l.stream.cfg.Backend.Name, "err", err)
	}
}

func (l *loop) close() {
	if l.encoder == nil {
		return
	}
	if err := l.encoder.Close(); err != nil {
		l.stream.cfg.Log.Warn("encoder did not close", "encoder", l.stream.cfg.Backend.Name, "err", err)
	}
	l.encoder, l.settled, l.owed = nil, false, l.owed[:0]
}

// plan says whether a frame now would be of use to anybody, whether it has to
// be a key frame, and when to look again if one is wanted too early. Key frames
// for those who do not lead are rare, but for one who has just come while
// nothing moves, or from a codec that it can have no longer.
func (l *loop) plan(now time.Time) (useful, key bool, later time.Time) {
	atRest := now.Sub(l.moved) > 2*settleDelay
	s := l.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	for sink, m := range s.members {
		if !m.wantsKey {
			useful = true
			continue
		}
		interval := otherKeyInterval
		if sink == s.lead && !l.impatient || len(s.members) == 1 || m.fresh && (atRest || m.moved) {
			interval = leadKeyInterval
		}
		due := s.keyed.Add(interval)
		switch room := isClosed(sink.Ready()); {
		case !room:
			due = now.Add(roomCheck)
			if m.refused.IsZero() { // it would refuse its first key frame
				m.refused = now
			}
		case !now.Before(due):
			return true, true, now
		}
		if later.IsZero() || due.Before(later) {
			later = due
		}
	}
	return useful, false, later
}

// deliver gives a packet to every sink that can use it.
func (s *Stream) deliver(packet Packet, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if packet.Key {
		s.keyed = now
	}
	cause := KeyEncoder
	for sink, m := range s.members {
		if m.wantsKey && !packet.Key {
			continue
		}
		cause = max(cause, m.keyCause())
		m.wantsKey, m.fresh, m.asked = false, false, false
		if !sink.WritePacket(packet) {
			m.wantsKey, m.refused = true, now
			m.missed++
		}
	}
	s.tally.note(&packet, cause)
}

// alarm is a timer set to the earliest of the moments that it is given.
type alarm struct {
	*time.Timer
	at time.Time // zero: not set
}

func (a *alarm) by(t time.Time) {
	if a.at.IsZero() || t.Before(a.at) {
		a.at = t
		a.Reset(time.Until(t))
	}
}

func (a *alarm) stop() {
	a.Stop()
	a.at = time.Time{}
}

// stopped returns a timer that is not running.
func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}
