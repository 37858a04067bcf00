package home

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// lay makes what is listed: "dir/", "file mode text", "link -> target".
func lay(t *testing.T, dir string, entries ...string) {
	t.Helper()
	for _, e := range entries {
		name, target, isLink := strings.Cut(e, " -> ")
		fields := strings.SplitN(name, " ", 3)
		path := filepath.Join(dir, fields[0])
		var err error
		switch {
		case isLink:
			err = os.Symlink(target, path)
		case strings.HasSuffix(e, "/"):
			err = os.MkdirAll(path, 0o755)
		default:
			var mode fs.FileMode
			if _, err := fmt.Sscanf(fields[1], "%o", &mode); err != nil {
				t.Fatal(err)
			}
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(fields[2]), mode), os.Chmod(path, mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// list is what lay would make of it.
func list(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			all = append(all, fmt.Sprintf("%s/ %o", name, info.Mode().Perm()))
		case info.Mode().IsRegular():
			text, err := os.ReadFile(path)
			all = append(all, fmt.Sprintf("%s %o %s", name, info.Mode().Perm(), text))
			return err
		default:
			target, err := os.Readlink(path)
			all = append(all, name+" -> "+target)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// restore restores the template into the home and returns what the log has got.
func restore(t *testing.T, ctx context.Context, template, home string) (string, error) {
	t.Helper()
	var log bytes.Buffer
	err := Template{Dir: template, Home: home, Log: slog.New(slog.NewTextHandler(&log, nil))}.Restore(ctx)
	return log.String(), err
}

func TestRestore(t *testing.T) {
	outside := t.TempDir()
	lay(t, outside, "config/")
	for name, c := range map[string]struct{ template, home, want []string }{
		"all of it": {
			[]string{".config/app/rc 600 x=1", "Desktop/", "run.sh 755 #!", "theme -> .config/app", "lost -> /nowhere"},
			nil,
			[]string{".config/ 755", ".config/app/ 755", ".config/app/rc 600 x=1", "Desktop/ 755", "lost -> /nowhere", "run.sh 755 #!", "theme -> .config/app"},
		},
		"nothing that is there": {
			[]string{"a 644 theirs", "b 644 theirs", "c -> theirs", "d/e 644 theirs", "f 644 theirs"},
			[]string{"a 600 mine", "b -> /nowhere", "c 644 mine", "d 644 mine", "f/g 644 mine"},
			[]string{"a 600 mine", "b -> /nowhere", "c 644 mine", "d 644 mine", "f/ 755", "f/g 644 mine"},
		},
		"into what is there": {
			[]string{"d/new 644 theirs", "d/old 644 theirs"},
			[]string{"d/old 644 mine", "d/more 644 mine"},
			[]string{"d/ 755", "d/more 644 mine", "d/new 644 theirs", "d/old 644 mine"},
		},
		"not out of the home": {
			[]string{".config/app 644 theirs"},
			[]string{".config -> " + outside + "/config"},
			[]string{".config -> " + outside + "/config"},
		},
		"nor by a way up": {
			[]string{".config/app 644 theirs"},
			[]string{".config -> ../" + filepath.Base(outside) + "/config"},
			[]string{".config -> ../" + filepath.Base(outside) + "/config"},
		},
		"within the home": {
			[]string{".config/app 644 theirs"},
			[]string{"real/", ".config -> real"},
			[]string{".config -> real", "real/ 755", "real/app 644 theirs"},
		},
		"what a crash has cut short": {
			[]string{"a 640 theirs"},
			[]string{".a.lucarne-part 600 thei"},
			[]string{"a 640 theirs"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			template, home := t.TempDir(), t.TempDir()
			lay(t, template, c.template...)
			lay(t, home, c.home...)
			before := list(t, template)
			for range 2 { // the second time there is nothing to do
				if log, err := restore(t, t.Context(), template, home); err != nil {
					t.Fatalf("%v\n%s", err, log)
				}
				if got := list(t, home); !slices.Equal(got, c.want) {
					t.Errorf("the home has\n%q, want\n%q", got, c.want)
				}
			}
			if after := list(t, template); !slices.Equal(before, after) {
				t.Errorf("the template has become\n%q", after)
			}
			if left := list(t, outside); !slices.Equal(left, []string{"config/ 755"}) {
				t.Errorf("outside there is\n%q", left)
			}
		})
	}
}

// A file that another desktop is copying is left to it.
func TestTwoAtOneHome(t *testing.T) {
	template, home := t.TempDir(), t.TempDir()
	lay(t, template, "a 644 theirs", "b 644 theirs")
	lay(t, home, ".a.lucarne-part 600 half")
	other, err := os.OpenFile(filepath.Join(home, ".a.lucarne-part"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if log, err := restore(t, t.Context(), template, home); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if got, want := list(t, home), []string{".a.lucarne-part 600 half", "b 644 theirs"}; !slices.Equal(got, want) {
		t.Errorf("the home has %q, want %q", got, want)
	}
}

// What a crash has left beside the finished file is that file: somebody who has given it
// another name since keeps it as it is.
func TestSecondNameIsLeft(t *testing.T) {
	template, home := t.TempDir(), t.TempDir()
	lay(t, template, "a 644 theirs")
	lay(t, home, "renamed 644 mine")
	if err := os.Link(filepath.Join(home, "renamed"), filepath.Join(home, ".a.lucarne-part")); err != nil {
		t.Fatal(err)
	}
	if log, err := restore(t, t.Context(), template, home); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if got, want := list(t, home), []string{"a 644 theirs", "renamed 644 mine"}; !slices.Equal(got, want) {
		t.Errorf("the home has %q, want %q", got, want)
	}
}

// Of desktops that start at once with one home, each leaves what another has finished, and
// what the person has made of it since.
func TestManyAtOneHome(t *testing.T) {
	for range 50 {
		template, home := t.TempDir(), t.TempDir()
		lay(t, template, "a 644 theirs")
		path := filepath.Join(home, "a")
		var all sync.WaitGroup
		var added atomic.Int32
		for range 4 {
			all.Go(func() {
				if log, err := restore(t, t.Context(), template, home); err != nil {
					t.Errorf("%v\n%s", err, log)
				}
				file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
				if errors.Is(err, fs.ErrNotExist) {
					return // another has not finished
				}
				if err == nil {
					added.Add(1)
					_, err = file.WriteString("+")
				}
				if err := errors.Join(err, file.Close()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		want := "theirs" + strings.Repeat("+", int(added.Load()))
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Fatalf("the file holds %q, %v; want %q", got, err, want)
		}
		if left := list(t, home); len(left) != 1 {
			t.Fatalf("left in the home: %q", left)
		}
	}
}

// What fails is told, and the rest is restored.
func TestPartOfTheTemplate(t *testing.T) {
	template, home := t.TempDir(), t.TempDir()
	long := strings.Repeat("x", 250) // too long with what the copy is called at first
	lay(t, template, long+" 644 theirs", "z 644 theirs")
	log, err := restore(t, t.Context(), template, home)
	if !errors.Is(err, unix.ENAMETOOLONG) || !strings.Contains(log, "not restored") {
		t.Errorf("error %v, want that a name is too long; logged:\n%s", err, log)
	}
	if got := list(t, home); !slices.Equal(got, []string{"z 644 theirs"}) {
		t.Errorf("the home has %q", got)
	}
}

func TestNoTemplateAndNoHome(t *testing.T) {
	if _, err := restore(t, t.Context(), filepath.Join(t.TempDir(), "none"), t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a template: %v", err)
	}
	if _, err := restore(t, t.Context(), t.TempDir(), filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a home: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := restore(t, ctx, t.TempDir(), t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("when it is to end: %v", err)
	}
}

// A disk that is full is said once, and leaves nothing half-written.
func TestFullDisk(t *testing.T) {
	home := t.TempDir()
	if err := unix.Mount("tmpfs", home, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("no file system of a limited size:", err)
	}
	t.Cleanup(func() { unix.Unmount(home, unix.MNT_DETACH) })
	template := t.TempDir()
	large := strings.Repeat("x", 1<<20)
	lay(t, template, "a 644 small", "b 644 "+large, "c 644 "+large)
	log, err := restore(t, t.Context(), template, home)
	if !errors.Is(err, unix.ENOSPC) || strings.Count(log, "not restored") != 1 {
		t.Errorf("error %v, want that the disk is full; logged:\n%s", err, log)
	}
	if got := list(t, home); !slices.Equal(got, []string{"a 644 small"}) {
		t.Errorf("the home has %d files", len(got))
	}
}

func TestUsable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	lay(t, dir, "file 644 x")
	for path, want := range map[string]error{
		dir:                       nil,
		filepath.Join(dir, "new"): nil,
		"":                        errNoHome,
		"/":                       errNoHome,
		"relative":                errNoHome,
		file:                      unix.ENOTDIR,
		"/proc":                   fs.ErrNotExist, // nothing can be made there, not even by root
	} {
		if err := Usable(path); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", path, err, want)
		}
	}
	if got := list(t, dir); !slices.Equal(got, []string{"file 644 x", "new/ 700"}) {
		t.Errorf("left behind: %q", got)
	}
}
