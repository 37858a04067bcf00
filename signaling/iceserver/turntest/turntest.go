// Package turntest starts a real TURN server for tests: coturn on loopback, by
// UDP, TCP and TLS.
package turntest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Secret is what the server takes credentials of TURN's REST API by.
const Secret = "north"

// Server is a TURN server that ends with the test.
type Server struct {
	UDP, TCP, TLS string // its URLs; nobody has signed its certificate
	log           log
}

// Log returns what the server has written so far.
func (s *Server) Log() string { return s.log.String() }

type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// patience is how long the server may take to start.
const patience = 15 * time.Second

// Start starts a server. Without coturn the test is skipped.
func Start(t testing.TB) *Server {
	t.Helper()
	program, err := exec.LookPath("turnserver")
	if err != nil {
		t.Skip("turnserver is not installed: apt-get install coturn")
	}
	dir := t.TempDir()
	port, tlsPort := freePort(t), freePort(t)
	s := &Server{
		UDP: fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", port),
		TCP: fmt.Sprintf("turn:127.0.0.1:%d?transport=tcp", port),
		TLS: fmt.Sprintf("turns:127.0.0.1:%d?transport=tcp", tlsPort),
	}
	certify(t, dir)
	config := filepath.Join(dir, "turnserver.conf")
	text := fmt.Sprintf(`listening-ip=127.0.0.1
relay-ip=127.0.0.1
listening-port=%d
tls-listening-port=%d
use-auth-secret
static-auth-secret=%s
realm=turn.example
cert=%s/cert.pem
pkey=%s/key.pem
userdb=%s/userdb
pidfile=%s/pid
log-file=stdout
simple-log
verbose
no-cli
no-dtls
allow-loopback-peers
`, port, tlsPort, Secret, dir, dir, dir, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", config)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		cmd.Wait() // what it logged says more than its status
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("turnserver:\n%s", s.Log())
		}
	})
	s.await(t, port, tlsPort)
	return s
}

// await waits until the server takes connections.
func (s *Server) await(t testing.TB, ports ...int) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); len(ports) > 0; <-tick.C {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0]))
		if err == nil {
			conn.Close()
			ports = ports[1:]
		} else if time.Now().After(deadline) {
			t.Fatalf("turnserver does not listen: %v\n%s", err, s.Log())
		}
	}
}

// freePort returns a port that is free for TCP and UDP.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		conn, err := net.ListenPacket("udp", address)
		l.Close()
		if err == nil {
			conn.Close()
			return l.Addr().(*net.TCPAddr).Port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// certify writes a certificate and its key.
func certify(t testing.TB, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate, certificate, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
