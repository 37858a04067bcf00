package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// BaselineName returns the file name under which a run on this machine is kept
// as the baseline of its class. A class that is no file name is an error.
func (m Machine) BaselineName() (string, error) {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,99}$`).MatchString(m.Class) {
		return "", fmt.Errorf("report: machine class %.120q: want small letters, digits, dots and dashes", m.Class)
	}
	return m.Class + ".json", nil
}

// Baseline reads the baseline of a machine class from the folder of baselines. If
// there is none the error is fs.ErrNotExist and says how to make one.
func Baseline(folder fs.FS, class string) (*Report, error) {
	name, err := Machine{Class: class}.BaselineName()
	if err != nil {
		return nil, err
	}
	f, err := folder.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("report: no baseline of machine class %s: make one with lucarne perf baseline OUT/report.json: %w", class, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	defer f.Close()
	r, err := decode(f)
	if err != nil {
		return nil, fmt.Errorf("report: read baseline %s: %w", name, err)
	}
	if r.Machine.Class != class {
		return nil, fmt.Errorf("report: baseline %s is of machine class %s: make it again with lucarne perf baseline OUT/report.json", name, r.Machine.Class)
	}
	return r, nil
}

// WriteBaseline makes the report, trimmed, the baseline of its machine class in a
// folder, and returns the file's name. A run that ended early, that lacks ours, or
// of whose scenarios one has no result of ours is refused: later runs could not be
// compared with it.
func (r *Report) WriteBaseline(folder string) (name string, err error) {
	if r.Partial != "" {
		return "", fmt.Errorf("report: baseline: the run ended early (%s): run again", r.Partial)
	}
	ours, ok := r.ours()
	if !ok || len(r.Results) == 0 {
		return "", errors.New("report: baseline: the run has no result of ours: run again")
	}
	for _, v := range r.Void {
		if v.Peer == ours.Name {
			return "", fmt.Errorf("report: baseline: %s: run again", v)
		}
	}
	name, err = r.Machine.BaselineName()
	if err != nil {
		return "", err
	}
	name = filepath.Join(folder, name)
	if err := r.Trim().replace(name); err != nil {
		return "", fmt.Errorf("report: baseline: %w", err)
	}
	return name, nil
}

// replace writes the report to a file, which has the old content or the new one,
// never a part.
func (r *Report) replace(name string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".baseline-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = errors.Join(r.WriteJSON(f), f.Chmod(0o644), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
