// Package audit writes down who did what on a desktop, so that it can be told
// afterwards whether a line is missing or is not as it was.
//
// The log is a file of lines, each a JSON object (RFC 8259) that ends with its hash:
//
//	{"seq":1,"time":"2026-03-01T09:00:00.000000Z","prev":"0000…","event":"start",…,"hash":"5f1c…"}
//
// hash is the SHA-256, in lower-case hexadecimal, of the line's bytes before
// `,"hash":`; prev, which is among them, is the hash of the line before, and seq
// counts from 1. So each hash covers all that was written before it, also by earlier
// processes. A write that was broken off leaves bytes that are no line; they stay, and
// the next record, of event "torn", has their number and their SHA-256, with that of the
// end of line that closes them.
//
// A line that was changed, removed, inserted or moved breaks the chain (Verify). That
// lines are missing at the end, or that all of it was written anew, cannot be seen from
// the file alone, but by a later hash that was kept elsewhere: the process logs the last
// one when it ends.
package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lucarne/signaling/session"
)

var (
	// ErrInUse: another process writes this file.
	ErrInUse = errors.New("another process writes to it")
	// ErrBroken: the file does not end as it was written.
	ErrBroken  = errors.New("its end is not as it was written; see lucarne audit verify, and move it away")
	errBehind  = errors.New("more happens than can be written")
	errRemoved = errors.New("the file has been removed; start lucarne again")
)

const (
	queueSize  = 1024 // records that wait to be written
	retryEvery = time.Second
	// With so many that wait the log is behind: what must be recorded is refused from then
	// on, and there is room for what is under way.
	behind = queueSize / 2
	// With so few it has caught up.
	caughtUp = queueSize / 8
)

// Config is what a Log is made of.
type Config struct {
	File      string // made if it does not exist; nothing but a regular file that others cannot write
	Addresses bool   // network addresses are written

	// What the first record of the process says.
	Version      string
	Policy       string // the preset
	PolicySHA256 [32]byte

	Log *slog.Logger
}

// Log is a file that records are appended to. Its methods may be called from any
// goroutine.
type Log struct {
	cfg     Config
	queue   chan session.Record
	changed chan struct{} // of capacity 1: Err is another
	lost    atomic.Uint64 // records that found no room

	mu  sync.Mutex
	err error

	// Run's:
	file    file
	lead    string // goes before the next line: the end of the one before
	size    int64  // of the file as far as it is good
	seq     uint64
	hash    string
	pending []entry // to be written before what is in the queue
	dirty   bool    // there may be more in the file than its size says
	retry   time.Duration
}

// file is what a log needs of an *os.File.
type file interface {
	io.Writer
	Truncate(size int64) error
	Sync() error
	Close() error
}

// named is an *os.File that somebody can still read by a name.
type named struct{ *os.File }

// Sync fails also once the file has been removed: what is written then ends with the
// process.
func (f named) Sync() error {
	if err := f.File.Sync(); err != nil {
		return err
	}
	var info unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &info); err != nil {
		return err
	}
	if info.Nlink == 0 {
		return errRemoved
	}
	return nil
}

// Open opens the file and looks at how it ends, to go on from there. It starts
// nothing and writes nothing. Errors are ErrInUse, ErrBroken and those of the system.
func Open(cfg Config) (*Log, error) {
	f, err := os.OpenFile(cfg.File, os.O_RDWR|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	l, err := openFile(cfg, f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("audit: %s: %w", cfg.File, err)
	}
	return l, nil
}

func openFile(cfg Config, f *os.File) (*Log, error) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case info.Mode().Perm()&0o022 != 0:
		return nil, fmt.Errorf("mode %#o lets others write to it; chmod 600 it", info.Mode().Perm())
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return nil, ErrInUse // where there are no locks there is no telling
	}
	end, err := findEnd(f, info.Size())
	if err != nil {
		return nil, err
	}
	l := newLog(cfg, named{f})
	l.size, l.seq, l.hash, l.lead = info.Size(), end.seq, end.hash, end.lead
	if end.torn > 0 {
		l.pending = append(l.pending, entry{Time: timestamp(time.Now()), Event: torn, Bytes: end.torn, SHA256: end.sum})
	}
	l.pending = append(l.pending, entry{
		Time: timestamp(time.Now()), Event: started,
		Version: cfg.Version, Policy: cfg.Policy, SHA256: hex.EncodeToString(cfg.PolicySHA256[:]),
	})
	return l, nil
}

