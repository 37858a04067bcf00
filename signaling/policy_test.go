package signaling

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/capture"
	"lucarne/input"
	"lucarne/signaling/activity"
	"lucarne/signaling/files"
	"lucarne/signaling/rfb"
	"lucarne/signaling/session"
)

// What is told here of the WebSocket, of HTTP and of RFB is told of the data channel in
// package peer, by which nothing but keyboard and pointer comes.

const policedPage = "the-page-whose-viewer-it-is"

var everyFeature = session.Policy{}.Allowed(session.Owner)

// policed is a desktop under a policy, with a page in one role and somebody else.
type policed struct {
	*server
	t       *testing.T
	role    session.Role
	dir     string // of its files
	vnc     *vncServer
	page    *client
	pointer *client // of VNC
	other   *session.Viewer

	mu      sync.Mutex
	records []session.Record
}

func police(t *testing.T, role session.Role, desktop session.Config) *policed {
	p := &policed{t: t, role: role, dir: t.TempDir(), vnc: newVNCServer()}
	if err := os.WriteFile(filepath.Join(p.dir, "kept.txt"), []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	desktop.Audit = func(r session.Record) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.records = append(p.records, r)
	}
	p.server = serveSession(t, desktop, func(c *Config) {
		c.Role, c.VNC = role, &rfb.Server{Dial: p.vnc.dial}
		c.Files = files.New(files.Config{Dir: p.dir, Sums: true, Log: c.Log})
		c.Activity = activity.New(activity.Config{Human: func() time.Time { return time.Time{} }, Log: c.Log})
	})
	p.page = p.dial(t, "/ws", nil)
	p.page.send(fmt.Sprintf(`{"type":"hello","transport":"ws","codecs":["vp8"],"page":%q}`, policedPage))
	p.page.await("hello")
	p.page.flush() // it leads, if it may
	shown := func() bool { return p.session.Stats().Viewers[0].Codec != "" }
	if desktop.Policy.Allows(role, session.Video) {
		eventually(t, "video by ws", shown)
		if n := p.refusals(session.Video); n > 0 {
			t.Errorf("video by ws: %d refusals", n)
		}
	} else {
		eventually(t, "video in the audit as refused", func() bool { return p.refusals(session.Video) > 0 })
		if shown() {
			t.Error("video by ws: shown")
		}
	}
	as := session.Owner
	if role == session.Owner {
		as = session.Controller
	}
	var err error
	if p.other, err = p.session.Join(session.JoinConfig{Role: as}); err != nil {
		t.Fatal(err)
	}
	return p
}

// records of a feature's use that was refused to the role.
func (p *policed) refusals(f session.Feature) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.records {
		if r.Event == session.Used && r.Feature == f && r.Role == p.role && errors.Is(r.Err, session.ErrRefused) {
			n++
		}
	}
	return n
}

// try uses a feature by a path, and says whether it has happened.
type try struct {
	path    string
	feature session.Feature
	do      func(*policed)
	// happened says whether the desktop, or the page, has got what it should; it is asked
	// once the use is counted.
	happened func(*policed) bool
	silent   bool // what is refused is not even tried, and so neither counted nor told
}

// http asks for something of the page's files.
func (p *policed) http(method, path, body string, headers ...string) (*http.Response, string) {
	header := http.Header{pageHeader: {policedPage}, "Tus-Resumable": {"1.0.0"}}
	for n := 0; n < len(headers); n += 2 {
		header.Set(headers[n], headers[n+1])
	}
	return request(p.t, method, p.URL+"/files/"+path, body, header)
}

func (p *policed) injects(kinds ...input.Event) bool {
	p.display.mu.Lock()
	defer p.display.mu.Unlock()
	return slices.ContainsFunc(p.display.events, func(e input.Event) bool {
		return slices.ContainsFunc(kinds, func(kind input.Event) bool { return fmt.Sprintf("%T", kind) == fmt.Sprintf("%T", e) })
	})
}

// rfb opens the page's VNC; false: it may not.
func (p *policed) rfb() bool {
	if p.pointer != nil {
		return true
	}
	c := p.dial(p.t, "/vnc/ws", http.Header{"Sec-Websocket-Protocol": {pageProtocol + policedPage}})
	c.conn.SetReadDeadline(time.Now().Add(patience))
	if _, data, err := c.conn.ReadMessage(); err != nil || string(data) != "RFB 003.008\n" {
		return false
	}
	c.say("RFB 003.008\n")
	c.hear("\x01\x01")
	c.say("\x01")
	c.hear("\x00\x00\x00\x00")
	c.say("\x01")
	p.pointer = c
	return true
}

