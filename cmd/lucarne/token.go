package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"lucarne/signaling/access"
)

// The length of a token from a file, in characters: what is shorter can be
// guessed, what is longer is no token.
const (
	minToken = 22 // 128 bits in the URL alphabet of base64
	maxToken = 1024
)

// openToken returns the token that is asked for.
func (f *accessFlags) openToken() (string, error) {
	if f.TokenFile == "" {
		return access.NewToken(), nil
	}
	token, err := readToken(f.TokenFile)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeToken(f.TokenFile); err == nil {
			token, err = readToken(f.TokenFile)
		}
	}
	if err != nil {
		return "", exitError{exitNoInput, fmt.Errorf("cannot use --token-file: %w", err)}
	}
	return token, nil
}

// readToken reads a token from a file that nobody but its owner has access to.
func readToken(path string) (string, error) {
	text, err := readPrivate(path, maxToken+2)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(text)
	if len(token) < minToken || len(token) > maxToken || strings.ContainsFunc(token, notInToken) {
		return "", fmt.Errorf("%s does not hold a token of %d to %d letters, digits, - and _; remove it for a new one", path, minToken, maxToken)
	}
	return token, nil
}

// readPrivate reads at most limit bytes of a file that others cannot read.
func readPrivate(path string, limit int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	owner := os.Geteuid()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = int(stat.Uid)
	}
	if !secret(info.Mode(), owner, os.Geteuid()) {
		return "", fmt.Errorf("%s has mode %#o, so that others may have access; chmod 600 it", path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(file, limit))
	return string(text), err
}

// secret says whether a file of a mode and an owner is kept from others. Those that
// a platform mounts are root's and are read by the container's group (Kubernetes: fsGroup).
func secret(mode fs.FileMode, owner, reader int) bool {
	if owner == 0 && reader != 0 {
		return mode.Perm()&0o037 == 0
	}
	return mode.Perm()&0o077 == 0
}

// notInToken says whether a character is outside the URL alphabet of base64
// (RFC 4648 §5), which a link carries as it is.
func notInToken(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// makeToken puts a new token into a new file of mode 0600.
func makeToken(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(access.NewToken() + "\n")
	if err := errors.Join(err, file.Close()); err != nil {
		os.Remove(path) // half a token would be in the way of the next start
		return err
	}
	return nil
}
