package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokenFile(t *testing.T) {
	const good = "0123456789abcdefghijklmnopqrstuvwxyzAB-_XYZ"
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string // the token, or a part of the error
	}{
		"good":        {good + "\n", 0o600, good},
		"read-only":   {good, 0o400, good},
		"group reads": {good, 0o640, "chmod 600"},
		"all read":    {good, 0o604, "chmod 600"},
		"empty":       {"", 0o600, "does not hold a token"},
		"short":       {"secret", 0o600, "does not hold a token"},
		"long":        {strings.Repeat("x", maxToken+1), 0o600, "does not hold a token"},
		"two lines":   {good + "\n" + good + "\n", 0o600, "does not hold a token"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			f := accessFlags{TokenFile: path}
			token, err := f.openToken()
			var exit exitError
			switch {
			case err == nil && token != c.want:
				t.Errorf("token %q, want %q", token, c.want)
			case err != nil && (!strings.Contains(err.Error(), c.want) || !errors.As(err, &exit) || exit.code != exitNoInput):
				t.Errorf("error %q, want %q in it and exit code %d", err, c.want, exitNoInput)
			}
		})
	}
}

func TestTokenFileIsMade(t *testing.T) {
	f := accessFlags{TokenFile: filepath.Join(t.TempDir(), "token")}
	first, err := f.openToken()
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.openToken()
	if err != nil || again != first {
		t.Errorf("second token %q, %v; want the first, %q", again, err, first)
	}
	if info, err := os.Stat(f.TokenFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want mode 600", info.Mode(), err)
	}
	f.TokenFile = "/nonexistent/token"
	if _, err := f.openToken(); err == nil {
		t.Error("a token in a directory that does not exist")
	}
}

func TestSecretFiles(t *testing.T) {
	for _, c := range []struct {
		mode          fs.FileMode
		owner, reader int
		want          bool
	}{
		{0o600, 1000, 1000, true},
		{0o400, 1000, 1000, true},
		{0o640, 1000, 1000, false},
		{0o604, 1000, 1000, false},
		{0o600, 0, 0, true},
		{0o440, 0, 0, false},
		{0o440, 0, 1000, true}, // a secret that Kubernetes mounts, with an fsGroup
		{0o640, 0, 1000, true},
		{0o444, 0, 1000, false},
		{0o460, 0, 1000, false},
		{0o440, 1001, 1000, false},
	} {
		if got := secret(c.mode, c.owner, c.reader); got != c.want {
			t.Errorf("secret(%#o, %d, %d) = %v", c.mode, c.owner, c.reader, got)
		}
	}
}
