package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/signaling/session"
)

var quiet = slog.New(slog.DiscardHandler)

// sum is the hash of what somebody has copied.
var sum = sha256.Sum256([]byte("secret"))

var copied = session.Record{
	Time: time.Unix(1, 0), Event: session.Used, Viewer: "1", User: "alice", From: "192.0.2.7", Role: session.Owner, Path: "ws", Feature: session.CopyOut,
	Detail: session.Detail{Objects: []session.Object{{Type: "text/plain", Bytes: 6, SHA256: &sum}}},
}

// write opens a log, writes records and ends it.
func write(t *testing.T, path string, records ...session.Record) {
	t.Helper()
	l, err := Open(Config{File: path, Version: "1", Policy: "medical", Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // what has been recorded is written all the same
	for _, r := range records {
		l.Record(r)
	}
	if err := l.Run(ctx); !errors.Is(err, context.Canceled) || l.Err() != nil {
		t.Fatalf("run: got %v, %v", err, l.Err())
	}
}

// verify returns what is found in a log, as one line each.
func verify(t *testing.T, text []byte) []string {
	t.Helper()
	report, err := Verify(bytes.NewReader(text), "")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range report.Problems {
		lines = append(lines, fmt.Sprintf("%d %s", p.Line, p.Text))
	}
	return lines
}

func TestChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	refused := copied
	refused.Err = fmt.Errorf("session: %w", session.ErrRefused)
	write(t, path, copied, refused)
	write(t, path, session.Record{Event: session.Left, Viewer: "1", Err: session.ErrRevoked, Refused: 3}) // the next process goes on
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := verify(t, text); got != nil {
		t.Errorf("got %q", got)
	}
	var events []string
	var last entry
	for line := range bytes.Lines(text) {
		last = entry{}
		if err := json.Unmarshal(line, &last); err != nil {
			t.Fatal(err)
		}
		events = append(events, strings.TrimSpace(fmt.Sprint(last.Seq, " ", last.Event, " ", last.Outcome)))
	}
	want := []string{"1 start", "2 use done", "3 use refused", "4 stop", "5 start", "6 leave failed", "7 stop"}
	if !slices.Equal(events, want) {
		t.Errorf("got %q, want %q", events, want)
	}
	if bytes.Contains(text, []byte("secret")) || bytes.Contains(text, []byte("192.0.2.7")) {
		t.Errorf("contents or addresses are in %s", text)
	}
	if !bytes.Contains(text, []byte(`"objects":[{"type":"text/plain","bytes":6,"sha256":"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]`)) {
		t.Errorf("what was copied is not in %s", text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
	report, err := Verify(bytes.NewReader(text), last.Prev)
	if err != nil || !report.Found || report.Records != 7 {
		t.Errorf("got %+v, %v, want the last but one found", report, err)
	}
	if report, err := Verify(bytes.NewReader(text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1]), report.Last); err != nil || report.Found || report.Problems != nil {
		t.Errorf("without the last line: got %+v, %v, want nothing seen but that it is not found", report, err)
	}
}

// A line that is changed, removed, inserted or moved is found, wherever it is but at
// the end.
func TestTampering(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	write(t, path, copied, copied, copied, copied)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(bytes.Lines(text)) // start, 4 uses, stop
	other := filepath.Join(t.TempDir(), "audit.jsonl")
	write(t, other, session.Record{Event: session.Used, Viewer: "2"})
	foreign, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	forged := entry{Seq: 3, Prev: strings.Repeat("a", 64), Event: session.Used}
	forgedLine, _, _ := forged.line()
	for name, test := range map[string]struct {
		lines [][]byte
		want  []string
	}{
		"changed":           {slices.Concat(lines[:2], [][]byte{bytes.Replace(lines[2], []byte("alice"), []byte("mallo"), 1)}, lines[3:]), []string{"3 was changed"}},
		"first changed":     {slices.Concat([][]byte{bytes.Replace(lines[0], []byte("medical"), []byte("nothing"), 1)}, lines[1:]), []string{"1 was changed"}},
		"number changed":    {slices.Concat(lines[:2], [][]byte{bytes.Replace(lines[2], []byte(`"seq":3`), []byte(`"seq":4`), 1)}, lines[3:]), []string{"3 was changed"}},
		"removed":           {slices.Concat(lines[:2], lines[3:]), []string{"3 (number 4) does not follow line 2 (number 2)"}},
		"first removed":     {lines[1:], []string{"1 (number 2) is not the first"}},
		"inserted":          {slices.Concat(lines[:2], slices.Collect(bytes.Lines(foreign))[1:2], lines[2:]), []string{"3 (number 2) does not follow line 2", "4 (number 3) does not follow line 3"}},
		"doubled":           {slices.Concat(lines[:2], lines[1:]), []string{"3 (number 2) does not follow line 2 (number 2)"}},
		"moved":             {slices.Concat(lines[:2], lines[3:4], lines[2:3], lines[4:]), []string{"3 (number 4) does", "4 (number 3) does", "5 (number 5) does"}},
		"text put in":       {slices.Concat(lines[:2], [][]byte{[]byte("hello\n")}, lines[2:]), []string{"3 is no record; it was put there or changed"}},
		"text at the end":   {slices.Concat(lines, [][]byte{[]byte("hello")}), []string{"7 is no record; it was broken off, or put there"}},
		"no line any more":  {slices.Concat(lines[:2], [][]byte{lines[2][10:]}, lines[3:]), []string{"3 is no record", "4 (number 4) does not follow line 2"}},
		"written anew":      {slices.Concat(lines[:2], [][]byte{append(slices.Clone(forgedLine), '\n')}, lines[3:]), []string{"3 (number 3) does", "4 (number 4) does"}},
		"an absurd line":    {slices.Concat(lines[:2], [][]byte{bytes.Repeat([]byte("x"), 3<<20), []byte("\n")}, lines[2:]), []string{"3 is no record"}},
		"the end cut":       {lines[:3], nil},
		"nothing":           {nil, nil},
		"empty lines":       {slices.Concat(lines[:2], [][]byte{[]byte("\n\n")}, lines[2:]), []string{"3 is no record"}},
		"a hash for a hash": {slices.Concat(lines[:2], [][]byte{bytes.Replace(lines[2], lines[2][len(lines[2])-20:len(lines[2])-3], lines[1][len(lines[1])-20:len(lines[1])-3], 1)}, lines[3:]), []string{"3 was changed", "4 (number 4) does"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := verify(t, bytes.Join(test.lines, nil))
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

// What a process that was killed has left of its last line stays, and is accounted for.
func TestTorn(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	write(t, whole, copied)
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	start := bytes.IndexByte(text, '\n') + 1
	for name, left := range map[string][]byte{
		"in the first line":   text[:10],
		"in a line":           text[:start+50],
		"before the end":      text[:start+bytes.IndexByte(text[start:], '\n')],
		"twice":               append(bytes.Clone(text[:start+50]), "\n{\"seq\":3,\"ti"...),
		"with an empty line":  append(bytes.Clone(text[:start+50]), "\n\n"...),
		"between two lines":   text[:start],
		"before all of it":    nil,
		"with zeros behind":   append(bytes.Clone(text[:start]), make([]byte, 100)...),
		"all of it was there": text,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			if err := os.WriteFile(path, left, 0o600); err != nil {
				t.Fatal(err)
			}
			write(t, path, copied)
			write(t, path, copied)
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(got, left) {
				t.Error("what was there is not there any more")
			}
			if problems := verify(t, got); problems != nil {
				t.Errorf("got %q in\n%s", problems, got)
			}
			if i := len(left) / 2; len(left) > start && strings.Contains(string(got), `"torn"`) {
				got[len(left)-1] ^= 1
				if verify(t, got) == nil {
					t.Errorf("what was torn can be changed, at %d", i)
				}
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	write(t, log, copied)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	path := func(name string, text []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := os.Symlink(log, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := Open(Config{File: filepath.Join(dir, "held"), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	lines := bytes.SplitAfter(text, []byte("\n"))
	for _, test := range []struct {
		path string
		want error
		text string
	}{
		{filepath.Join(dir, "no/such/directory"), os.ErrNotExist, ""},
		{filepath.Join(dir, "link"), syscall.ELOOP, ""},
		{filepath.Join(dir, "fifo"), nil, "not a regular file"},
		{path("open", text, 0o666), nil, "chmod 600"},
		{filepath.Join(dir, "held"), ErrInUse, ""},
		{path("changed", bytes.Replace(text, []byte(`"stop"`), []byte(`"halt"`), 1), 0o600), ErrBroken, ""},
		{path("foreign", []byte("{}\n"), 0o600), ErrBroken, ""},
		{path("changed before a torn line", slices.Concat(lines[0], bytes.Replace(lines[1], []byte("alice"), []byte("mallo"), 1), lines[2][:20]), 0o600), ErrBroken, ""},
		{path("too much that is none", bytes.Repeat([]byte("x"), lookBack+1), 0o600), ErrBroken, ""},
	} {
		l, err := Open(Config{File: test.path, Log: quiet})
		if err == nil {
			l.Close()
		}
		if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: got %v, want %v %s", test.path, err, test.want, test.text)
		}
	}
}

// disk is a file on a disk that may be full.
type disk struct {
	mu sync.Mutex
	bytes.Buffer
	room   int // bytes; what is more is not written
	broken error
	gate   chan struct{} // that Sync waits for; nil: for nothing
}

// set makes the disk another one.
func (d *disk) set(room int, broken error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room, d.broken = room, broken
}

// text is what is on it.
func (d *disk) text() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.Bytes())
}

func (d *disk) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(len(b), max(0, d.room-d.Len()))
	d.Buffer.Write(b[:n])
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *disk) Truncate(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Buffer.Truncate(int(size))
	return nil
}

func (d *disk) Sync() error {
	if d.gate != nil {
		<-d.gate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.broken
}

func (d *disk) Close() error { return nil }

// While the disk is full nothing is lost that finds room in memory, the rest is
// counted, and the chain holds.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: 700}
		l := newLog(Config{Log: quiet}, d)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		l.Record(copied)
		synctest.Wait()
		if l.Err() != nil {
			t.Fatalf("got %v with room", l.Err())
		}
		l.Record(copied)
		synctest.Wait()
		if !errors.Is(l.Err(), syscall.ENOSPC) {
			t.Fatalf("got %v on a full disk", l.Err())
		}
		select {
		case <-l.Changed():
		default:
			t.Error("nobody was told")
		}
		for range queueSize + 5 {
			l.Record(copied)
		}
		synctest.Wait()
		d.set(1<<30, nil)
		time.Sleep(2 * retryEvery)
		synctest.Wait()
		if l.Err() != nil {
			t.Errorf("got %v with room again", l.Err())
		}
		d.set(1<<30, syscall.EIO)
		l.Record(copied)
		synctest.Wait()
		if !errors.Is(l.Err(), syscall.EIO) {
			t.Errorf("got %v from a disk that fails", l.Err())
		}
		d.set(1<<30, nil)
		cancel()
		<-done
		text := d.text()
		report, err := Verify(bytes.NewReader(text), l.hash)
		if err != nil || report.Problems != nil || !report.Found || report.Records != queueSize+5 {
			t.Errorf("got %+v, %v, want %d records", report, err, queueSize+5)
		}
		if !bytes.Contains(text, []byte(`"event":"lost","count":5,`)) {
			t.Errorf("what was lost is not told: %s", text[len(text)-1000:])
		}
	})
}

// A disk that takes its time is told of while there is still room for what happens until
// somebody has heard, and once when it has caught up.
func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: 1 << 30, gate: make(chan struct{})}
		l := newLog(Config{Log: quiet}, d)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		synctest.Wait() // it waits for the disk
		recorded := 0
		for ; l.Err() == nil; recorded++ {
			l.Record(copied)
		}
		if recorded != behind {
			t.Errorf("behind after %d records, want %d", recorded, behind)
		}
		for range queueSize - behind {
			l.Record(copied)
		}
		if lost := l.lost.Load(); lost > 0 {
			t.Errorf("%d records are lost", lost)
		}
		<-l.Changed()
		d.gate <- struct{}{} // of nothing
		synctest.Wait()
		for range 2 * caughtUp { // while the rest gets to the disk
			l.Record(copied)
		}
		d.gate <- struct{}{}
		synctest.Wait()
		select {
		case <-l.Changed():
			t.Errorf("got %v while as many wait", l.Err())
		default:
		}
		d.gate <- struct{}{}
		synctest.Wait()
		if l.Err() != nil {
			t.Errorf("got %v when it has caught up", l.Err())
		}
		<-l.Changed()
		close(d.gate)
		cancel()
		<-done
	})
}

// A log that somebody removes does not record any more, though the system takes what is
// written; one that is moved does.
func TestRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := Open(Config{File: path, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, step := range []struct {
		do   func() error
		want error
	}{
		{func() error { return nil }, nil},
		{func() error { return os.Rename(path, path+".1") }, nil},
		{func() error { return os.Remove(path + ".1") }, errRemoved},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		l.Record(copied)
		if l.flush(); !errors.Is(l.Err(), step.want) {
			t.Errorf("got %v, want %v", l.Err(), step.want)
		}
	}
}

// The hash of a line can be made with what every system has.
func TestHashIsOfTheBytes(t *testing.T) {
	text, hash, err := entry{Seq: 1, Prev: genesis, Event: started, User: "a\"<b>\n\u2028"}.line()
	if err != nil {
		t.Fatal(err)
	}
	body, _, _ := strings.Cut(string(text), `,"hash":`)
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte(body))); hash != want || bytes.ContainsAny(text, "\n") {
		t.Errorf("got %s for %s, want %s", hash, text, want)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestVerifyReads(t *testing.T) {
	if _, err := Verify(broken{}, ""); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

// Whatever the file holds, a log goes on from it or refuses it, and of what it has
// written Verify finds nothing wrong that was not wrong before.
func FuzzEnd(f *testing.F) {
	first, hash, _ := entry{Seq: 1, Prev: genesis, Event: started}.line()
	second, _, _ := entry{Seq: 2, Prev: hash, Event: session.Used}.line()
	whole := slices.Concat(first, []byte("\n"), second, []byte("\n"))
	for _, seed := range [][]byte{nil, whole, whole[:len(whole)-1], whole[:len(whole)-20], whole[:20], []byte("{}\n"), []byte("\n\n"), append(bytes.Clone(whole), "x\ny"...)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := verify(t, text)
		e, err := findEnd(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			return
		}
		d := &disk{room: 1 << 30}
		d.Buffer.Write(text)
		l := newLog(Config{Log: quiet}, d)
		l.size, l.seq, l.hash, l.lead = int64(len(text)), e.seq, e.hash, e.lead
		if e.torn > 0 {
			l.pending = []entry{{Event: torn, Bytes: e.torn, SHA256: e.sum}}
		}
		l.Record(copied)
		if err := l.flush(); err != nil {
			t.Fatal(err)
		}
		if after := verify(t, d.Bytes()); len(after) > len(before) {
			t.Fatalf("%q became\n%s\nwith %q, before %q", text, d.Bytes(), after, before)
		}
	})
}
