package display

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// address is what a display's name says, as xgb reads it.
type address struct {
	network, address string // of its socket, as in net.Dial
	host             string // that the cookie is for; empty: this one
	number, screen   int
}

// parseName reads "[[protocol/]host]:number[.screen]", or "/socket:number",
// where the socket's path ends in ":number". An empty name is DISPLAY.
func parseName(name string) (address, error) {
	if name == "" {
		name = os.Getenv("DISPLAY")
	}
	bad := fmt.Errorf("bad display name %q", name)
	colon := strings.LastIndex(name, ":")
	if colon < 0 {
		return address{}, bad
	}
	host, digits := name[:colon], name[colon+1:]
	digits, screen, screened := strings.Cut(digits, ".")
	var addr address
	var err error
	if addr.number, err = strconv.Atoi(digits); err != nil || addr.number < 0 {
		return address{}, bad
	}
	if screened {
		if addr.screen, err = strconv.Atoi(screen); err != nil {
			return address{}, bad
		}
	}
	if strings.HasPrefix(host, "/") {
		addr.network, addr.address = "unix", host+":"+digits
		return addr, nil
	}
	addr.network = "tcp"
	if slash := strings.LastIndex(host, "/"); slash >= 0 {
		addr.network, host = host[:slash], host[slash+1:]
	}
	if host == "" || host == "unix" {
		addr.network, addr.address = "unix", socketPath(addr.number)
		return addr, nil
	}
	addr.host, addr.address = host, net.JoinHostPort(host, strconv.Itoa(6000+addr.number))
	return addr, nil
}

// cookie returns the display's cookie in hexadecimal digits; empty: there is
// none, and the server may let us in without.
func (a address) cookie() (string, error) {
	path := os.Getenv("XAUTHORITY")
	if path == "" {
		path = os.Getenv("HOME") + "/.Xauthority"
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return "", nil // not there, or not for us
	}
	host := a.host
	if host == "" || host == "localhost" {
		if host, err = os.Hostname(); err != nil {
			return "", err
		}
	}
	name, data := findCookie(file, host, strconv.Itoa(a.number))
	if data == nil {
		return "", nil
	}
	if name != cookieName || len(data) != cookieLen {
		return "", errors.New("unsupported X authority " + strconv.Quote(name))
	}
	return hex.EncodeToString(data), nil
}
