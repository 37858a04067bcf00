package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// splitListen returns the network and the address of --listen.
func splitListen(listen string) (network, address string, err error) {
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		if path == "" {
			return "", "", errors.New("--listen unix: without a path; say unix:/run/lucarne.sock")
		}
		return "unix", path, nil
	}
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", "", fmt.Errorf("--listen %q is not host:port or unix:/path", listen)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", "", fmt.Errorf("--listen %q: port %q is not 0 to 65535", listen, port)
	}
	return "tcp", listen, nil
}

// open starts to listen. The errors say what to do.
func (f *httpFlags) open(log *slog.Logger) (net.Listener, error) {
	config, err := f.tlsConfig(log)
	if err != nil {
		return nil, err
	}
	l, err := openListener("--listen", f.Listen)
	if err != nil {
		return nil, err
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return l, nil
}

// openListener starts to listen at a place of --listen's form, which the flag names.
func openListener(flag, place string) (net.Listener, error) {
	network, address, err := splitListen(place)
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	l, err := listen(network, address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, exitError{exitNoListen, fmt.Errorf("%s is taken by another program; choose another with %s", place, flag)}
	case errors.Is(err, os.ErrPermission):
		return nil, exitError{exitNoListen, fmt.Errorf("not allowed to listen on %s; choose another with %s (ports below 1024 are the administrator's)", place, flag)}
	case err != nil:
		return nil, exitError{exitNoListen, fmt.Errorf("cannot listen on %s: %w; choose another with %s", place, err, flag)}
	}
	return l, nil
}

func listen(network, address string) (net.Listener, error) {
	if network != "unix" {
		return net.Listen(network, address)
	}
	if conn, err := net.Dial(network, address); err == nil {
		conn.Close()
		return nil, syscall.EADDRINUSE
	} else if info, _ := os.Lstat(address); errors.Is(err, syscall.ECONNREFUSED) && info != nil && info.Mode().Type() == os.ModeSocket {
		// The socket of a process that is no more.
		if err := os.Remove(address); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(address, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// link returns the address of the page on l, as a browser on this machine can
// open it, with the token if there is one.
func (f *httpFlags) link(l net.Listener, token string) string {
	u := url.URL{Scheme: "http", Host: "localhost", Path: "/" + strings.Trim(f.BasePath, "/") + "/"}
	if u.Path == "//" {
		u.Path = "/"
	}
	if f.TLS != "off" || f.TLSCert != "" {
		u.Scheme = "https"
	}
	if addr, ok := l.Addr().(*net.TCPAddr); ok {
		host := "localhost"
		if !addr.IP.IsUnspecified() {
			host = addr.IP.String()
		}
		u.Host = net.JoinHostPort(host, strconv.Itoa(addr.Port))
	}
	if token != "" {
		u.Fragment = "token=" + token
	}
	return u.String()
}

// tlsConfig returns nil where TLS is off.
func (f *httpFlags) tlsConfig(log *slog.Logger) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}} // RFC 6455 speaks HTTP/1.1
	switch {
	case f.TLSCert != "":
		cert, err := tls.LoadX509KeyPair(f.TLSCert, f.TLSKey)
		if err != nil {
			return nil, exitError{exitNoInput, fmt.Errorf("cannot use --tls-cert and --tls-key: %w", err)}
		}
		config.Certificates = []tls.Certificate{cert}
	case f.TLS == "self-signed":
		host := ""
		if network, address, _ := splitListen(f.Listen); network == "tcp" {
			host, _, _ = net.SplitHostPort(address)
		}
		cert, err := selfSigned(host, f.AllowedHost)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{cert}
		log.Info("made a TLS certificate", "sha256", fmt.Sprintf("%X", sha256.Sum256(cert.Certificate[0])))
	default:
		return nil, nil
	}
	return config, nil
}

// selfSigned makes a certificate (RFC 5280) for this machine and the hosts given.
func selfSigned(listenHost string, allowed []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("self-signed certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(randomBytes(16)),
		Subject:      pkix.Name{CommonName: "lucarne"},
		NotBefore:    time.Now().Add(-time.Hour), // clocks differ
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		DNSNames:     []string{"localhost"},
	}
	names := append([]string{listenHost}, allowed...)
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	for _, name := range names {
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if name != "" {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("self-signed certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
