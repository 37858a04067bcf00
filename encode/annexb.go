package encode

import "bytes"

// sequenceParameterSet is a type of NAL units (ITU-T H.264, table 7-1).
const sequenceParameterSet = 7

var startCode = []byte{0, 0, 1}

// NextNAL returns the first NAL unit of a byte stream (ITU-T H.264, annex B),
// without its start code and the zeros that may follow it, and what is left of
// the stream. nal is nil when there is none: the stream is over, or does not begin
// with a start code of 3 or 4 bytes. Both are parts of stream.
func NextNAL(stream []byte) (nal, rest []byte) {
	zeros := 0
	for zeros < len(stream) && stream[zeros] == 0 {
		zeros++
	}
	if zeros < 2 || zeros == len(stream) || stream[zeros] != 1 {
		return nil, nil
	}
	nal = stream[zeros+1:]
	if end := bytes.Index(nal, startCode); end >= 0 {
		nal, rest = nal[:end], nal[end:]
	}
	// A NAL unit ends with a bit that is set, so that zeros are never its own.
	return bytes.TrimRight(nal, "\x00"), rest
}

// H264Profile returns profile_idc, the constraint flags and level_idc (ITU-T H.264,
// 7.3.2.1.1) of the first sequence parameter set in a byte stream. They are the six
// digits of avc1.PPCCLL (RFC 6381) and of profile-level-id (RFC 6184).
func H264Profile(stream []byte) (profile [3]byte, ok bool) {
	for nal, rest := NextNAL(stream); nal != nil; nal, rest = NextNAL(rest) {
		if len(nal) > len(profile) && nal[0]&0x1f == sequenceParameterSet {
			return [3]byte(nal[1:4]), true
		}
	}
	return profile, false
}
