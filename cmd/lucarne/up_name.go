package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// nssWrapper is the library by which programs take users and groups from files of their
// own choice (nss_wrapper(1)): for a uid that /etc/passwd does not know, in a container
// where nobody can write to that. D-Bus and all that needs it do not work without a name.
const nssWrapper = "libnss_wrapper.so"

// libraries are where it is installed. The loader finds it by itself there.
var libraries = []string{"/usr/lib/*-linux-gnu*", "/usr/lib64", "/usr/lib"}

func hasLibrary(library string, dirs []string) bool {
	for _, dir := range dirs {
		if found, _ := filepath.Glob(filepath.Join(dir, library)); len(found) > 0 {
			return true
		}
	}
	return false
}

// nameless returns the environment in which this uid has a name and a home, beside the users
// and groups that there are; dir is for the files that say so.
func nameless(name, home, dir string, log *slog.Logger) ([]string, error) {
	uid, gid := os.Getuid(), os.Getgid()
	if !hasLibrary(nssWrapper, libraries) {
		log.Warn("this uid has no name in /etc/passwd: D-Bus and what needs it fail; install libnss-wrapper, or let the image make an entry", "uid", uid)
		return nil, nil
	}
	log.Info("this uid has no name in /etc/passwd: the desktop's programs are given one", "uid", uid, "name", name)
	shell := cmp.Or(os.Getenv("SHELL"), "/bin/sh")
	env := []string{"LD_PRELOAD=" + strings.TrimSpace(nssWrapper+" "+os.Getenv("LD_PRELOAD"))}
	for _, file := range []struct{ variable, known, entry string }{
		{"NSS_WRAPPER_PASSWD", "/etc/passwd", fmt.Sprintf("%s:x:%d:%d::%s:%s\n", name, uid, gid, home, shell)},
		{"NSS_WRAPPER_GROUP", "/etc/group", fmt.Sprintf("%s:x:%d:\n", name, gid)},
	} {
		text, err := os.ReadFile(file.known)
		if err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("a name for uid %d: %w", uid, err)
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, '\n')
		}
		path := filepath.Join(dir, filepath.Base(file.known))
		// Ours last: who is known already, by a number or by a name, stays who it is.
		if err := os.WriteFile(path, append(text, file.entry...), 0o600); err != nil {
			return nil, fmt.Errorf("a name for uid %d: %w", uid, err)
		}
		env = append(env, file.variable+"="+path)
	}
	return env, nil
}
