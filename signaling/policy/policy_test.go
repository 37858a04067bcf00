package policy

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"lucarne/signaling/session"
)

func TestParse(t *testing.T) {
	inOnly := []session.Feature{session.CopyOut, session.Download}
	for name, test := range map[string]struct {
		text string
		want Policy
	}{
		"open": {"preset: open", Policy{
			Preset:  "open",
			Session: session.Policy{Refuse: map[session.Role][]session.Feature{session.Owner: nil, session.Controller: nil, session.Watcher: nil}},
			Audit:   Audit{Addresses: true},
		}},
		"upload only": {"# comment\n---\npreset: upload-only\n", Policy{
			Preset:  "upload-only",
			Session: session.Policy{Refuse: map[session.Role][]session.Feature{session.Owner: inOnly, session.Controller: inOnly, session.Watcher: inOnly}},
			Audit:   Audit{Addresses: true},
		}},
		"everything": {everything, Policy{
			Preset: "upload-only",
			Session: session.Policy{
				Refuse: map[session.Role][]session.Feature{
					session.Owner:      {session.CopyOut},
					session.Controller: {session.CopyOut, session.Download, session.Upload, session.Resize},
					session.Watcher:    {session.CopyOut, session.Download, session.Video},
				},
				Copies: map[session.Feature]session.CopyLimits{
					session.CopyIn:  {MaxBytes: 1_000_000, Types: []string{session.TextPlain}, Interval: time.Second},
					session.CopyOut: {MaxBytes: 64_000, BytesPerMinute: 100},
				},
				ControllersShare: true,
			},
			MaxViewers: 4,
			Watermark:  &Watermark{Text: "{session}: {user}, {time}", Opacity: 0.3},
			Audit:      Audit{File: "/var/log/lucarne/audit.jsonl", Required: true},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("policy.yaml", []byte(test.text))
			test.want.SHA256 = sha256.Sum256([]byte(test.text))
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
}

// everything uses each key. What preset says holds before what is above it.
const everything = `
roles:
  owner: {allow: [download]}
  controller:
    allow:
    - share
    refuse:
    - upload
    - resize
  viewer: {refuse: [video]}
clipboard:
  in: {max: 1M, types: [text/plain], interval: 1s}
  out:
    max: 64k
    per-minute: 100
max-viewers: 4
watermark: {text: "{session}: {user}, {time}", opacity: 0.3}
audit: {file: /var/log/lucarne/audit.jsonl, required: true, addresses: false}
preset: upload-only
`

// Every file that is wrong is refused by one line that says where and what.
func TestParseError(t *testing.T) {
	const features = "video, keyboard, pointer, copy-in, copy-out, resize, limits, give, share, upload, download, awake"
	for _, test := range []struct{ text, want string }{
		{"", "p.yaml: preset: missing; one of open, upload-only, medical, view-only"},
		{"# nothing\n", "p.yaml: preset: missing; one of open, upload-only, medical, view-only"},
		{"max-viewers: 3\n", "p.yaml:1:1: preset: missing; one of open, upload-only, medical, view-only"},
		{"preset: strict\n", `p.yaml:1:9: preset: unknown preset "strict"; one of open, upload-only, medical, view-only`},
		{"preset: [open]\n", "p.yaml:1:9: preset: want one of open, upload-only, medical, view-only, not a list"},
		{"preset:\n", "p.yaml:1:1: preset: has no value; leave the key out for what holds without"},
		{"- preset\n", "p.yaml:1:1: want a mapping of audit, clipboard, max-viewers, preset, roles, watermark, not a list"},
		{"preset: open\npresets: open\n", "p.yaml:2:1: presets: unknown key; one of audit, clipboard, max-viewers, preset, roles, watermark"},
		{"preset: open\npreset: medical\n", "p.yaml:2:1: preset: twice; once is allowed"},
		{"preset: open\nroles:\n  owner:\n    refuse: [upload]\n    refuse: []\n", "p.yaml:5:5: roles.owner.refuse: twice; once is allowed"},
		{"preset: open\n1: a\n", "p.yaml:2:1: no key; one of audit, clipboard, max-viewers, preset, roles, watermark"},
		{"preset: open\nroles: {admin: {}}\n", "p.yaml:2:9: roles.admin: unknown key; one of controller, owner, viewer"},
		{"preset: open\nroles: {owner: {deny: []}}\n", "p.yaml:2:17: roles.owner.deny: unknown key; one of allow, refuse"},
		{"preset: open\nroles: {owner: {refuse: upload}}\n", `p.yaml:2:25: roles.owner.refuse: want a list of features such as [a, b], not the text "upload"`},
		{"preset: open\nroles:\n  owner:\n    refuse:\n    - upload\n    - print\n", `p.yaml:6:7: roles.owner.refuse: unknown feature "print"; of ` + features},
		{"preset: open\nroles: {owner: {refuse: [1]}}\n", "p.yaml:2:26: roles.owner.refuse: want a feature, not the number 1"},
		{"preset: open\nroles: {viewer: {allow: [keyboard]}}\n", "p.yaml:2:26: roles.viewer.allow: keyboard is nothing that role viewer can be allowed; it can video"},
		{"preset: open\nroles: {owner: {allow: [upload], refuse: [upload]}}\n", "p.yaml:2:43: roles.owner.refuse: upload is allowed and refused; one of the two is allowed"},
		{"preset: open\nroles: {owner: {refuse: [upload, upload]}}\n", "p.yaml:2:34: roles.owner.refuse: upload is named twice; once is allowed"},
		{"preset: open\nclipboard: {out: {max: 0}}\n", `p.yaml:2:24: clipboard.out.max: "0"; 1 to 268435456 bytes are allowed, such as 4000, 64k or 1M`},
		{"preset: open\nclipboard: {out: {max: 1G}}\n", `p.yaml:2:24: clipboard.out.max: "1G"; 1 to 268435456 bytes are allowed, such as 4000, 64k or 1M`},
		{"preset: open\nclipboard: {out: {max: -1}}\n", `p.yaml:2:24: clipboard.out.max: "-1"; 1 to 268435456 bytes are allowed, such as 4000, 64k or 1M`},
		{"preset: open\nclipboard: {out: {max: 4000M}}\n", `p.yaml:2:24: clipboard.out.max: "4000M"; 1 to 268435456 bytes are allowed, such as 4000, 64k or 1M`},
		{"preset: open\nclipboard: {in: {interval: 5}}\n", "p.yaml:2:28: clipboard.in.interval: want a time such as 500ms or 10s, not the number 5"},
		{"preset: open\nclipboard: {in: {interval: 2h}}\n", `p.yaml:2:28: clipboard.in.interval: "2h"; up to 1h0m0s are allowed, such as 500ms or 10s`},
		{"preset: open\nclipboard: {in: {types: [text/rtf]}}\n", `p.yaml:2:26: clipboard.in.types: unknown type "text/rtf"; of text/plain, text/html, image/png`},
		{"preset: open\nclipboard: {in: {types: []}}\n", "p.yaml:2:25: clipboard.in.types: empty; to carry nothing refuse copy-in or copy-out, else of text/plain, text/html, image/png"},
		{"preset: open\nmax-viewers: 0\n", `p.yaml:2:14: max-viewers: "0"; 1 to 1000 viewers are allowed`},
		{"preset: open\nmax-viewers: 2.5\n", `p.yaml:2:14: max-viewers: "2.5"; 1 to 1000 viewers are allowed`},
		{"preset: open\nwatermark: true\n", "p.yaml:2:12: watermark: want a mapping of opacity, text, not true"},
		{"preset: open\nwatermark: {opacity: 0.5}\n", "p.yaml:2:12: watermark: has no text; write text, or off for none"},
		{"preset: open\nwatermark: {text: a, opacity: 2}\n", `p.yaml:2:31: watermark.opacity: "2"; 0.02 to 1 are allowed`},
		{"preset: open\nwatermark: {text: a, opacity: .nan}\n", "p.yaml:2:31: watermark.opacity: want a number, 0.02 to 1, not the number .nan"},
		{"preset: open\nwatermark: {text: '{name}'}\n", "p.yaml:2:19: watermark.text: braces other than those of {session}, {user}, {host} and {time} are not allowed"},
		{"preset: open\nwatermark: {text: \"a\\nb\"}\n", "p.yaml:2:19: watermark.text: want printable text with {session}, {user}, {host} or {time} on one line"},
		{"preset: open\nwatermark: {text: '" + strings.Repeat("x", 201) + "'}\n", "p.yaml:2:19: watermark.text: 201 characters; 1 to 200 are allowed"},
		{"preset: open\naudit: {required: true}\n", "p.yaml:2:8: audit: has no file; want the absolute path of one"},
		{"preset: open\naudit: {file: audit.jsonl}\n", `p.yaml:2:15: audit.file: "audit.jsonl"; want the absolute path of a file, without . and ..`},
		{"preset: open\naudit: {file: /a/../b}\n", `p.yaml:2:15: audit.file: "/a/../b"; want the absolute path of a file, without . and ..`},
		{"preset: open\naudit: {file: /a, required: yes}\n", `p.yaml:2:29: audit.required: want true or false, not the text "yes"`},
		{"preset: &a open\n", "p.yaml:1:9: anchors, aliases and merged mappings are not allowed; write it out"},
		{"preset: open\nroles: *a\n", "p.yaml:2:8: anchors, aliases and merged mappings are not allowed; write it out"},
		{"preset: open\nroles:\n  <<: {}\n", "p.yaml:3:3: anchors, aliases and merged mappings are not allowed; write it out"},
		{"preset: !!str open\n", "p.yaml:1:9: tags and directives are not allowed"},
		{"preset: open\n---\npreset: open\n", "p.yaml:2:1: only one document is allowed"},
		{"preset: " + strings.Repeat("[", 300), "p.yaml:1:264: too many keys and lists: at most 256"},
		{strings.Repeat("a:\n", 300), "p.yaml:257:2: too many keys and lists: at most 256"},
		{strings.Repeat("a", maxFile+1), "p.yaml: too large: at most 65536 bytes"},
	} {
		_, err := Parse("p.yaml", []byte(test.text))
		if err == nil || err.Error() != test.want {
			t.Errorf("of %.80q\ngot  %v\nwant %s", test.text, err, test.want)
		}
	}
	for _, text := range []string{"preset: [open", "preset: 'open", "a: b: c\n", "preset: open\n\troles: {}\n", "\x00"} {
		_, err := Parse("p.yaml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "p.yaml:") || strings.Contains(err.Error(), "\n") {
			t.Errorf("of %q: got %v, want one line with the file's name", text, err)
		}
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if _, err := Load(path); err == nil {
		t.Error("a file that is not there was loaded")
	}
	if err := os.WriteFile(path, []byte("preset: medical\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil || got.Watermark == nil || got.Session.Allows(session.Owner, session.Download) || !got.Session.Allows(session.Owner, session.Upload) ||
		got.Session.Allows(session.Owner, session.CopyOut) || !got.Session.Allows(session.Owner, session.CopyIn) {
		t.Errorf("medical: got %+v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("#", maxFile+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path+": too large") {
		t.Errorf("a file that is too large: got %v", err)
	}
}

// Whatever a file says, it is read or refused by one line, and nobody may more than
// the role can.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		everything, "preset: open", "preset: medical\nwatermark: off", "preset: &a [*a]", "a: b: c", "- - - -", "? a : b", "{[", "%YAML 1.2\n---\n",
		"preset: view-only\nroles: {viewer: {allow: [video]}}", "preset: |\n  open\n", "\"\\u0000\": x", "preset: open\nclipboard: {in: {max: 0x10, interval: 1h}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse("p.yaml", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "p.yaml:") || strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("%q is no line with the file's name", err)
			}
			return
		}
		if p.Session.Allows(session.Watcher, session.Keyboard) || p.Preset == "" {
			t.Fatalf("got %+v", p)
		}
	})
}
