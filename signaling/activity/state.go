package activity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// state is what outlives a process of the container.
type state struct {
	Last  time.Time `json:"last_input"`
	Held  time.Time `json:"last_work"`        // when a rule held last
	Awake time.Time `json:"keep_awake_until"` // by the button
}

// maxState is the most that is read of the file, in bytes.
const maxState = 4 << 10

// readState returns what is in a file of ours; without one it is zero.
func readState(path string) (state, error) {
	var s state
	if path == "" {
		return s, nil
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("activity: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return s, fmt.Errorf("activity: %w", err)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !info.Mode().IsRegular() || !ok || int(owner.Uid) != os.Geteuid() {
		return s, fmt.Errorf("activity: %s is not a file of this user's", path)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxState))
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return state{}, fmt.Errorf("activity: %s: %w", path, err)
	}
	return s, nil
}

// write replaces the file, whole or not at all, in a directory that it makes for
// this user alone.
func (s state) write(path string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("activity: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("activity: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".activity-*")
	if err != nil {
		return fmt.Errorf("activity: %w", err)
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("activity: %w", err)
	}
	return nil
}
