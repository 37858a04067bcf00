package encode

// KeyCause is why a frame was made a key frame. Of several causes the highest counts.
type KeyCause uint8

// The causes.
const (
	KeyEncoder KeyCause = iota // the encoder begins, or the picture has another size
	KeyMissed                  // a sink had no room for a packet and has to begin anew
	KeyAsked                   // a decoder has lost its way
	KeyJoined                  // somebody has come, or comes from another stream
	KeyCauses                  // how many there are
)

// String returns the cause's name as statistics show it.
func (c KeyCause) String() string { return [...]string{"encoder", "missed", "asked", "joined"}[c] }

// Stats are what has become of the pictures of a Stream, or of all of a Fanout's,
// since it was made. Frames are counted once, however many sinks get them.
type Stats struct {
	Deltas      uint64            // frames that show something new
	Refinements uint64            // frames that make a picture at rest sharper
	Keys        [KeyCauses]uint64 // key frames
	Bytes       uint64            // of all these
	Unchanged   uint64            // pictures that showed nothing new, of which nothing was sent
	Dropped     uint64            // pictures that the encoder left out to keep to its bitrate
	Failures    uint64            // of the encoder, to be opened or to encode

	// How long the stages took: from the damage to the grab (frames with damage
	// alone), from there to the encoder's colour format, from there to the packet.
	Grab, Convert, Encode Histogram
}

// merge adds what another has counted.
func (s *Stats) merge(o Stats) {
	s.Deltas += o.Deltas
	s.Refinements += o.Refinements
	for i, n := range o.Keys {
		s.Keys[i] += n
	}
	s.Bytes += o.Bytes
	s.Unchanged += o.Unchanged
	s.Dropped += o.Dropped
	s.Failures += o.Failures
	s.Grab.Merge(o.Grab)
	s.Convert.Merge(o.Convert)
	s.Encode.Merge(o.Encode)
}

// note counts a packet, and what is known of its stages.
func (s *Stats) note(p *Packet, cause KeyCause) {
	t := &p.Times
	switch {
	case p.Key:
		s.Keys[cause]++
	case t.Damaged.IsZero():
		s.Refinements++
	default:
		s.Deltas++
	}
	s.Bytes += uint64(len(p.Data))
	if t.Grabbed.IsZero() || t.Encoded.IsZero() {
		return
	}
	s.Grab.Between(t.Damaged, t.Grabbed)
	s.Convert.Between(t.Grabbed, t.Converted)
	converted := t.Converted
	if converted.IsZero() {
		converted = t.Grabbed
	}
	s.Encode.Between(converted, t.Encoded)
}

// keyCause is why a sink is in want of a key frame; KeyEncoder: it is not.
func (m *member) keyCause() KeyCause {
	switch {
	case !m.wantsKey:
		return KeyEncoder
	case m.fresh:
		return KeyJoined
	case m.asked:
		return KeyAsked
	}
	return KeyMissed
}

// Stats returns what has become of the pictures so far.
func (s *Stream) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tally
}

// target returns the bitrate that is wanted, in bits a second.
func (s *Stream) target() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bps
}

// count notes something that has happened beside a packet.
func (s *Stream) count(of func(*Stats) *uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*of(&s.tally)++
}

// Stats returns what has become of the pictures of all streams so far.
func (f *Fanout) Stats() (all Stats) {
	for _, stream := range f.streams {
		all.merge(stream.Stats())
	}
	return all
}

// Target returns the bitrate that a watched stream's encoder is to keep to, in bits a
// second; 0: nobody watches it.
func (f *Fanout) Target(class Class) int {
	if !f.watched()[class] {
		return 0
	}
	return f.streams[class].target()
}
