package peer

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestReadSpec(t *testing.T) {
	const rest = `"url": "http://{host}:{port}/", "command": [["p", "{port}"]]`
	for _, c := range []struct {
		name, text string
		want       string // a part of the error; empty: there is none
	}{
		{"complete", `{"name": "x", "server": "Xvfb", ` + rest + `}`, ""},
		{"empty", "", "file.json:1: ends early"},
		{"truncated", "{\"name\": \"x\",\n\"server\": \"Xv", "file.json:2: ends early"},
		{"no JSON", "{\n\n name", "file.json:3: invalid character 'n'"},
		{"unknown field", "{\n\"nmae\": \"x\"}", `file.json:2: json: unknown field "nmae"`},
		{"wrong type", "{\n\"name\": 7}", "file.json:2: json: cannot unmarshal number"},
		{"two of them", `{"name": "x", "server": "Xvfb", ` + rest + `} {}`, "more than one description"},
		{"no name", `{"server": "Xvfb", ` + rest + `}`, `name ""`},
		{"bad name", `{"name": "../x", "server": "Xvfb", ` + rest + `}`, `name "../x"`},
		{"no server", `{"name": "x", ` + rest + `}`, "no server"},
		{"VNC of Xvfb", `{"name": "x", "server": "Xvfb", "vnc": true, ` + rest + `}`, `"Xvfb" has none`},
		{"no command", `{"name": "x", "server": "Xvfb", "url": "http://{host}:{port}/"}`, "no command"},
		{"empty command", `{"name": "x", "server": "Xvfb", "url": "{port}", "command": [["p"], []]}`, "command 2: empty"},
		{"no port", `{"name": "x", "server": "Xvfb", "url": "http://{host}/", "command": [["p"]]}`, "without {port}"},
		{"unknown placeholder", `{"name": "x", "server": "Xvfb", "url": "http://{host}:{port}/", "command": [["p", "--to={prot}"]]}`, `"--to={prot}": {prot} is none of`},
		{"too long", strings.Repeat(" ", maxSpec+1), "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.json")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadSpec(path)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "file.json")):
				t.Errorf("error %v, want the file's name and %q", err, c.want)
			}
		})
	}
	if _, err := ReadSpec("no-such-file.json"); err == nil || !strings.Contains(err.Error(), "no-such-file.json") {
		t.Errorf("error %v, want the file's name", err)
	}
}

func TestBuiltinSpecsAreValid(t *testing.T) {
	for _, s := range []Spec{Lucarne("bin/lucarne", ""), VNC(), X11VNC(), Floor()} {
		if err := s.check(); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

func TestExpand(t *testing.T) {
	v := values{"{host}": "::1", "{port}": "80"}
	got := v.expand("{host}:{port}", "plain", "{port}{port}", "{other}")
	if want := []string{"::1:80", "plain", "8080", "{other}"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTail(t *testing.T) {
	var text tail
	if got, want := text.quote(), ", and said nothing"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	text.Write([]byte(strings.Repeat("x", 3*tailBytes)))
	if got := len(text.text); got != tailBytes {
		t.Errorf("%d bytes kept, want %d", got, tailBytes)
	}
	text.Write([]byte("\n1\n2\n3\n4\n5\n"))
	if got, want := text.quote(), ":\n\t1\n\t2\n\t3\n\t4\n\t5"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
