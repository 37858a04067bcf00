package report

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func encoded(t testing.TB, r *Report) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestJSONRoundTrip(t *testing.T) {
	for name, r := range map[string]*Report{"a run": madeUp(1, 1), "nothing": {Schema: Schema}} {
		data := encoded(t, r)
		got, err := Read(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(r.Results) == 0 {
			r.Results = []Result{}
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("%s: read back differs from what was written", name)
		}
		if lines := bytes.Count(data, []byte(`"repetition"`)); lines != len(r.Results) {
			t.Errorf("%s: %d results, want %d", name, lines, len(r.Results))
		}
	}
}

func TestWriteJSONRefusesNaN(t *testing.T) {
	r := madeUp(1, 1)
	r.Results[3].Metrics["p50-ms"] = math.NaN()
	err := r.WriteJSON(io.Discard)
	if err == nil || !strings.Contains(err.Error(), r.Results[3].name()) {
		t.Errorf("got %v, want an error that names the result", err)
	}
}

func TestReadRefuses(t *testing.T) {
	whole := string(encoded(t, madeUp(1, 1)))
	peer := `{"schema":1,"peers":[{"name":"a"}],"results":[`
	result := `{"scenario":"flip","link":"local","peer":"a","repetition":1,"metrics":{}}`
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "empty: the run did not end"},
		{"truncated", whole[:len(whole)/2], "truncated after"},
		{"truncated by a byte", strings.TrimSpace(whole)[:len(whole)-2], "truncated after"},
		{"no JSON", "goos: linux\n", "no JSON at byte 1"},
		{"other JSON", `{"name": "lucarne"}`, "no schema"},
		{"a list", `[1]`, "give the report.json"},
		{"older schema", `{"schema": 0}`, "schema 0, this program reads 1"},
		{"newer schema", `{"schema": 2, "what": 1}`, "schema 2, this program reads 1"},
		{"unknown field", `{"schema": 1, "what": 1}`, `unknown field "what"`},
		{"two reports", whole + whole, "no JSON at byte"},
		{"a figure that is none", peer + `{"scenario":"flip","link":"local","peer":"a","repetition":1,"metrics":{"p50-ms":"fast"}}]}`, "give the report.json"},
		{"a figure too large", peer + `{"scenario":"flip","link":"local","peer":"a","repetition":1,"metrics":{"p50-ms":1e999}}]}`, "give the report.json"},
		{"an unknown peer", strings.ReplaceAll(peer, `"a"`, `"b"`) + result + `]}`, "of a peer that is not listed"},
		{"a result twice", peer + result + "," + result + `]}`, "is there twice"},
		{"no repetition", peer + strings.ReplaceAll(result, ":1,", ":0,") + `]}`, "misnamed"},
		{"a name with a line break", peer + strings.ReplaceAll(result, "flip", `fl\nip`) + `]}`, "misnamed"},
		{"two of ours", `{"schema":1,"peers":[{"name":"a","ours":true},{"name":"b","ours":true}],"results":[]}`, "2 peers are ours"},
	} {
		_, err := Read(strings.NewReader(c.data))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", c.name, err, c.want)
		}
	}
}

func TestReadRefusesAbsurdSizes(t *testing.T) {
	endless := io.MultiReader(strings.NewReader(`{"schema": 1, "command": "`), zeros{})
	_, err := Read(endless)
	if err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("got %v, want an error that says the limit", err)
	}
}

// zeros is an endless file of the digit 0.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestReadFileNamesTheFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "old.json")
	if err := os.WriteFile(name, []byte(`{"schema": 1`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{name, name + ".not"} {
		if _, err := ReadFile(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want an error that names %s", err, name)
		}
	}
}

func TestTrimKeepsTheFigures(t *testing.T) {
	r := madeUp(1, 1)
	small := r.Trim()
	if got, of := len(encoded(t, small)), len(encoded(t, r)); got > of/3 {
		t.Errorf("trimmed: %d bytes of %d, want a third at most", got, of)
	}
	if !reflect.DeepEqual(small.Summarize(), r.Summarize()) {
		t.Error("the figures of the trimmed report differ")
	}
	if r.Results[0].Delays == nil {
		t.Error("Trim changed the report itself")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"schema":1,"peers":[{"name":"a","ours":true},{"name":"b","floor":true}],"results":[` +
		`{"scenario":"flip","link":"local","peer":"a","repetition":1,"metrics":{"p50-ms":20},"delays":[20,21],"stages":[{"name":"grab","ms":1}]},` +
		`{"scenario":"flip","link":"local","peer":"b","repetition":1,"metrics":{"p50-ms":0,"frames/s":-1},"shown":[1e300,-1]}],` +
		`"void":[{"scenario":"key","link":"wan","peer":"a","reason":"busy","frozen":true}],"partial":"interrupted"}`))
	f.Add([]byte(`{"schema":1}`))
	f.Add([]byte(`{"schema":2}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Read(bytes.NewReader(data))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
			return
		}
		again, err := Read(bytes.NewReader(encoded(t, r)))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if len(again.Results) != len(r.Results) {
			t.Errorf("%d results, read again %d", len(r.Results), len(again.Results))
		}
	})
}
