package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	const skipped = `{"Action":"run","Package":"lucarne/a","Test":"TestX"}
{"Action":"output","Package":"lucarne/a","Test":"TestX","Output":"=== RUN   TestX\n"}
{"Action":"output","Package":"lucarne/a","Test":"TestX","Output":"    a_test.go:3: needs nginx\n"}
{"Action":"output","Package":"lucarne/a","Test":"TestX","Output":"--- SKIP: TestX (0.00s)\n"}
{"Action":"skip","Package":"lucarne/a","Test":"TestX"}
{"Action":"pass","Package":"lucarne/a"}
`
	for name, c := range map[string]struct {
		events, allowed string
		ok              bool
		want            string // a part of what is printed
	}{
		"nothing":       {"", "", true, "0 tests"},
		"a skip":        {skipped, "", false, "skipped: a TestX: a_test.go:3: needs nginx — NOT"},
		"allowed":       {skipped, "a TestX needs nginx", true, "skipped: a TestX"},
		"by a pattern":  {skipped, "# why\n\na Test* nginx\n", true, "1 tests skipped"},
		"other reason":  {skipped, "a TestX needs Xvfb", false, "NOT"},
		"other package": {skipped, "b TestX needs nginx", false, "NOT"},
		"other test":    {skipped, "a TestXY needs nginx", false, "NOT"},
		"no test files": {`{"Action":"skip","Package":"lucarne/b"}`, "", true, "0 tests skipped"},
		"a failure":     {`{"Action":"output","Package":"p","Test":"T","Output":"got 1\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"T"}`, "", false, "got 1"},
		"does not build": {`{"Action":"build-output","ImportPath":"p","Output":"p.go:1: no\n"}` + "\n" +
			`{"Action":"build-fail","ImportPath":"p"}`, "", false, "p.go:1: no"},
		"hung": {`{"Action":"run","Package":"lucarne/a","Test":"TestX"}
{"Action":"output","Package":"lucarne/a","Test":"TestX","Output":"waiting\n"}
{"Action":"output","Package":"lucarne/a","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"lucarne/a"}`, "", false, "did not end: a TestX\nwaiting\n"},
		"not JSON": {"hello\n", "", true, "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			r := newReport(&out)
			if err := r.read(strings.NewReader(c.events)); err != nil {
				t.Fatal(err)
			}
			allowed, err := parseSkips(c.allowed)
			if err != nil {
				t.Fatal(err)
			}
			if ok := r.summary(allowed); ok != c.ok || !strings.Contains(out.String(), c.want) {
				t.Errorf("ok = %t, want %t and %q in:\n%s", ok, c.ok, c.want, &out)
			}
		})
	}
}

func TestRun(t *testing.T) {
	for command, ok := range map[string]bool{
		`echo '{"Action":"pass","Package":"p"}'`: true,
		`exit 3`:                                 false,
	} {
		if err := newReport(&strings.Builder{}).run(command); (err == nil) != ok {
			t.Errorf("%s: %v", command, err)
		}
	}
}

func TestParseSkipsRefuses(t *testing.T) {
	if _, err := parseSkips("package Test\n"); err == nil {
		t.Error("a line without a reason passed")
	}
}

// fakeGo stands in for go: it lists three packages, runs testreport's commands,
// and writes down what is to be tested.
const fakeGo = `#!/bin/sh
case $1 in
list) printf 'lucarne/a\nlucarne/e2e\nlucarne/b\n' ;;
run) shift 3; for command; do sh -c "$command"; done ;;
test) echo "cgo=$CGO_ENABLED $*" ;;
esac
`

// The commands of make test have to name every package that go list does.
func TestMakeTestsAllPackages(t *testing.T) {
	printed := exec.Command("make", "-n", "--no-print-directory", "test")
	printed.Dir = "../.."
	printed.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	recipe, err := printed.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, commands, ok := strings.Cut(string(recipe), "go run ./scripts/testreport")
	if !ok {
		t.Fatalf("make test does not run testreport:\n%s", recipe)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(fakeGo), 0o700); err != nil {
		t.Fatal(err)
	}
	sh := exec.Command("sh", "-c", "go run ./scripts/testreport"+commands)
	sh.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CGO_ENABLED=")
	got, err := sh.CombinedOutput()
	want := "cgo= test -json -race lucarne/a lucarne/b\n" +
		"cgo=0 test -json lucarne/a lucarne/b\n" +
		"cgo= test -json -count=1 -timeout 30m ./cmd/lucarne/e2e\n"
	if err != nil || string(got) != want {
		t.Errorf("%v; make test runs\n%swant\n%s", err, got, want)
	}
}
