// Package home sees to it that there is a home directory to work in: one that can be
// written to, with what the image has prepared for it.
package home

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Usable makes dir if need be (0700), and returns why it cannot be a home: that it is
// none, or cannot be written to.
func Usable(dir string) error {
	if !filepath.IsAbs(dir) || filepath.Clean(dir) == "/" {
		return fmt.Errorf("home: %q: %w", dir, errNoHome)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("home: %w", err)
	}
	// The mode says little: of a file system that is read-only, of one that is full, of
	// one whose server knows another user.
	file, err := os.CreateTemp(dir, ".lucarne-")
	if err != nil {
		return fmt.Errorf("home: %w", err)
	}
	if err := errors.Join(file.Close(), os.Remove(file.Name())); err != nil {
		return fmt.Errorf("home: %w", err)
	}
	return nil
}

var errNoHome = errors.New("not a home")
