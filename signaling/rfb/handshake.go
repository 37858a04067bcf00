package rfb

import (
	"bytes"
	"crypto/des"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
)

// The versions that there are (RFC 6143 section 7.1.1).
const (
	version33 = "RFB 003.003\n"
	version37 = "RFB 003.007\n"
	version38 = "RFB 003.008\n"
)

// The security types in use (RFC 6143 section 7.1.2).
const (
	securityInvalid = 0
	securityNone    = 1
	securityVNC     = 2
)

// maxReason is the longest reason of a refusal that is read, in bytes.
const maxReason = 1 << 10

var (
	errNotRFB   = errors.New("it does not speak RFB")
	errSecurity = errors.New("no security type in common")
)

// enter makes the client's part of the handshake with a VNC server, up to
// ClientInit: the server's next message is ServerInit. The desktop is shared
// with the clients that the server has already.
func enter(server io.ReadWriter, password string) error {
	version, err := agreeVersion(server)
	if err != nil {
		return err
	}
	security, err := agreeSecurity(server, version, password != "")
	if err != nil {
		return err
	}
	if security == securityVNC {
		if err := answerChallenge(server, password); err != nil {
			return err
		}
	}
	if security == securityVNC || version == version38 { // without security, only 3.8 says how it went
		if err := readResult(server, version); err != nil {
			return err
		}
	}
	const shared = 1
	_, err = server.Write([]byte{shared})
	return err
}

// agreeVersion answers with the newest version that both sides know.
func agreeVersion(server io.ReadWriter) (string, error) {
	var offered [len(version38)]byte
	if _, err := io.ReadFull(server, offered[:]); err != nil {
		return "", err
	}
	digits := func(b []byte) bool {
		return !slices.ContainsFunc(b, func(c byte) bool { return c < '0' || c > '9' })
	}
	if string(offered[:4]) != "RFB " || offered[7] != '.' || offered[11] != '\n' || !digits(offered[4:7]) || !digits(offered[8:11]) {
		return "", errNotRFB
	}
	version := version38
	switch v := string(offered[:]); {
	case v < version37: // 3.5 is treated as 3.3 (section 7.1.1)
		version = version33
	case v < version38:
		version = version37
	}
	_, err := io.WriteString(server, version)
	return version, err
}

// agreeSecurity chooses a security type, or in 3.3 takes the one that the server
// has chosen.
func agreeSecurity(server io.ReadWriter, version string, password bool) (byte, error) {
	var offered []byte
	if version == version33 {
		var choice [4]byte
		if _, err := io.ReadFull(server, choice[:]); err != nil {
			return 0, err
		}
		if n := binary.BigEndian.Uint32(choice[:]); n > securityVNC {
			return 0, errSecurity
		}
		offered = choice[3:]
		if offered[0] == securityInvalid {
			return 0, refusal(server)
		}
	} else {
		var count [1]byte
		if _, err := io.ReadFull(server, count[:]); err != nil {
			return 0, err
		}
		if count[0] == 0 {
			return 0, refusal(server)
		}
		offered = make([]byte, count[0])
		if _, err := io.ReadFull(server, offered); err != nil {
			return 0, err
		}
	}
	var choice byte
	switch {
	case slices.Contains(offered, securityNone):
		choice = securityNone
	case !slices.Contains(offered, securityVNC):
		return 0, errSecurity
	case !password:
		return 0, ErrPassword
	default:
		choice = securityVNC
	}
	if version == version33 {
		return choice, nil
	}
	_, err := server.Write([]byte{choice})
	return choice, err
}

// answerChallenge encrypts what the server sends with the password (RFC 6143
// section 7.2.2).
func answerChallenge(server io.ReadWriter, password string) error {
	var challenge [2 * des.BlockSize]byte
	if _, err := io.ReadFull(server, challenge[:]); err != nil {
		return err
	}
	var key [8]byte
	copy(key[:], password)
	for i, b := range key {
		key[i] = bits.Reverse8(b) // each byte's lowest bit comes first
	}
	cipher, err := des.NewCipher(key[:])
	if err != nil {
		return err
	}
	cipher.Encrypt(challenge[:des.BlockSize], challenge[:des.BlockSize])
	cipher.Encrypt(challenge[des.BlockSize:], challenge[des.BlockSize:])
	_, err = server.Write(challenge[:])
	return err
}

// readResult reads SecurityResult (RFC 6143 section 7.1.3).
func readResult(server io.Reader, version string) error {
	var result [4]byte
	if _, err := io.ReadFull(server, result[:]); err != nil {
		return err
	}
	switch {
	case binary.BigEndian.Uint32(result[:]) == 0:
		return nil
	case version == version38:
		return refusal(server)
	}
	return errors.New("refused")
}

// refusal is an error with the reason that a server gives.
func refusal(server io.Reader) error {
	var length [4]byte
	if _, err := io.ReadFull(server, length[:]); err != nil {
		return fmt.Errorf("refused: %w", err)
	}
	reason := make([]byte, min(binary.BigEndian.Uint32(length[:]), maxReason))
	n, _ := io.ReadFull(server, reason) // a part says something, too
	return fmt.Errorf("refused: %q", reason[:n])
}

// welcome makes a server's part of the handshake with a page, which has been
// let in already, up to ClientInit. Whether it wants to share the desktop is not
// its to say.
func welcome(page io.ReadWriter) error {
	for _, step := range []struct {
		say    string
		expect []byte // nil: any byte
	}{
		{version38, []byte(version38)},
		{"\x01\x01", []byte{securityNone}}, // one type, which is None
		{"\x00\x00\x00\x00", nil},          // SecurityResult: OK; ClientInit follows
	} {
		if _, err := io.WriteString(page, step.say); err != nil {
			return err
		}
		heard := make([]byte, max(1, len(step.expect)))
		if _, err := io.ReadFull(page, heard); err != nil {
			return err
		}
		if step.expect != nil && !bytes.Equal(heard, step.expect) {
			return fmt.Errorf("%w: handshake %q", ErrMalformed, heard)
		}
	}
	return nil
}
