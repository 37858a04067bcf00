package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// MaxBytes is the size of the largest file that Read takes: a run of all
// scenarios on four peers has about 2 MB.
const MaxBytes = 64 << 20

// WriteJSON writes the report as JSON, each result on a line of its own so that
// two files can be compared by line. A figure that is no number (NaN, infinite)
// is an error.
func (r *Report) WriteJSON(w io.Writer) error {
	head, err := json.MarshalIndent(struct {
		*Report
		Results []Result `json:"results,omitempty"` // hides the report's own
	}{Report: r}, "", "\t")
	if err != nil {
		return fmt.Errorf("report: write: %w", err)
	}
	var out bytes.Buffer
	out.Write(bytes.TrimSuffix(head, []byte("\n}")))
	out.WriteString(",\n\t\"results\": [")
	for i, result := range r.Results {
		line, err := json.Marshal(result)
		if err != nil {
			return fmt.Errorf("report: write: result %d (%s): %w", i+1, result.name(), err)
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n\t\t")
		out.Write(line)
	}
	out.WriteString("\n\t]\n}\n")
	if _, err := out.WriteTo(w); err != nil {
		return fmt.Errorf("report: write: %w", err)
	}
	return nil
}

// Read reads what WriteJSON wrote, all of it. It refuses another schema, unknown
// fields, anything behind the report, more than MaxBytes, and a report that
// contradicts itself; the error is one line and says what to do.
func Read(r io.Reader) (*Report, error) {
	report, err := decode(r)
	if err != nil {
		return nil, fmt.Errorf("report: read: %w", err)
	}
	return report, nil
}

// ReadFile reads a report from a file, as Read does; its errors name the file.
func ReadFile(name string) (*Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	defer f.Close()
	report, err := decode(f)
	if err != nil {
		return nil, fmt.Errorf("report: read %s: %w", name, err)
	}
	return report, nil
}

func decode(r io.Reader) (*Report, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("larger than %d MiB: no report of a run; give the report.json of one", MaxBytes>>20)
	}
	var version struct{ Schema *int }
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, explain(err, len(data))
	}
	if version.Schema == nil {
		return nil, errors.New("no report: it has no schema; give the report.json of a run")
	}
	if *version.Schema != Schema {
		return nil, fmt.Errorf("schema %d, this program reads %d: run again with this program, or read it with the one that wrote it", *version.Schema, Schema)
	}
	report := new(Report)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(report); err != nil {
		return nil, explain(err, len(data))
	}
	if err := report.check(); err != nil {
		return nil, fmt.Errorf("%w: it is damaged; run again", err)
	}
	return report, nil
}

// explain says in words what is wrong with a file of a size in bytes.
func explain(err error, size int) error {
	var syntax *json.SyntaxError
	switch {
	case size == 0:
		return errors.New("empty: the run did not end; run again")
	case errors.As(err, &syntax) && syntax.Offset >= int64(size), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("truncated after %d bytes: the run did not end, or the copy did not; copy it or run again", size)
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON at byte %d (%w): give the report.json of a run", syntax.Offset, err)
	}
	return fmt.Errorf("%w: give the report.json of a run by this program", err)
}

// check returns what contradicts itself in a report.
func (r *Report) check() error {
	peers := map[string]bool{}
	ours, floors := 0, 0
	for _, p := range r.Peers {
		if !isName(p.Name) || peers[p.Name] {
			return fmt.Errorf("peer %.40q is no name or is there twice", p.Name)
		}
		peers[p.Name] = true
		if p.Ours {
			ours++
		}
		if p.Floor {
			floors++
		}
	}
	if ours > 1 || floors > 1 {
		return fmt.Errorf("%d peers are ours and %d the floor", ours, floors)
	}
	seen := map[string]bool{}
	for _, result := range r.Results {
		name := result.name()
		if !isName(result.Scenario) || !isName(result.Link) || result.Repetition < 1 || seen[name] {
			return fmt.Errorf("result %.120q is misnamed or is there twice", name)
		}
		if !peers[result.Peer] {
			return fmt.Errorf("result %.120q is of a peer that is not listed", name)
		}
		seen[name] = true
		for metric := range result.Metrics {
			if !isName(metric) {
				return fmt.Errorf("result %.120q has a metric %.40q", name, metric)
			}
		}
	}
	return nil
}

// name says which result it is.
func (r Result) name() string {
	return fmt.Sprintf("%s over %s on %s, repetition %d", r.Scenario, r.Link, r.Peer, r.Repetition)
}

// isName reports whether s can name a peer, scenario, link or metric: one
// printable word of at most 40 bytes, so that it fits every format written here.
func isName(s string) bool {
	return s != "" && len(s) <= 40 && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || c == '"' || c == '<' || c == '>' || c == '&'
	})
}

// Trim returns the report without what only plots need: each change's delay and
// when frames were shown. What is left is what Compare needs of a baseline.
func (r *Report) Trim() *Report {
	trimmed := *r
	trimmed.Results = make([]Result, len(r.Results))
	for i, result := range r.Results {
		result.Delays, result.Shown = nil, nil
		trimmed.Results[i] = result
	}
	return &trimmed
}