// heard says whether the VNC server is told something before a request for a picture,
// which is told in any case.
func (p *policed) heard() bool {
	var all string
	for !strings.HasSuffix(all, vncRequest) {
		all += <-p.vnc.heard
	}
	return all != vncRequest
}

var tries = []try{
	{"ws", session.Keyboard, func(p *policed) {
		p.page.sendInput(1, input.Key{Code: "KeyA", Keysym: 'a', Action: input.Down})
	}, func(p *policed) bool { return p.injects(input.Key{}) }, false},
	{"ws", session.Pointer, func(p *policed) { p.page.sendInput(2, input.Motion{Pos: image.Pt(3, 3)}) }, func(p *policed) bool { return p.injects(input.Motion{}) }, false},
	{"ws", session.CopyIn, func(p *policed) {
		p.page.send(`{"type":"clipboard","serial":1,"items":[{"mime":"text/plain","size":2}]}`)
		p.page.conn.WriteMessage(websocket.BinaryMessage, append(binary.BigEndian.AppendUint32([]byte{pieceType}, 1), "in"...))
	}, func(p *policed) bool { return p.display.clipboard() == "text/plain:in" }, false},
	{"ws", session.CopyOut, func(p *policed) { p.display.copy("out") }, func(p *policed) bool {
		eventually(p.t, "somebody has it", func() bool { got, _ := p.other.Copied(); return len(got.Items) > 0 })
		return p.told("clipboard")
	}, true},
	{"ws", session.Resize, func(p *policed) { p.page.send(`{"type":"resize","width":800,"height":600}`) }, func(p *policed) bool {
		p.display.mu.Lock()
		defer p.display.mu.Unlock()
		return len(p.display.resizes) > 0
	}, false},
	{"ws", session.Limiting, func(p *policed) { p.page.send(`{"type":"limits","bitrate":1000000}`) }, nil, false},
	{"ws", session.Giving, func(p *policed) { p.page.send(`{"type":"give","viewer":"` + p.other.ID() + `"}`) }, func(p *policed) bool { return p.other.Control().Given }, false},
	{"ws", session.Sharing, func(p *policed) { p.page.send(`{"type":"share","role":"viewer","minutes":5}`) }, func(p *policed) bool { return p.told("shared") }, false},
	{"ws", session.Awaking, func(p *policed) { p.page.send(`{"type":"awake","minutes":5}`) }, func(p *policed) bool { return strings.Contains(p.log.String(), "kept awake") }, false},
	{"http", session.Upload, func(p *policed) {
		made, _ := p.http("POST", "uploads/", "", announced("new.txt")...)
		p.http("PATCH", "uploads/"+made.Header.Get("Location"), "abc", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
	}, func(p *policed) bool { _, err := os.Stat(filepath.Join(p.dir, "new.txt")); return err == nil }, false},
	{"http list", session.Download, nil, func(p *policed) bool {
		response, text := p.http("GET", "list/", "")
		return response.StatusCode == http.StatusOK && len(text) > 0
	}, false},
	{"http fetch", session.Download, nil, func(p *policed) bool {
		form := url.Values{"page": {policedPage}, "path": {"kept.txt"}}.Encode()
		_, text := p.http("POST", "fetch", form, "Content-Type", "application/x-www-form-urlencoded")
		return text == "kept"
	}, false},
	{"rfb", session.Video, nil, (*policed).rfb, false},
	{"rfb", session.Keyboard, func(p *policed) { p.pointer.say(vncKey + vncRequest) }, (*policed).heard, false},
	{"rfb", session.Pointer, func(p *policed) { p.pointer.say("\x05\x00\x00\x01\x00\x01" + vncRequest) }, (*policed).heard, false},
}

// told says whether the page has been told something by now.
func (p *policed) told(kind string) bool {
	p.t.Helper()
	if slices.ContainsFunc(p.page.flush(), func(m Message) bool { return m.Type == kind }) {
		return true
	}
	// What the session has for a page it is told between two of its own messages.
	return slices.ContainsFunc(p.page.flush(), func(m Message) bool { return m.Type == kind })
}

// counted is how often a feature was used, one way or the other.
func (p *policed) counted(f session.Feature) uint64 {
	u := p.session.Stats().Uses[f]
	return u.Done + u.Refused + u.Failed
}

// run tries something, and compares whether it has happened with whether it may.
func (p *policed) run(one try, may bool) {
	p.t.Helper()
	name := fmt.Sprintf("%s by %s", one.feature, one.path)
	if one.path == "rfb" && one.feature != session.Video && p.pointer == nil {
		return // there is no VNC
	}
	before, refusals := p.counted(one.feature), p.session.Stats().Uses[one.feature].Refused
	if one.do != nil {
		one.do(p)
		if may || !one.silent {
			eventually(p.t, name+" is counted", func() bool { return p.counted(one.feature) > before || one.silent })
		}
	}
	if one.happened != nil {
		happened := false
		if may && one.do != nil && one.path == "ws" {
			eventually(p.t, name, func() bool { happened = one.happened(p); return happened })
		} else {
			happened = one.happened(p)
		}
		if happened != may {
			p.t.Errorf("%s: happened %v, want %v", name, happened, may)
		}
	}
	if one.silent {
		return
	}
	refused := p.session.Stats().Uses[one.feature].Refused > refusals
	if refused == may {
		p.t.Errorf("%s: refused %v, want %v", name, refused, !may)
	}
	if !may { // recorded after it was counted
		eventually(p.t, name+" is in the audit as refused", func() bool { return p.refusals(one.feature) > 0 })
	}
}

// Whatever the policy refuses to a role does not happen by any path, is counted and is
// in the audit; all else happens.
func TestPolicyOnEveryPath(t *testing.T) {
	for _, role := range []session.Role{session.Owner, session.Controller, session.Watcher} {
		for _, refused := range append([]session.Feature{""}, everyFeature...) {
			name := string(refused)
			if refused == "" {
				name = "nothing"
			}
			t.Run(string(role)+" without "+name, func(t *testing.T) {
				policy := session.Policy{Refuse: map[session.Role][]session.Feature{role: {refused}}}
				p := police(t, role, session.Config{Policy: policy})
				for _, one := range tries {
					p.run(one, policy.Allows(role, one.feature))
				}
			})
		}
	}
}

// While the audit fails that is required, what moves data or lets people in is refused by
// every path, and all else goes on; the page is told, and told again when it works.
func TestUnauditedOnEveryPath(t *testing.T) {
	p := police(t, session.Owner, session.Config{AuditRequired: true})
	p.session.SetAuditFailing(true)
	must := []session.Feature{session.CopyIn, session.CopyOut, session.Sharing, session.Upload, session.Download}
	told := p.page.await("control")
	for _, f := range everyFeature {
		if got, want := told.Refuse[f] == "audit", slices.Contains(must, f); got != want {
			t.Errorf("%s: told %q", f, told.Refuse[f])
		}
	}
	p.other.Leave() // it may not copy either
	for _, one := range tries {
		if one.feature == session.CopyOut || one.feature == session.Giving {
			continue
		}
		p.run(one, !slices.Contains(must, one.feature))
	}
	p.session.SetAuditFailing(false)
	if m := p.page.await("control"); len(m.Refuse) > 0 || !slices.Contains(m.Allow, session.Upload) {
		t.Errorf("told %+v", m)
	}
}

// Who may not see the desktop does not see its cursor either, which is whatever a program
// makes it.
func TestCursorIsPartOfThePicture(t *testing.T) {
	policy := session.Policy{Refuse: map[session.Role][]session.Feature{session.Controller: {session.Video}}}
	var screen *capture.Screen
	s := serveSession(t, session.Config{Policy: policy}, func(c *Config) { c.Role, screen = session.Controller, c.Screen })
	c, _ := s.join(t)
	s.display.point(7)
	eventually(t, "the screen has a cursor", func() bool { return screen.Cursor().Serial == 7 })
	c.send(`{"type":"pointer"}`)
	for range 3 {
		for _, m := range c.flush() {
			if m.Type == "cursor" {
				t.Fatalf("told %+v", m)
			}
		}
	}
}

// A VNC server's own clipboard does not get round what is limited or recorded.
func TestVNCClipboardUnderPolicy(t *testing.T) {
	v := newVNCServer()
	s := serveSession(t, session.Config{Audit: func(session.Record) {}}, func(c *Config) { c.VNC = &rfb.Server{Dial: v.dial, Clipboard: true} })
	c := s.dial(t, "/vnc/ws", nil)
	if code, reason := c.closed(); code != closeForGood || reason != "vnc-clipboard" {
		t.Errorf("closed with %d %q", code, reason)
	}
}