func newLog(cfg Config, f file) *Log {
	return &Log{
		cfg: cfg, file: f, hash: genesis, retry: retryEvery,
		queue: make(chan session.Record, queueSize), changed: make(chan struct{}, 1),
	}
}

// Record has a record written soon. It never blocks: what finds no room is counted,
// and the count is written when there is some.
func (l *Log) Record(r session.Record) {
	select {
	case l.queue <- r:
	default:
		l.lost.Add(1)
	}
	if len(l.queue) >= behind {
		l.settle(errBehind)
	}
}

// Err returns why what happens can not be recorded now; nil: it is.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Changed returns a doorbell of capacity 1 that rings when Err is nil no more, and
// when it is again.
func (l *Log) Changed() <-chan struct{} { return l.changed }

// settle notes whether records can be written.
func (l *Log) settle(err error) {
	l.mu.Lock()
	was := l.err
	l.err = err
	l.mu.Unlock()
	if (was == nil) == (err == nil) {
		return
	}
	if err != nil {
		l.cfg.Log.Error("what happens cannot be recorded", "audit", l.cfg.File, "err", err)
	} else {
		l.cfg.Log.Info("what happens is recorded again", "audit", l.cfg.File)
	}
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// Run writes records until ctx ends, then those that still wait, that it has
// stopped, and logs the last hash. What cannot be written is tried again every second.
func (l *Log) Run(ctx context.Context) error {
	for {
		failed := l.flush() != nil
		queue, retry := l.queue, (<-chan time.Time)(nil)
		if failed { // what waits stays where it is counted
			queue, retry = nil, time.After(l.retry)
		}
		select {
		case <-ctx.Done():
			l.end()
			return ctx.Err()
		case r := <-queue:
			l.pending = append(l.pending, entryOf(r, l.cfg.Addresses))
		case <-retry:
		}
	}
}

// end writes what is left to say.
func (l *Log) end() {
	err := l.flush()
	if err == nil {
		l.pending = append(l.pending, entry{Time: timestamp(time.Now()), Event: stopped})
		err = l.flush()
	}
	l.cfg.Log.Info("audit ends", "audit", l.cfg.File, "records", l.seq, "last", l.hash, "err", err)
}

// flush writes what is pending and what is in the queue, and sees to it that it is on
// the disk.
func (l *Log) flush() error {
	err := l.writeAll()
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil || len(l.queue) < caughtUp {
		l.settle(err)
	}
	return err
}

// writeAll writes what is pending and what is in the queue, but no more at once than that
// holds: it has to get to the disk.
func (l *Log) writeAll() error {
	for range queueSize {
		for len(l.pending) > 0 {
			if err := l.write(l.pending[0]); err != nil {
				return err
			}
			l.pending = l.pending[1:]
		}
		select {
		case r := <-l.queue:
			l.pending = append(l.pending, entryOf(r, l.cfg.Addresses))
			continue
		default:
		}
		count := l.lost.Swap(0)
		if count == 0 {
			return nil
		}
		l.pending = append(l.pending, entry{Time: timestamp(time.Now()), Event: lost, Count: count})
	}
	return nil
}

// write appends one record, or nothing.
func (l *Log) write(e entry) error {
	if l.dirty {
		if err := l.file.Truncate(l.size); err != nil {
			return err
		}
		l.dirty = false
	}
	e.Seq, e.Prev = l.seq+1, l.hash
	text, hash, err := e.line()
	if err != nil {
		return err
	}
	text = append(append([]byte(l.lead), text...), '\n')
	if _, err := l.file.Write(text); err != nil {
		l.dirty = true
		return err
	}
	l.size, l.seq, l.hash, l.lead = l.size+int64(len(text)), e.Seq, hash, ""
	return nil
}

// Close closes the file. It is idempotent, and is called after Run.
func (l *Log) Close() error {
	if err := l.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}
