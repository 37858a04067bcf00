package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a store in an empty directory.
func open(t *testing.T, cfg Config) (*Store, string) {
	t.Helper()
	cfg.Dir, cfg.Log = filepath.Join(t.TempDir(), "Downloads"), slog.New(slog.DiscardHandler)
	return New(cfg), cfg.Dir
}

// names lists a directory, what is hidden included.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return strings.Join(all, ", ")
}

// send uploads a file in one piece.
func send(t *testing.T, s *Store, name, content string) string {
	t.Helper()
	id, err := s.Begin("me", name, int64(len(content)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	_, got, _, err := s.Append("me", id, 0, strings.NewReader(content), func() {})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return got
}

func TestUpload(t *testing.T) {
	s, dir := open(t, Config{})
	content := bytes.Repeat([]byte("0123456789"), 1000)
	id, err := s.Begin("me", "été 1.txt", int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	broken := io.MultiReader(bytes.NewReader(content[:4000]), brokenReader{})
	if next, name, _, err := s.Append("me", id, 0, broken, func() {}); next != 4000 || name != "" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("a piece that breaks off: %d, %q, %v", next, name, err)
	}
	if got := names(t, dir); !strings.HasPrefix(got, partPrefix) || strings.Contains(got, ",") {
		t.Errorf("while it is not whole the directory has %q", got)
	}
	if _, _, _, err := s.Append("me", id, 5000, bytes.NewReader(content[5000:]), func() {}); !errors.Is(err, ErrOffset) {
		t.Errorf("a piece with a gap: %v", err)
	}
	if _, _, _, err := s.Append("you", id, 4000, bytes.NewReader(content[4000:]), func() {}); !errors.Is(err, ErrUnknown) {
		t.Errorf("a piece of somebody else's: %v", err)
	}
	if offset, size, _, err := s.Offset("me", id); offset != 4000 || size != 10000 || err != nil {
		t.Errorf("offset %d of %d, %v", offset, size, err)
	}
	next, name, _, err := s.Append("me", id, 4000, bytes.NewReader(content[4000:]), func() {})
	if next != 10000 || name != "été 1.txt" || err != nil {
		t.Fatalf("the last piece: %d, %q, %v", next, name, err)
	}
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("the file has %d bytes, %v", len(got), err)
	}
	if got := names(t, dir); got != name {
		t.Errorf("the directory has %q, want the file alone", got)
	}
	// Who has not got the answer asks, or sends it again.
	if offset, _, again, err := s.Offset("me", id); offset != 10000 || again != name || err != nil {
		t.Errorf("the upload that is done: %d, %q, %v", offset, again, err)
	}
	if _, again, _, err := s.Append("me", id, 10000, strings.NewReader(""), func() {}); again != name || err != nil {
		t.Errorf("its end again: %q, %v", again, err)
	}
	if _, _, _, err := s.Append("me", id, 4000, bytes.NewReader(content[4000:]), func() {}); !errors.Is(err, ErrOffset) {
		t.Errorf("its last piece again: %v", err)
	}
	if _, _, _, err := s.Offset("you", id); !errors.Is(err, ErrUnknown) {
		t.Errorf("asked by somebody else: %v", err)
	}
	if s.reserve != 0 || len(s.uploads) != 0 {
		t.Errorf("%d bytes reserved for %d uploads", s.reserve, len(s.uploads))
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestWholeOnesAreForgottenInTheEnd(t *testing.T) {
	s, dir := open(t, Config{})
	for range 2 * maxWhole {
		send(t, s, "a", "x")
	}
	if len(s.whole) != maxWhole || len(s.uploads) != 0 || s.reserve != 0 {
		t.Errorf("%d are remembered, %d unfinished, %d bytes reserved", len(s.whole), len(s.uploads), s.reserve)
	}
	if err := s.Cancel("me", s.whole[0].id); err != nil {
		t.Error(err)
	}
	if got := len(strings.Split(names(t, dir), ", ")); got != 2*maxWhole {
		t.Errorf("%d files of %d", got, 2*maxWhole)
	}
}

func TestNamesThatClash(t *testing.T) {
	s, dir := open(t, Config{})
	long := strings.Repeat("é", 120) + ".jpeg"
	tests := []struct{ name, want string }{
		{"a.txt", "a.txt"},
		{"a.txt", "a (1).txt"},
		{"a.txt", "a (2).txt"},
		{".profile", ".profile"},
		{".profile", ".profile (1)"},
		{"noext", "noext"},
		{"noext", "noext (1)"},
		{long, long},
		{long, strings.Repeat("é", 120) + " (1).jpeg"},
		{"empty", "empty"},
	}
	for _, tt := range tests {
		if got := send(t, s, tt.name, tt.name); got != tt.want {
			t.Errorf("%s became %s, want %s", tt.name, got, tt.want)
		}
	}
	if content, err := os.ReadFile(filepath.Join(dir, "a.txt")); string(content) != "a.txt" || err != nil {
		t.Errorf("the first one holds %q, %v", content, err)
	}
	full := strings.Repeat("é", 125) + ".txt"
	send(t, s, full, "")
	if got := send(t, s, full, ""); len(got) > maxName || !strings.HasSuffix(got, " (1).txt") {
		t.Errorf("a name of %d bytes became %q", len(full), got)
	}
}

func TestNamesThatAreNone(t *testing.T) {
	s, dir := open(t, Config{})
	for _, name := range []string{
		"", ".", "..", "a/b", "/etc/passwd", "../a", `a\b`, "a\x00", "a\n", "\xff", " a", "a ", "a\u202egpj.exe",
		strings.Repeat("a", 4*255+1), partPrefix + "1-x",
	} {
		if _, err := s.Begin("me", name, 1); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if got := names(t, dir); got != "" {
		t.Errorf("the directory has %q", got)
	}
}

func TestLimits(t *testing.T) {
	s, dir := open(t, Config{MaxBytes: 1 << 62, MaxUploads: 2})
	for _, size := range []int64{-1, 1<<62 + 1} {
		if _, err := s.Begin("me", "a", size); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, err := s.Begin("me", "a", 1<<60); !errors.Is(err, ErrFull) {
		t.Errorf("more than the disk: %v", err)
	}
	first, err := s.Begin("me", "a", 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin("me", "b", 10); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin("me", "c", 10); !errors.Is(err, ErrBusy) {
		t.Errorf("a third one: %v", err)
	}
	if _, _, _, err := s.Append("me", first, 0, strings.NewReader("01234567890"), func() {}); !errors.Is(err, ErrOffset) {
		t.Errorf("more than was announced: %v", err)
	}
	if err := s.Cancel("you", first); !errors.Is(err, ErrUnknown) {
		t.Errorf("given up by somebody else: %v", err)
	}
	if err := s.Cancel("me", first); err != nil {
		t.Error(err)
	}
	s.giveUp(time.Time{})
	if got := names(t, dir); got != "" || s.reserve != 0 {
		t.Errorf("the directory has %q, %d bytes are reserved", got, s.reserve)
	}
}

func TestFullDisk(t *testing.T) {
	s, dir := open(t, Config{})
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=128m"); err != nil {
		t.Skip("no file system of a limited size: mount:", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	const size = 40 << 20
	if _, err := s.Begin("me", "too large", 100<<20); !errors.Is(err, ErrFull) {
		t.Errorf("100 MiB where 64 are left: %v", err)
	}
	id, err := s.Begin("me", "a", size)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin("me", "b", size); !errors.Is(err, ErrFull) {
		t.Errorf("a second one whose room the first will need: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a program's"), make([]byte, 120<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.Append("me", id, 0, bytes.NewReader(make([]byte, size)), func() {}); !errors.Is(err, ErrFull) {
		t.Errorf("a disk that has become full: %v", err)
	}
	if got := names(t, dir); got != "a program's" {
		t.Errorf("the directory has %q: something half-written is left", got)
	}
}

func TestRunGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dir := open(t, Config{Patience: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		begin := func(name string) string {
			id, err := s.Begin("me", name, 10)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		resting, moving := begin("resting"), begin("moving")
		for n := range int64(4) {
			time.Sleep(20 * time.Minute)
			if _, _, _, err := s.Append("me", moving, n, strings.NewReader("x"), func() {}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if _, _, _, err := s.Offset("me", resting); !errors.Is(err, ErrUnknown) {
			t.Errorf("the one that has rested: %v", err)
		}
		if _, _, _, err := s.Offset("me", moving); err != nil {
			t.Errorf("the one that goes on: %v", err)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		if got := names(t, dir); got != "" {
			t.Errorf("the directory has %q after the end", got)
		}
	})
}

// TestPieceThatDoesNotEnd: a connection that brings nothing holds up neither the
// others' end nor that of the store.
func TestPieceThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dir := open(t, Config{Patience: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		slow, err := s.Begin("me", "slow", 10)
		if err != nil {
			t.Fatal(err)
		}
		body, connection := io.Pipe()
		broken := make(chan error, 1)
		go func() {
			_, _, _, err := s.Append("me", slow, 0, body, func() { connection.CloseWithError(io.ErrUnexpectedEOF) })
			broken <- err
		}()
		if _, err := connection.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		resting, err := s.Begin("me", "resting", 10)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if _, _, _, err := s.Offset("me", resting); !errors.Is(err, ErrUnknown) {
			t.Errorf("the one that has rested: %v", err)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		if err := <-broken; err == nil {
			t.Error("the piece has not been broken off")
		}
		if got := names(t, dir); got != "" || s.reserve != 0 {
			t.Errorf("the directory has %q, %d bytes are reserved", got, s.reserve)
		}
	})
}

func TestSweep(t *testing.T) {
	s, dir := open(t, Config{})
	s.sweep() // nothing is there
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", ".hidden", partPrefix + "OF-THE-DEAD"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other := New(s.cfg) // of another process with the same directory
	id, err := other.Begin("me", "b", 1)
	if err != nil {
		t.Fatal(err)
	}
	s.sweep()
	if got, want := names(t, dir), ".hidden, "+partPrefix+id+", a"; got != want {
		t.Errorf("left %q, want %q", got, want)
	}
	other.giveUp(time.Time{})
}

func FuzzName(f *testing.F) {
	for _, name := range []string{"a.txt", "..", "a/b", ".tar.gz", "\xff", strings.Repeat("é", 127), "a." + strings.Repeat("x", 200)} {
		f.Add(name, 3)
	}
	f.Fuzz(func(t *testing.T, name string, n int) {
		if !isName(name) {
			return
		}
		n = max(0, min(n, 9999))
		if got := numbered(name, n); !isName(got) && strings.TrimSpace(got) == got || filepath.Base(got) != got {
			t.Errorf("%q, number %d, becomes %q", name, n, got)
		}
	})
}
