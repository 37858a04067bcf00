package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"lucarne/signaling/files"
)

// filesFlags say where files come to and go from.
type filesFlags struct {
	Files    string `default:"~/Downloads" placeholder:"DIR|off" group:"Files" help:"Directory to which files dropped on the page come, and from which they can be fetched; nothing outside of it. off: neither."`
	FilesMax amount `default:"2000M" group:"Files" help:"Bytes of the largest file that the page may send; k and M may be used."`
}

func (f *filesFlags) validate() error {
	switch {
	case f.Files == "":
		return fmt.Errorf("--files is empty; say off for none")
	case f.FilesMax < 1:
		return fmt.Errorf("--files-max %d: at least 1", f.FilesMax)
	}
	return nil
}

// store returns where files are; nil: nowhere. sums: what they are is recorded.
func (f *filesFlags) store(sums bool, log *slog.Logger) *files.Store {
	if f.Files == "off" {
		return nil
	}
	dir := f.Files
	if rest, found := strings.CutPrefix(dir, "~/"); found {
		home, err := os.UserHomeDir()
		if err != nil {
			log.Warn("no files to or from the page: there is no home; name a directory with --files", "err", err)
			return nil
		}
		dir = filepath.Join(home, rest)
	}
	return files.New(files.Config{Dir: dir, MaxBytes: int64(f.FilesMax), Sums: sums, Log: log})
}

// keepFiles gives up uploads that nobody goes on with.
func (d *desktop) keepFiles(ctx context.Context) error {
	if d.files == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return d.files.Run(ctx)
}
