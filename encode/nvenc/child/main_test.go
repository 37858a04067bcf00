package child_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"lucarne/encode"
	"lucarne/encode/nvenc"
	"lucarne/encode/nvenc/child"
	"lucarne/encode/nvenc/fakedriver"
)

// served tells a test that it is the encoder's process, and where its driver is.
const served = "CHILD_TEST_DRIVER"

// built is the fake driver, for all tests; absent says why there is none.
var (
	built  fakedriver.Driver
	absent error
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(served); dir != "" {
		conn, err := child.Inherit()
		if err == nil {
			err = child.Serve(context.Background(), conn, backends(fakedriver.Driver{Dir: dir}))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "fakedriver")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built, absent = fakedriver.Build(dir)
	code := m.Run()
	os.RemoveAll(dir)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func backends(driver fakedriver.Driver) []encode.Backend {
	cfg := nvenc.Config{CUDA: driver.CUDA(), Encode: driver.Encode()}
	return []encode.Backend{nvenc.Backend(cfg), nvenc.Backend444(cfg)}
}

// driver skips the test where the fake driver cannot be used.
func driver(t testing.TB) fakedriver.Driver {
	t.Helper()
	if _, err := nvenc.Backend(nvenc.Config{}).Open(encode.Config{Size: image.Pt(16, 16)}); errors.Is(err, nvenc.ErrAbsent) {
		t.Skip("this build has no NVENC")
	}
	if absent != nil {
		t.Skipf("no fake driver: %v", absent)
	}
	return built
}

// process returns the configuration of encoders in processes of their own.
func process(t testing.TB, env ...string) child.Config {
	dir := driver(t).Dir
	return child.Config{Open: 20 * time.Second, Frame: 20 * time.Second, Start: func() (*child.Process, error) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(append(os.Environ(), served+"="+dir, "GORACE=atexit_sleep_ms=0"), env...) // else it ends a second late
		p, err := child.Start(cmd)
		if err != nil {
			return nil, err
		}
		end := p.End
		p.End = func(patience time.Duration) { end(10 * patience) } // the machine may be busy; what hangs has none
		return p, nil
	}}
}

// pair returns both ends of a socket.
func pair(t testing.TB) (ours, theirs net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "pair")
		if ends[i], err = net.FileConn(file); err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	return ends[0], ends[1]
}

// beside returns the configuration of encoders that are served by these backends
// in this process.
func beside(t testing.TB, backends []encode.Backend) child.Config {
	return child.Config{Open: 20 * time.Second, Frame: 20 * time.Second, Start: func() (*child.Process, error) {
		ours, theirs := pair(t)
		done := make(chan error, 1)
		go func() {
			done <- child.Serve(context.Background(), theirs, backends)
			theirs.Close()
		}()
		ended := false
		return &child.Process{Conn: ours, End: func(time.Duration) {
			if ended {
				return
			}
			ended = true
			if err := <-done; err != nil {
				t.Errorf("serve: %v", err)
			}
		}}, nil
	}}
}
