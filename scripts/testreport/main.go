// Testreport runs test commands and says at the end which tests were skipped
// and why. A skip that is not in the list of allowed ones fails.
//
//	testreport SKIPS COMMAND...
//
// Each COMMAND is a shell command that prints what go test -json prints. SKIPS
// is a file with one allowed skip a line: the package (without the module's
// name), the test (a * at the end stands for any rest) and a part of the reason
// that the test gives. Empty lines and lines that begin with # are ignored.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: testreport SKIPS COMMAND...")
		os.Exit(2)
	}
	file, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	allowed, err := parseSkips(string(file))
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	r := newReport(os.Stdout)
	for _, command := range os.Args[2:] {
		if err := r.run(command); err != nil {
			fmt.Fprintf(os.Stdout, "testreport: %s: %v\n", command, err)
			r.failed = true
		}
	}
	if !r.summary(allowed) {
		os.Exit(1)
	}
}

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, Test, Output string
}

// key names a test.
type key struct{ pkg, test string }

func (k key) String() string { return k.pkg + " " + k.test }

// skip is a test that was skipped, or one that may be.
type skip struct {
	key
	reason string
}

// report collects the results of any number of commands.
type report struct {
	out    io.Writer
	logs   map[key]*strings.Builder // of the tests that have not ended
	passed int
	failed bool
	skips  []skip
}

func newReport(out io.Writer) *report {
	return &report{out: out, logs: map[key]*strings.Builder{}}
}

// run runs one command and reads what it prints.
func (r *report) run(command string) error {
	fmt.Fprintln(r.out, "+ "+command)
	cmd := exec.Command("sh", "-c", command)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := r.read(pipe); err != nil {
		return err
	}
	return cmd.Wait()
}

func (r *report) read(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(r.out, lines.Text())
			continue
		}
		r.take(e)
	}
	return lines.Err()
}

func (r *report) take(e event) {
	k := key{strings.TrimPrefix(e.Package, "lucarne/"), e.Test}
	log := r.logs[k]
	if log == nil {
		log = &strings.Builder{}
		r.logs[k] = log
	}
	switch e.Action {
	case "output", "build-output":
		log.WriteString(e.Output)
		if e.Package == "" {
			fmt.Fprint(r.out, e.Output)
		}
		return
	case "pass":
		r.passed++
	case "fail", "build-fail":
		r.failed = true
		fmt.Fprint(r.out, log)
		if e.Test == "" {
			r.unfinished(k.pkg)
		}
	case "skip":
		if e.Test != "" {
			r.skips = append(r.skips, skip{k, reason(log.String())})
		}
	default:
		return
	}
	if e.Test == "" && e.Action != "skip" && e.Package != "" {
		fmt.Fprintf(r.out, "%-5s %s\n", e.Action, k.pkg)
	}
	delete(r.logs, k)
}

// unfinished prints what the tests of a failed package say that have no end: the
// one that hung when the time was up, those that ran when the process crashed.
func (r *report) unfinished(pkg string) {
	var tests []key
	for k := range r.logs {
		if k.pkg == pkg && k.test != "" {
			tests = append(tests, k)
		}
	}
	slices.SortFunc(tests, func(a, b key) int { return strings.Compare(a.test, b.test) })
	for _, k := range tests {
		fmt.Fprintf(r.out, "did not end: %s\n%s", k, r.logs[k])
		delete(r.logs, k)
	}
}

// summary prints the skips and says whether all is well.
func (r *report) summary(allowed []skip) bool {
	fmt.Fprintf(r.out, "\n%d tests and packages passed, %d tests skipped\n", r.passed, len(r.skips))
	ok := !r.failed
	for _, s := range r.skips {
		note := ""
		if !slices.ContainsFunc(allowed, s.allowedBy) {
			note, ok = " — NOT in the list of allowed skips", false
		}
		fmt.Fprintf(r.out, "skipped: %s: %s%s\n", s.key, s.reason, note)
	}
	if !ok {
		fmt.Fprintln(r.out, "FAIL")
	}
	return ok
}

// allowedBy reports whether the line a of the list covers the skip.
func (s skip) allowedBy(a skip) bool {
	if a.pkg != s.pkg || !strings.Contains(s.reason, a.reason) {
		return false
	}
	prefix, any := strings.CutSuffix(a.test, "*")
	return s.test == a.test || any && strings.HasPrefix(s.test, prefix)
}

// reason is what a skipped test says, on one line.
func reason(log string) string {
	var said []string
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		said = append(said, line)
	}
	return strings.Join(said, " ")
}

func parseSkips(text string) ([]skip, error) {
	var all []skip
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 3 {
			return nil, fmt.Errorf("allowed skip %q: want a package, a test and a reason", line)
		}
		all = append(all, skip{key{f[0], f[1]}, strings.Join(f[2:], " ")})
	}
	return all, nil
}
