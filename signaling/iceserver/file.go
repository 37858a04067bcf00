package iceserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// File is servers in a file, as Parse reads them. The file is read again when it
// has changed; it may be replaced at any time, as Kubernetes does with what it
// mounts. One that has become unreadable is an error; until it is mended the
// servers are those that it had, as long as their credentials are valid.
type File struct {
	path string

	mu      sync.Mutex
	seen    fs.FileInfo // of what was read last; nil: nothing was
	servers []Server
	err     error // of reading it
}

// NewFile returns the servers in a file, which may come later.
func NewFile(path string) *File { return &File{path: path} }

// Servers returns the servers that are in the file now.
func (f *File) Servers(context.Context, string) ([]Server, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err == nil && !f.isSame(info) {
		var servers []Server
		if servers, f.err = readFile(f.path); f.err == nil {
			f.servers = servers
		}
		f.seen = info
	}
	if err == nil {
		err = f.err
	}
	left, expired := valid(f.servers, time.Now())
	if err == nil {
		err = expired
	}
	if err != nil {
		return left, fmt.Errorf("iceserver: read %s: %w", f.path, err)
	}
	return left, nil
}

func (f *File) isSame(info fs.FileInfo) bool {
	return f.seen != nil && os.SameFile(f.seen, info) && f.seen.Size() == info.Size() && f.seen.ModTime().Equal(info.ModTime())
}

func readFile(path string) ([]Server, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	list, err := io.ReadAll(io.LimitReader(file, maxList+1))
	if err != nil {
		return nil, err
	}
	return Parse(list)
}
