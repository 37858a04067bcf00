package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lucarne/signaling/session"
)

// The events that the log itself adds to those of the session.
const (
	started session.Event = "start"
	stopped session.Event = "stop"
	torn    session.Event = "torn" // what lies before it is no record: a write was broken off
	lost    session.Event = "lost" // so many records found no room
)

// entry is a record as it is written. The order of the fields is that in the file.
type entry struct {
	Seq  uint64 `json:"seq"`
	Time string `json:"time"` // RFC 3339, UTC
	Prev string `json:"prev"` // hash of the record before, 64 zeros for the first

	Event     session.Event   `json:"event"`
	Viewer    string          `json:"viewer,omitempty"`
	User      string          `json:"user,omitempty"`
	Role      session.Role    `json:"role,omitempty"`
	Share     string          `json:"share,omitempty"`
	From      string          `json:"from,omitempty"`
	Path      string          `json:"path,omitempty"`
	Feature   session.Feature `json:"feature,omitempty"`
	Operation string          `json:"operation,omitempty"`
	Subject   string          `json:"subject,omitempty"`
	Grants    session.Role    `json:"grants,omitempty"`
	Method    string          `json:"method,omitempty"`
	Objects   []object        `json:"objects,omitempty"`
	Outcome   string          `json:"outcome,omitempty"` // done, refused, failed
	Error     string          `json:"error,omitempty"`
	Repeats   uint64          `json:"repeats,omitempty"`
	Refused   uint64          `json:"refused,omitempty"`

	Version string `json:"version,omitempty"` // of start
	Policy  string `json:"policy,omitempty"`  // of start: its preset
	Bytes   int64  `json:"bytes,omitempty"`   // of torn
	SHA256  string `json:"sha256,omitempty"`  // of torn: of those bytes; of start: of the policy file
	Count   uint64 `json:"count,omitempty"`   // of lost
}

// object is a session.Object.
type object struct {
	Name   string `json:"name,omitempty"`
	Type   string `json:"type,omitempty"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256,omitempty"`
}

// How much is kept of a text, in bytes: others may make it as long as they like.
const (
	maxText = 1024
	maxWord = 200
)

// clip keeps so much of a text.
func clip(text string, most int) string { return text[:min(len(text), most)] }

// entryOf is what is written of a record.
func entryOf(r session.Record, addresses bool) entry {
	e := entry{
		Time: timestamp(r.Time), Event: r.Event,
		Viewer: r.Viewer, User: clip(r.User, maxWord), Role: r.Role, Share: r.Share, Path: r.Path,
		Feature: r.Feature, Operation: r.Detail.Operation, Subject: clip(r.Detail.Subject, maxText), Grants: r.Detail.Grants, Method: r.Detail.Method,
		Repeats: r.Repeats, Refused: r.Refused,
	}
	if addresses {
		e.From = clip(r.From, maxWord)
	}
	if r.Event == session.Used || r.Event == session.Joined {
		e.Outcome = "done"
	}
	if r.Err != nil {
		if e.Outcome = "failed"; errors.Is(r.Err, session.ErrRefused) {
			e.Outcome = "refused"
		}
		e.Error = clip(r.Err.Error(), maxWord)
	}
	for _, o := range r.Detail.Objects {
		written := object{Name: clip(o.Name, maxText), Type: o.Type, Bytes: o.Bytes}
		if o.SHA256 != nil {
			written.SHA256 = hex.EncodeToString(o.SHA256[:])
		}
		e.Objects = append(e.Objects, written)
	}
	return e
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// The end of each line: the hash, which covers all bytes before it.
const (
	hashKey  = `,"hash":"`
	hashEnd  = `"}`
	hashSize = 2 * sha256.Size
	tailSize = len(hashKey) + hashSize + len(hashEnd)
)

// genesis is what the first record has for the hash of the one before.
var genesis = hex.EncodeToString(make([]byte, sha256.Size))

// line returns the line that an entry is, without its end, and its hash.
func (e entry) line() (text []byte, hash string, err error) {
	text, err = json.Marshal(e)
	if err != nil {
		return nil, "", fmt.Errorf("audit: record: %w", err)
	}
	text = bytes.TrimSuffix(text, []byte("}"))
	sum := sha256.Sum256(text)
	hash = hex.EncodeToString(sum[:])
	text = append(text, hashKey...)
	text = append(text, hash...)
	return append(text, hashEnd...), hash, nil
}

var (
	errNoRecord = errors.New("no record")
	errHash     = errors.New("the hash is not that of the line")
)

// parse reads a line. With errHash the entry is what it says nevertheless.
func parse(text []byte) (e entry, hash string, err error) {
	body := len(text) - tailSize
	if body < 0 || !bytes.HasPrefix(text[body:], []byte(hashKey)) || !bytes.HasSuffix(text, []byte(hashEnd)) || json.Unmarshal(text, &e) != nil {
		return entry{}, "", errNoRecord
	}
	hash = string(text[body+len(hashKey) : len(text)-len(hashEnd)])
	if sum := sha256.Sum256(text[:body]); hash != hex.EncodeToString(sum[:]) {
		return e, hash, errHash
	}
	return e, hash, nil
}
