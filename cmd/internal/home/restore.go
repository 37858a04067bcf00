package home

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"syscall"

	"golang.org/x/sys/unix"
)

// Template is what an image has prepared for a home. A volume that is mounted over the
// home hides what the image has there, so the image keeps it elsewhere.
type Template struct {
	Dir  string // of the image's; nothing there is changed
	Home string
	Log  *slog.Logger
}

// Restore copies into the home what it lacks of the template: directories, files with their
// permissions, and symbolic links as they are. What is there already stays as it is, whatever
// it is. Nothing is written outside of the home, wherever links in it lead.
//
// A file appears whole or not at all, so that one that a crash has cut short is copied
// the next time. The error is the first of what could not be copied: the rest is, unless
// the disk is full or ctx is done.
func (t Template) Restore(ctx context.Context) error {
	from, err := os.OpenRoot(t.Dir)
	if err != nil {
		return fmt.Errorf("home: template: %w", err)
	}
	defer from.Close()
	to, err := os.OpenRoot(t.Home)
	if err != nil {
		return fmt.Errorf("home: %w", err)
	}
	defer to.Close()
	c := copying{from: from, to: to, log: t.Log}
	err = fs.WalkDir(from.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && name != "." {
			err = c.entry(name, entry)
		}
		if err == nil || errors.Is(err, fs.SkipDir) {
			return err
		}
		if c.first == nil {
			c.first = err
		}
		c.log.Warn("not restored", "name", name, "err", err)
		if hopeless(err) {
			return err
		}
		if entry != nil && entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	t.Log.Info("home restored from its template", "template", t.Dir, "copied", c.copied, "kept", c.kept)
	if first := c.first; first != nil {
		return fmt.Errorf("home: restore from %s: %w", t.Dir, first)
	}
	return err
}

// hopeless says whether the next file would fare no better.
func hopeless(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS)
}

// copying is one Restore.
type copying struct {
	from, to     *os.Root
	log          *slog.Logger
	copied, kept int
	first        error
}

// entry copies one entry of the template, unless there is something of that name.
func (c *copying) entry(name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch {
	case entry.IsDir():
		return c.dir(name, info.Mode())
	case c.there(name):
		c.kept++
		return nil
	case info.Mode().IsRegular():
		err = c.file(name, info.Mode().Perm())
	case info.Mode().Type() == fs.ModeSymlink:
		var target string
		if target, err = c.from.Readlink(name); err == nil {
			err = c.to.Symlink(target, name)
		}
	default:
		return nil // a socket, a device: not what makes a home
	}
	switch {
	case errors.Is(err, fs.ErrExist): // by now
		c.kept++
		return nil
	case err == nil:
		c.copied++
	}
	return err
}

func (c *copying) there(name string) bool {
	_, err := c.to.Lstat(name)
	return err == nil
}

// dir makes a directory that is lacking. Where something else is in its place, what it
// would hold is left out.
func (c *copying) dir(name string, mode fs.FileMode) error {
	err := c.to.Mkdir(name, 0o700)
	switch {
	case err == nil:
		c.copied++
		return c.to.Chmod(name, mode.Perm()|0o700) // past the umask; we have to write into it
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	c.kept++
	// A link that leads out of the home leads to nothing here.
	if info, err := c.to.Stat(name); err != nil || !info.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// file copies a file under another name first.
func (c *copying) file(name string, mode fs.FileMode) error {
	part := path.Join(path.Dir(name), "."+path.Base(name)+".lucarne-part")
	out, err := c.to.OpenFile(part, os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	// What a crash has left is nobody's any more. Another desktop with the same home may
	// be at the same file: it will finish.
	if err := unix.Flock(int(out.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	switch now, links, err := c.look(out, part); {
	case err != nil:
		return err
	case !now: // it has just finished, and what is open here may be the file itself
		return nil
	case links > 1: // a crash has left its second name: what is in it is the person's
		if err := c.to.Remove(part); err != nil {
			return err
		}
		return c.file(name, mode)
	}
	in, err := c.from.Open(name)
	if err != nil {
		return errors.Join(err, c.to.Remove(part))
	}
	defer in.Close()
	if err := errors.Join(out.Truncate(0), fill(out, in, mode)); err != nil {
		return errors.Join(err, c.to.Remove(part))
	}
	return errors.Join(c.publish(part, name), ignoreMissing(c.to.Remove(part)))
}

// look says whether a file that is open still has this name, and how many names it has.
func (c *copying) look(file *os.File, name string) (still bool, links int, err error) {
	opened, err := file.Stat()
	if err != nil {
		return false, 0, err
	}
	named, err := c.to.Lstat(name)
	if err != nil {
		return false, 0, ignoreMissing(err)
	}
	if system, ok := opened.Sys().(*syscall.Stat_t); ok {
		links = int(system.Nlink)
	}
	return os.SameFile(opened, named), links, nil
}

// fill writes the whole of a file and gives it its mode.
func fill(out, in *os.File, mode fs.FileMode) error {
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if err := out.Chmod(mode); err != nil {
		return err
	}
	return out.Sync() // a disk that is full may say so only now
}

// publish gives a file its name, unless something has it.
func (c *copying) publish(part, name string) error {
	err := c.to.Link(part, name)
	switch {
	case err == nil || errors.Is(err, fs.ErrExist):
		return err
	case errors.Is(err, fs.ErrNotExist) && c.there(name): // another desktop has done it
		return fs.ErrExist
	}
	// File systems without hard links: some that are mounted over a network.
	if c.there(name) {
		return fs.ErrExist
	}
	return c.to.Rename(part, name)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
