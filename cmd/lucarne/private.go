package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// privateDir makes a directory that only this user can enter, for as long as
// this process lives; remove removes it. A container whose root is read-only still
// has /dev/shm.
func privateDir() (dir string, remove func(), err error) {
	var errs []error
	for _, parent := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/dev/shm"} {
		if parent == "" {
			continue
		}
		dir, err := os.MkdirTemp(parent, "lucarne-")
		if err == nil {
			return dir, func() { os.RemoveAll(dir) }, nil
		}
		errs = append(errs, err)
	}
	return "", nil, fmt.Errorf("cannot make a private directory: %w; set XDG_RUNTIME_DIR or TMPDIR", errors.Join(errs...))
}

// tellLink shows the link to whoever started us and to nobody else: on the
// terminal if standard output is one, else in a file of dir. A log is kept by
// others and never gets it.
func tellLink(link, dir string, stdout io.Writer, log *slog.Logger) error {
	if f, ok := stdout.(*os.File); ok && isTerminal(f) {
		_, err := fmt.Fprintf(stdout, "Open %s\n", link)
		return err
	}
	path := filepath.Join(dir, "link")
	if err := os.WriteFile(path, []byte(link+"\n"), 0o600); err != nil {
		return fmt.Errorf("cannot write the link: %w", err)
	}
	log.Info("the link with the token is in a file", "path", path)
	return nil
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
