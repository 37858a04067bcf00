package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesStore(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, dir := range []string{"~/in", filepath.Join(home, "in")} {
		store := (&filesFlags{Files: dir, FilesMax: 10}).store(false, logger)
		if _, err := store.Begin("me", "a", 3); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		if _, err := store.Begin("me", "a", 11); err == nil {
			t.Errorf("%s: 11 bytes are not too many", dir)
		}
		if entries, err := os.ReadDir(filepath.Join(home, "in")); err != nil || len(entries) == 0 {
			t.Errorf("%s: %v, %v", dir, entries, err)
		}
	}
	if (&filesFlags{Files: "off"}).store(false, logger) != nil {
		t.Error("off: there are files")
	}
	os.Unsetenv("HOME") // t.Setenv restores it
	if (&filesFlags{Files: "~/in"}).store(false, logger) != nil || !strings.Contains(log.String(), "--files") {
		t.Errorf("without a home: %s", log.String())
	}
}
