package report

import (
	"errors"
	"fmt"
	"io/fs"
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
