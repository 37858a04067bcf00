// Package files brings files to the desktop and from it, by HTTP requests of
// their own, so that neither media nor input ever waits for them. Uploads can be
// interrupted and resumed (tus 1.0.0, https://tus.io/protocols/resumable-upload);
// they lie under a name of their own until they are whole.
//
// Everything happens inside one directory: no name and no link leads out of it
// (os.Root).
package files

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

var (
	// ErrName: no file can have this name.
	ErrName = errors.New("no file name")
	// ErrTooLarge: the file is larger than Config allows.
	ErrTooLarge = errors.New("larger than is allowed")
	// ErrFull: there is no room for it, on the disk or by the quota.
	ErrFull = errors.New("no room for it")
	// ErrBusy: too many uploads are unfinished.
	ErrBusy = errors.New("too many unfinished uploads")
	// ErrUnknown: there is no such upload (any more), or it is somebody else's.
	ErrUnknown = errors.New("no such upload")
	// ErrOffset: the piece does not follow what is there.
	ErrOffset = errors.New("not the piece that follows")
)

const (
	// partPrefix begins the name of what is not whole yet; a dot hides it.
	partPrefix = ".lucarne-upload-"
	// maxName is the longest name that file systems have here, in bytes; maxAsked the
	// longest that is shortened to it: elsewhere 255 characters have up to so many.
	maxName  = 255
	maxAsked = 4 * maxName
	// maxWhole is how many uploads that are whole are remembered.
	maxWhole = 64
	// spare is left on the disk for the programs of the desktop, in bytes.
	spare = 64 << 20
)

// Config is what a Store is made of.
type Config struct {
	Dir        string // made when the first file comes; nothing outside is touched
	MaxBytes   int64  // of one file; 0: 4 GiB
	MaxUploads int    // unfinished at once; 0: 16
	// Rate is how many bytes a second all uploads bring together at most while pictures
	// move; 0: 7,000,000.
	Rate int64
	// Patience is how long an upload may rest before it is given up; 0: 1 h.
	Patience time.Duration
	Sums     bool // the SHA-256 of what is carried is wanted
	Log      *slog.Logger
}

// Store is a directory that files come to and go from. Its methods may be called
// from any goroutine.
type Store struct {
	cfg  Config
	pace pace

	mu         sync.Mutex
	uploads    map[string]*upload
	whole      []*upload     // in the order in which they have become so: who has not heard of it asks again
	reserve    int64         // bytes that unfinished uploads will still need
	uploaded   uint64        // bytes
	downloaded atomic.Uint64 // bytes
}

// upload is a file that is not whole yet, or has been for a while.
type upload struct {
	id, owner, name string
	size            int64

	stop    atomic.Pointer[func()] // breaks off the piece that is being written
	waiting atomic.Int32           // requests that want it broken off
	mu      sync.Mutex             // held while a piece is written
	root    *os.Root
	part    string
	file    *os.File
	hash    hash.Hash // of what has come; nil: nobody wants it
	offset  int64
	moved   time.Time // when a piece last came
	ended   bool
	final   string // its name, once it is whole
}

// New returns a store. It starts nothing.
func New(cfg Config) *Store {
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 4 << 30
	}
	if cfg.MaxUploads <= 0 {
		cfg.MaxUploads = 16
	}
	if cfg.Patience <= 0 {
		cfg.Patience = time.Hour
	}
	if cfg.Rate <= 0 {
		cfg.Rate = 7_000_000
	}
	return &Store{cfg: cfg, pace: pace{rate: cfg.Rate}, uploads: make(map[string]*upload)}
}

// Run gives up uploads that nobody goes on with, and all that are unfinished when
// ctx ends, which it returns. It begins with what a process that was killed has left.
func (s *Store) Run(ctx context.Context) error {
	s.sweep()
	ticker := time.NewTicker(s.cfg.Patience / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			s.giveUp(time.Time{})
			return ctx.Err()
		case now := <-ticker.C:
			s.giveUp(now.Add(-s.cfg.Patience))
		}
	}
}

// sweep removes the unfinished uploads of earlier processes.
func (s *Store) sweep() {
	root, err := os.OpenRoot(s.cfg.Dir)
	if err != nil {
		return // it is not there yet
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		s.cfg.Log.Warn("unfinished uploads not looked for", "err", err)
		return
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), partPrefix) && entry.Type().IsRegular() && s.orphaned(root, entry.Name()) {
			root.Remove(entry.Name()) // what cannot be removed stays hidden
		}
	}
}

