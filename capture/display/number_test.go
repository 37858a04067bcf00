package display_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"lucarne/capture/display"
)

// Numbers that others have are left to them, whatever says so: a lock or a socket of
// another user's in a /tmp that is shared with the host, or a socket without a name.
func TestOthersNumbers(t *testing.T) {
	needs(t, "Xvfb")
	first, err := display.New(display.Config{Server: display.Xvfb, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	number := first.Display[1:]
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for name, take := range map[string]func() (io.Closer, error){
		"lock": func() (io.Closer, error) {
			return taking(os.OpenFile("/tmp/.X"+number+"-lock", os.O_CREATE|os.O_EXCL, 0))
		},
		"socket":                              func() (io.Closer, error) { return net.Listen("unix", "/tmp/.X11-unix/X"+number) },
		"claim of who has not started it yet": func() (io.Closer, error) { return taking(display.LockFile(display.ClaimPath(atoi(t, number)))) },
		"abstract socket":                     func() (io.Closer, error) { return net.Listen("unix", "@/tmp/.X11-unix/X"+number) },
	} {
		theirs, err := take()
		if err != nil {
			t.Skipf("somebody else has taken display %s: %v", number, err)
		}
		plan, err := display.New(display.Config{Server: display.Xvfb, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if plan.Display == ":"+number {
			t.Errorf("%s: display %s was somebody else's", name, number)
		}
		if err := errors.Join(plan.Close(), theirs.Close()); err != nil {
			t.Error(err)
		}
	}
}

// taking is a file that is removed when it is closed.
func taking(f *os.File, err error) (io.Closer, error) { return removed{f}, err }

type removed struct{ *os.File }

func (r removed) Close() error { return errors.Join(r.File.Close(), os.Remove(r.Name())) }

func atoi(t *testing.T, digits string) int {
	t.Helper()
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A claim is one's alone, also while others make, remove and find the file.
func TestLockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "claim")
	var holders, held atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				file, err := display.LockFile(path)
				if err != nil {
					continue
				}
				if holders.Add(1) > 1 {
					t.Error("two hold it at once")
				}
				held.Add(1)
				holders.Add(-1)
				if err := errors.Join(os.Remove(path), file.Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if held.Load() == 0 {
		t.Error("nobody has ever had it")
	}

	// What a crash has left is taken over, but no link followed.
	if err := os.WriteFile(path, nil, 0o444); err != nil {
		t.Fatal(err)
	}
	file, err := display.LockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if other, err := display.LockFile(path); err == nil {
		other.Close()
		t.Error("a second one holds it as well")
	}
	link := path + ".link"
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	if other, err := display.LockFile(link); err == nil {
		other.Close()
		t.Error("a link is followed")
	}
}
