package display

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
)

const (
	cookieName = "MIT-MAGIC-COOKIE-1"
	cookieLen  = 16 // bytes

	// familyWild (Xauth.h) matches whatever the host is called: a container's
	// name changes more often than its cookie.
	familyWild = 65535
	// familyLocal matches the host's name.
	familyLocal = 256
)

// writeAuthority writes the cookie to a new file in dir.
func (p *Plan) writeAuthority(dir string) error {
	var err error
	if dir == "" {
		if dir, err = os.MkdirTemp("", "lucarne-display-"); err != nil {
			return fmt.Errorf("display: cookie: %w", err)
		}
		p.tempDir = dir
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("display: cookie: %w", err)
	}
	f, err := os.CreateTemp(dir, "Xauthority-") // 0600
	if err != nil {
		return fmt.Errorf("display: cookie: %w", err)
	}
	p.Authority = f.Name()
	p.files = append(p.files, p.Authority)
	_, err = f.Write(authority(p.number, p.cookie))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("display: cookie: %w", err)
	}
	return nil
}

// authority returns an Xauthority file of one entry for display number on any
// host (Xau(3)): big-endian numbers, strings with a 16-bit length.
func authority(number int, cookie []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, familyWild)
	for _, field := range []string{"", strconv.Itoa(number), cookieName, string(cookie)} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(field)))
		b = append(b, field...)
	}
	return b
}

// findCookie returns the first entry of an Xauthority file (Xau(3)) for a
// display number on a host; nil if there is none.
func findCookie(file []byte, host, number string) (name string, cookie []byte) {
	for len(file) >= 2 {
		family := binary.BigEndian.Uint16(file)
		file = file[2:]
		var fields [4][]byte // address, number, name, cookie
		for i := range fields {
			if len(file) < 2 {
				return "", nil
			}
			end := 2 + int(binary.BigEndian.Uint16(file))
			if len(file) < end {
				return "", nil
			}
			fields[i], file = file[2:end], file[end:]
		}
		here := family == familyWild || family == familyLocal && string(fields[0]) == host
		if here && (len(fields[1]) == 0 || string(fields[1]) == number) {
			return string(fields[2]), fields[3]
		}
	}
	return "", nil
}

// setup connects to display number and makes a connection setup (X11 protocol,
// Connection Setup) with the cookie.
func setup(ctx context.Context, number int, cookie []byte) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socketPath(number))
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	name := cookieName + "\x00\x00" // padded to a multiple of four
	b := []byte{'l', 0}             // little endian
	for _, v := range []int{11, 0, len(cookieName), len(cookie), 0} {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	b = append(append(b, name...), cookie...)
	if _, err := conn.Write(b); err != nil {
		return err
	}
	var head [8]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return err
	}
	if head[0] == 1 {
		return nil
	}
	reason := make([]byte, head[1])
	if _, err := io.ReadFull(conn, reason); err != nil {
		return err
	}
	return fmt.Errorf("%w: %q", ErrRefused, reason)
}