// orphaned says whether no process writes a part any more, of this container or of
// another one that shares the directory: each keeps a lock on its own. Where there
// are no locks, what has rested for long is nobody's.
func (s *Store) orphaned(root *os.Root, part string) bool {
	file, err := root.OpenFile(part, os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	switch err := lock(file); {
	case err == nil:
		return true
	case errors.Is(err, unix.EWOULDBLOCK):
		return false
	}
	info, err := file.Stat()
	return err == nil && time.Since(info.ModTime()) > s.cfg.Patience
}

// lock takes the lock on a file, for as long as it is open (flock(2)).
func lock(file *os.File) error { return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// giveUp ends the uploads that have rested since a time, or with a zero one all.
func (s *Store) giveUp(since time.Time) {
	s.mu.Lock()
	var resting []*upload
	for _, u := range s.uploads {
		resting = append(resting, u)
	}
	s.mu.Unlock()
	for _, u := range resting {
		if since.IsZero() {
			u.seize()
		} else if !u.mu.TryLock() {
			continue // a piece is coming
		}
		if since.IsZero() || u.moved.Before(since) {
			s.end(u)
		}
		u.mu.Unlock()
	}
}

// Begin makes room for a file of size bytes and returns the upload's identifier,
// which only its owner can use.
func (s *Store) Begin(owner, name string, size int64) (id string, err error) {
	switch {
	case !isName(name):
		return "", fmt.Errorf("files: upload %.80q: %w", name, ErrName)
	case size < 0 || size > s.cfg.MaxBytes:
		return "", fmt.Errorf("files: upload %d bytes: %w", size, ErrTooLarge)
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o755); err != nil {
		return "", fmt.Errorf("files: %w", room(err))
	}
	root, err := os.OpenRoot(s.cfg.Dir)
	if err != nil {
		return "", fmt.Errorf("files: %w", err)
	}
	u := &upload{
		id: rand.Text(), owner: owner, name: name, size: size,
		root: root, moved: time.Now(),
	}
	u.part = partPrefix + u.id
	if s.cfg.Sums {
		u.hash = sha256.New()
	}
	if err := s.admit(u); err != nil {
		root.Close()
		return "", err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.file, err = root.OpenFile(u.part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil { // less the umask
		s.end(u)
		return "", fmt.Errorf("files: upload: %w", room(err))
	}
	if err := lock(u.file); err != nil {
		s.cfg.Log.Debug("unfinished upload cannot be locked", "err", err)
	}
	return u.id, nil
}

// admit takes an upload in if there is room for it.
func (s *Store) admit(u *upload) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.uploads) >= s.cfg.MaxUploads {
		return fmt.Errorf("files: upload: %w", ErrBusy)
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(s.cfg.Dir, &disk); err != nil {
		return fmt.Errorf("files: %s: %w", s.cfg.Dir, err)
	}
	if free := int64(disk.Bavail) * disk.Bsize; free-spare-s.reserve < u.size {
		return fmt.Errorf("files: upload %d bytes to a disk with %d left: %w", u.size, max(0, free-spare-s.reserve), ErrFull)
	}
	s.uploads[u.id] = u
	s.reserve += u.size
	return nil
}

// find returns an upload of its owner's, locked. A piece that is still being written is
// broken off: whoever asks knows that its connection is dead, or will send it again.
func (s *Store) find(owner, id string) (*upload, error) {
	s.mu.Lock()
	u := s.uploads[id]
	if n := slices.IndexFunc(s.whole, func(u *upload) bool { return u.id == id }); n >= 0 {
		u = s.whole[n]
	}
	s.mu.Unlock()
	if u == nil || u.owner != owner {
		return nil, fmt.Errorf("files: upload %.40q: %w", id, ErrUnknown)
	}
	u.seize()
	if u.ended && u.final == "" {
		u.mu.Unlock()
		return nil, fmt.Errorf("files: upload %.40q: %w", id, ErrUnknown)
	}
	return u, nil
}

// seize locks an upload, and breaks off the piece that is being written.
func (u *upload) seize() {
	u.waiting.Add(1)
	defer u.waiting.Add(-1)
	if stop := u.stop.Load(); stop != nil {
		(*stop)()
	}
	u.mu.Lock()
}

// Offset returns how many bytes of an upload have come, how many there will be and, where
// that is the same, the file's name.
func (s *Store) Offset(owner, id string) (offset, size int64, name string, err error) {
	u, err := s.find(owner, id)
	if err != nil {
		return 0, 0, "", err
	}
	defer u.mu.Unlock()
	return u.offset, u.size, u.final, nil
}

// Append writes the piece that begins at an offset and returns where the next one
// begins. What has come of a piece that breaks off stays. With the last byte the
// file appears, under its name or, if there is such a file, under one like it, which
// is returned then; name is "" before. whole is what this piece has completed, nil for
// nothing: who asks once more gets the name alone.
//
// stop makes reading the piece fail, from another goroutine: a later request for the
// same upload does not wait for a connection that is dead.
func (s *Store) Append(owner, id string, offset int64, piece io.Reader, stop func()) (next int64, name string, whole *Carried, err error) {
	u, err := s.find(owner, id)
	if err != nil {
		return 0, "", nil, err
	}
	defer u.mu.Unlock()
	u.stop.Store(&stop)
	defer u.stop.Store(nil)
	if u.waiting.Load() > 0 {
		stop() // who waits has come before it could be broken off
	}
	if u.final != "" && offset == u.size {
		return u.size, u.final, nil, nil
	}
	if offset != u.offset {
		return u.offset, "", nil, fmt.Errorf("files: piece at %d, want %d: %w", offset, u.offset, ErrOffset)
	}
	if u.offset < u.size {
		// What a piece that broke off has left behind the offset is written over.
		var to io.Writer = io.NewOffsetWriter(u.file, u.offset)
		if u.hash != nil {
			to = &summed{Writer: to, hash: u.hash}
		}
		n, err := io.Copy(to, io.LimitReader(piece, u.size-u.offset))
		u.offset, u.moved = u.offset+n, time.Now()
		s.took(n)
		if err != nil {
			if full := room(err); errors.Is(full, ErrFull) {
				s.end(u)
				return 0, "", nil, fmt.Errorf("files: upload: %w", full)
			}
			return u.offset, "", nil, fmt.Errorf("files: upload: %w", err)
		}
	}
	if more, _ := io.CopyN(io.Discard, piece, 1); more > 0 {
		return u.offset, "", nil, fmt.Errorf("files: piece beyond the end: %w", ErrOffset)
	}
	if u.offset < u.size {
		return u.offset, "", nil, nil
	}
	u.final, err = u.appear()
	s.end(u)
	if err != nil {
		return 0, "", nil, fmt.Errorf("files: upload: %w", room(err))
	}
	return u.offset, u.final, &Carried{Name: u.final, Bytes: u.size, SHA256: sum(u.hash)}, nil
}

// Cancel ends an upload; nothing of it is left, unless it is whole.
func (s *Store) Cancel(owner, id string) error {
	u, err := s.find(owner, id)
	if err != nil {
		return err
	}
	defer u.mu.Unlock()
	s.end(u)
	return nil
}

// end forgets an upload and what there is of it. The caller holds u.mu.
func (s *Store) end(u *upload) {
	if u.ended {
		return
	}
	u.ended = true
	if u.file != nil {
		u.file.Close()
		u.root.Remove(u.part) // not there if it has appeared under its name
	}
	u.root.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, u.id)
	s.reserve -= u.size - u.offset
	if u.final != "" {
		s.whole = append(s.whole, u)
		s.whole = s.whole[max(0, len(s.whole)-maxWhole):]
	}
}

// took notes that bytes that room was kept for are on the disk.
func (s *Store) took(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserve -= n
	s.uploaded += uint64(n)
}

// appear gives a whole upload a name that no other file has. The caller holds u.mu.
func (u *upload) appear() (string, error) {
	if err := u.file.Sync(); err != nil {
		return "", err
	}
	const most = 10_000
	for n := range most {
		name := numbered(u.name, n)
		file, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		file.Close() // the name is ours: what is whole takes its place
		if err := u.root.Rename(u.part, name); err != nil {
			u.root.Remove(name)
			return "", err
		}
		return name, nil
	}
	return "", fmt.Errorf("%d files of this name: %w", most, fs.ErrExist)
}

// numbered returns a name like name: "a.txt", "a (1).txt", "a (2).txt". What is too long
// for a file system loses the end of its stem.
func numbered(name string, n int) string {
	extension := filepath.Ext(name)
	if extension == name || len(extension) > 16 {
		extension = ""
	}
	stem, suffix := strings.TrimSuffix(name, extension), extension
	if n > 0 {
		suffix = " (" + strconv.Itoa(n) + ")" + extension
	}
	return shortened(stem, maxName-len(suffix)) + suffix
}

// shortened returns as many of text's letters as fit into so many bytes: none without the
// accents that follow it, and no part of a picture that several characters make.
func shortened(text string, most int) string {
	const joiner = '\u200d'
	broken := false // the last letter lacks something
	for len(text) > most || broken {
		cut, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
		last, _ := utf8.DecodeLastRuneInString(text)
		broken = text != "" && (unicode.Is(unicode.M, cut) || cut == joiner || last == joiner)
	}
	return text
}

// isName says whether name can be a file's, as it was in the browser: one step,
// nothing that a terminal or a file manager would take for something else.
func isName(name string) bool {
	odd := func(r rune) bool {
		return r == '/' || r == '\\' || r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	}
	return name != "" && name != "." && name != ".." && len(name) <= maxAsked && utf8.ValidString(name) &&
		!strings.HasPrefix(name, partPrefix) && strings.TrimSpace(name) == name && !strings.ContainsFunc(name, odd)
}

// room makes ErrFull of what the system says where there is none.
func room(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
