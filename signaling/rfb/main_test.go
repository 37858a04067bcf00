package rfb

import (
	"encoding/binary"
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"lucarne/signaling/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// join returns a viewer of a session of its own.
func join(t testing.TB, role session.Role, policy session.Policy) *session.Viewer {
	t.Helper()
	s := session.New(session.Config{Policy: policy, Log: slog.New(slog.DiscardHandler)})
	v, err := s.Join(session.JoinConfig{Role: role})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Leave)
	return v
}

// bytes16 and bytes32 are numbers as RFB writes them.
func bytes16(n uint16) string { return string(binary.BigEndian.AppendUint16(nil, n)) }
func bytes32(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// Messages of a page, one of each type.
var (
	pixelFormat   = "\x00\x00\x00\x00 \x18\x00\x01\x00\xff\x00\xff\x00\xff\x10\x08\x00\x00\x00\x00"
	updateRequest = "\x03\x01\x00\x00\x00\x00\x05\x00\x02\xd0"
	keyDown       = "\x04\x01\x00\x00" + bytes32('a')
	keyUp         = "\x04\x00\x00\x00" + bytes32('a')
	buttonDown    = "\x05\x01" + bytes16(20) + bytes16(30)
	buttonUp      = "\x05\x00" + bytes16(20) + bytes16(30)
	cutText       = "\x06\x00\x00\x00" + bytes32(6) + "secret"
	extendedCut   = "\x06\x00\x00\x00" + bytes32(1<<32-8) + "\x08\x00\x00\x01data"
	continuous    = "\x96\x01\x00\x00\x00\x00\x05\x00\x02\xd0"
	fence         = "\xf8\x00\x00\x00\x80\x00\x00\x01\x03abc"
	xvpShutdown   = "\xfa\x00\x01\x02"
	desktopSize   = "\xfb\x00\x05\x00\x02\xd0\x01\x00" + "\x00\x00\x00\x01\x00\x00\x00\x00\x05\x00\x02\xd0\x00\x00\x00\x00"
	qemuDown      = "\xff\x00\x00\x01" + bytes32('b') + bytes32(0x30)
	qemuUp        = "\xff\x00\x00\x00" + bytes32('b') + bytes32(0x30)
	qemuAudio     = "\xff\x01\x00\x00"
)

// encodings is a SetEncodings.
func encodings(list ...int32) string {
	m := "\x02\x00" + bytes16(uint16(len(list)))
	for _, encoding := range list {
		m += bytes32(uint32(encoding))
	}
	return m
}
