package doctor

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Of STUN (RFC 8489): the header, two messages and one attribute.
const (
	stunHeader   = 20
	stunCookie   = 0x2112A442
	stunRequest  = 0x0001 // a Binding request
	stunSuccess  = 0x0101 // its success response
	stunXORMap   = 0x0020 // XOR-MAPPED-ADDRESS
	stunMaximum  = 1500   // bytes of a datagram
	stunAgain    = 500 * time.Millisecond
	stunFamilyV4 = 1
	stunFamilyV6 = 2
)

var errSTUN = errors.New("no answer of STUN's")

// Reflexive asks a STUN server, as host:port, from which address it is asked by UDP: what a
// browser elsewhere would send to (RFC 8489, Binding). It asks again twice a second until
// ctx ends.
func Reflexive(ctx context.Context, server string) (netip.AddrPort, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", server)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("doctor: ask %s: %w", server, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Now()) })()
	request := make([]byte, stunHeader)
	binary.BigEndian.PutUint16(request, stunRequest)
	binary.BigEndian.PutUint32(request[4:], stunCookie)
	rand.Read(request[8:])
	answer := make([]byte, stunMaximum)
	for ctx.Err() == nil {
		if _, err := conn.Write(request); err != nil {
			return netip.AddrPort{}, fmt.Errorf("doctor: ask %s: %w", server, err)
		}
		until := time.Now().Add(stunAgain)
		for {
			conn.SetReadDeadline(until)
			if ctx.Err() != nil {
				break
			}
			n, err := conn.Read(answer)
			if timeout := (interface{ Timeout() bool })(nil); errors.As(err, &timeout) && timeout.Timeout() {
				break
			}
			if err != nil {
				return netip.AddrPort{}, fmt.Errorf("doctor: ask %s: %w", server, err)
			}
			if address, err := mapped(answer[:n], request[8:]); err == nil {
				return address, nil
			}
		}
	}
	return netip.AddrPort{}, fmt.Errorf("doctor: ask %s: %w", server, errSTUN)
}

// mapped reads the XOR-MAPPED-ADDRESS of a success response (RFC 8489 §14.2) to the
// request with this transaction ID, of 12 bytes.
func mapped(answer, transaction []byte) (netip.AddrPort, error) {
	if len(answer) < stunHeader || binary.BigEndian.Uint16(answer) != stunSuccess ||
		binary.BigEndian.Uint32(answer[4:]) != stunCookie || string(answer[8:stunHeader]) != string(transaction) {
		return netip.AddrPort{}, errSTUN
	}
	mask := answer[4:stunHeader] // the cookie and the transaction ID
	for rest := answer[stunHeader:]; len(rest) >= 4; {
		kind, size := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		rest = rest[4:]
		if size > len(rest) {
			break
		}
		if kind == stunXORMap {
			return unmask(rest[:size], mask)
		}
		rest = rest[min((size+3)&^3, len(rest)):] // padded to four bytes
	}
	return netip.AddrPort{}, errSTUN
}

// unmask reads the value of an XOR-MAPPED-ADDRESS.
func unmask(value, mask []byte) (netip.AddrPort, error) {
	switch {
	case len(value) == 8 && value[1] == stunFamilyV4:
	case len(value) == 20 && value[1] == stunFamilyV6:
	default:
		return netip.AddrPort{}, errSTUN
	}
	raw := make([]byte, len(value)-4)
	for n := range raw {
		raw[n] = value[4+n] ^ mask[n]
	}
	address, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(address, binary.BigEndian.Uint16(value[2:])^binary.BigEndian.Uint16(mask)), nil
}
