package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"lucarne/cmd/internal/home"
)

// place is where the desktop's programs live.
type place struct {
	home string
	env  []string // by which programs find a name of this uid, which has none
	err  error    // what is wrong with the home that was meant; nil: nothing
}

// settle gives this process, and with it all that it starts, what a container may lack:
// a home, a user's name and a runtime directory. dir is our own, private and there
// until the end.
func settle(dir string, log *slog.Logger) (place, error) {
	account, unknown := user.LookupId(strconv.Itoa(os.Getuid()))
	if unknown != nil { // any uid, as OpenShift and HPC have them
		account = &user.User{Username: "user"}
	}
	p, err := findHome(os.Getenv("HOME"), account.HomeDir, filepath.Join(dir, "home"))
	if err != nil {
		return p, err
	}
	if unknown != nil {
		if p.env, err = nameless(cmp.Or(os.Getenv("USER"), account.Username), p.home, dir, log); err != nil {
			return p, err
		}
	}
	env := map[string]string{"HOME": p.home}
	if os.Getenv("USER") == "" {
		env["USER"] = account.Username
	}
	if os.Getenv("LOGNAME") == "" {
		env["LOGNAME"] = account.Username
	}
	if !private(os.Getenv("XDG_RUNTIME_DIR")) {
		env["XDG_RUNTIME_DIR"] = filepath.Join(dir, "run")
		if err := os.Mkdir(env["XDG_RUNTIME_DIR"], 0o700); err != nil {
			return p, fmt.Errorf("runtime directory: %w", err)
		}
	}
	for name, value := range env {
		if err := os.Setenv(name, value); err != nil {
			return p, err
		}
	}
	// They lead to whoever has started us: under Apptainer to the host.
	for _, name := range []string{"DBUS_SESSION_BUS_ADDRESS", "PULSE_SERVER", "SESSION_MANAGER", "WAYLAND_DISPLAY"} {
		os.Unsetenv(name)
	}
	return p, nil
}

// findHome returns the first of two homes that can be used, else the last, which is made.
// A home that is full stays the home: who is there can make room.
func findHome(meant, account, last string) (place, error) {
	first := home.Usable(meant)
	if first == nil || errors.Is(first, syscall.ENOSPC) || errors.Is(first, syscall.EDQUOT) {
		return place{home: meant, err: first}, nil
	}
	if account != meant && home.Usable(account) == nil {
		if meant == "" || meant == "/" { // none was meant
			first = nil
		}
		return place{home: account, err: first}, nil
	}
	if err := os.Mkdir(last, 0o700); err != nil {
		return place{}, fmt.Errorf("no home: %w", errors.Join(first, err))
	}
	return place{home: last, err: fmt.Errorf("%w; what is saved is in %s and lost when lucarne ends", first, last)}, nil
}

// private says whether dir is a directory of this user's that nobody else can enter, as a
// runtime directory has to be (XDG Base Directory Specification).
func private(dir string) bool {
	if !filepath.IsAbs(dir) {
		return false
	}
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Getuid() && home.Usable(dir) == nil
}

// restoreHome copies into the home what it lacks of the image's. It fails also where
// the home is not the one that was meant, for the page to say so.
func (c *upCmd) restoreHome(p place, d *desktop) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := os.Stat(c.HomeTemplate)
		if errors.Is(err, fs.ErrNotExist) && c.HomeTemplate == defaultTemplate {
			return p.err
		}
		return errors.Join(p.err, home.Template{Dir: c.HomeTemplate, Home: p.home, Log: d.log}.Restore(ctx))
	}
}

// defaultTemplate is where an image has its home's template, if it has one.
const defaultTemplate = "/opt/lucarne/home"
