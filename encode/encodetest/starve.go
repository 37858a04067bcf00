package encodetest

import (
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lucarne/encode"
)

// starved is the variable that tells a test that it is the process without memory.
const starved = "LUCARNE_TEST_STARVED"

// Starve opens a backend's encoders, and has them encode, where the address space
// ends a little later each time, so that one allocation after the other fails: each
// is an error that names library and operation, and the process lives. It runs the
// test that calls it once more, in a process of its own. The backend's pictures have
// to lie in C's memory, for Go's own ends the process.
func Starve(t *testing.T, backend encode.Backend, decoder func() (Decoder, error)) {
	t.Helper()
	if os.Getenv(starved) == "" {
		if r, err := open(backend, decoder, encode.Config{Size: image.Pt(16, 16)}); err != nil {
			t.Skipf("%s cannot be tested here: %v", backend.Name, err)
		} else {
			r.close()
		}
		again := exec.Command(os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$", "-test.v")
		// One arena: another one would have memory set aside beyond the limit.
		again.Env = append(os.Environ(), starved+"=1", "MALLOC_ARENA_MAX=1")
		if out, err := again.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if err := starve(t, backend); err != nil {
		t.Fatal(err)
	}
	if err := works(backend, decoder); err != nil {
		t.Errorf("after all: %v", err)
	}
}

func starve(t *testing.T, b encode.Backend) error {
	const step, most = 256 << 10, 256 << 20 // bytes
	size := image.Pt(1280, 720)
	canvas := Page(size, 15)
	prepare(t)
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &before); err != nil {
		return err
	}
	failed := map[string]int{}
	for room := uint64(0); room < most; room += step {
		used, err := addressSpace()
		if err != nil {
			return err
		}
		limit := before
		limit.Cur = used + room
		if err := unix.Setrlimit(unix.RLIMIT_AS, &limit); err != nil {
			return err
		}
		operation, failure := once(b, canvas)
		if err := unix.Setrlimit(unix.RLIMIT_AS, &before); err != nil {
			return err
		}
		if failure == nil {
			t.Logf("enough at %d KiB, failures %v", room>>10, failed)
			if failed["open"] == 0 {
				return errors.New("nothing has failed to open")
			}
			return nil
		}
		failed[operation]++
		if err := blames(b, failure, operation); err != nil {
			return fmt.Errorf("with room for %d KiB: %w", room>>10, err)
		}
	}
	return fmt.Errorf("%d MiB are not enough: %v", most>>20, failed)
}

// once opens an encoder, encodes two frames, and returns what has failed.
func once(b encode.Backend, canvas *Canvas) (operation string, err error) {
	encoder, err := b.Open(encode.Config{Size: canvas.Size})
	if err != nil {
		return "open", err
	}
	defer encoder.Close()
	for n := range 2 {
		if _, err := encoder.Encode(canvas.Frame(time.Unix(int64(n), 0), canvas.Bounds()), encode.Op{Key: true}); err != nil {
			return "encode", err
		}
	}
	return "", nil
}

// prepare has Go take what it will need: memory, and threads for calls into C.
func prepare(t *testing.T) {
	t.Helper()
	room := make([]byte, 64<<20)
	for i := 0; i < len(room); i += 4096 {
		room[i] = 1
	}
	runtime.KeepAlive(room)
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		t.Fatal(err)
	}
	var blocked, done sync.WaitGroup
	for range 8 {
		blocked.Add(1)
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			blocked.Done()
			var b [1]byte
			_, _ = unix.Read(ends[0], b[:]) // blocks its thread until the pipe is closed
		})
	}
	blocked.Wait()
	_ = unix.Close(ends[1])
	done.Wait()
	_ = unix.Close(ends[0])
	runtime.GC()
}

// addressSpace is what the process has of it, in bytes.
func addressSpace() (uint64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		return 0, fmt.Errorf("/proc/self/statm %q: %w", text, err)
	}
	return pages * uint64(os.Getpagesize()), nil
}
