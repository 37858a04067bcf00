package session

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/input"
)

// ledger keeps what is recorded.
type ledger struct {
	mu    sync.Mutex
	lines []string
}

// record writes a record as one line: without its time, as short as can be.
func (l *ledger) record(r Record) {
	line := fmt.Sprint(r.Event, " ", r.Viewer, " ", r.Role, " ", r.Feature, " ", r.Detail.Operation, " ", r.Detail.Subject, " ", r.Detail.Grants)
	for _, o := range r.Detail.Objects {
		line += fmt.Sprintf(" %s%s/%d", o.Name, o.Type, o.Bytes)
		if o.SHA256 != nil {
			line += fmt.Sprintf("/%x", o.SHA256[:2])
		}
	}
	if r.User+r.From+r.Share != "" {
		line += " by " + r.User + "@" + r.From + r.Share
	}
	if r.Repeats > 0 {
		line += fmt.Sprint(" +", r.Repeats)
	}
	if r.Refused > 0 {
		line += fmt.Sprint(" refused ", r.Refused)
	}
	line = strings.Join(strings.Fields(line), " ")
	if r.Err != nil {
		line += ": " + r.Err.Error()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *ledger) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

func (l *ledger) want(t *testing.T, want ...string) {
	t.Helper()
	if got := l.take(); !slices.Equal(got, want) {
		t.Errorf("recorded\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s, d := start(t, Config{Audit: l.record})
		owner, err := s.Join(JoinConfig{Role: Owner, User: "alice", From: "192.0.2.1"})
		if err != nil {
			t.Fatal(err)
		}
		l.want(t, "join 1 owner by alice@192.0.2.1")
		made, _, err := owner.Share(Share{Role: Watcher, Until: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		guest, err := s.Join(JoinConfig{Share: made.ID})
		if err != nil {
			t.Fatal(err)
		}
		l.want(t, "use 1 owner share share "+made.ID+" viewer by alice@", "join 2 viewer by @"+made.ID)
		if err := owner.SetClipboard(plain("in")); err != nil {
			t.Fatal(err)
		}
		in := sha256.Sum256([]byte("in"))
		l.want(t, fmt.Sprintf("use 1 owner copy-in text/plain/2/%x by alice@", in[:2]))
		d.copy("out")
		synctest.Wait()
		if content, err := owner.Copied(); err != nil || len(content.Items) == 0 {
			t.Fatalf("got %v, %v", content, err)
		}
		out := sha256.Sum256([]byte("out"))
		l.want(t, fmt.Sprintf("use 1 owner copy-out text/plain/3/%x by alice@", out[:2]))
		if err := owner.Announce([]Announcement{{MIME: "text/plain", Size: 1 << 30}, {MIME: "text/evil", Size: 1}}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("announce: %v", err)
		}
		l.want(t, "use 1 owner copy-in announce text/plain/1073741824 by alice@: session: announce clipboard: too large")

		if err := owner.Give("2"); err != nil {
			t.Fatal(err)
		}
		if err := owner.Take(); err != nil {
			t.Fatal(err)
		}
		l.want(t, "use 1 owner give give 2 by alice@", "use 1 owner give take by alice@")
		if err := owner.Revoke(made.ID); err != nil {
			t.Fatal(err)
		}
		<-guest.Gone()
		synctest.Wait()
		l.want(t, "leave 2 viewer by @"+made.ID+": the link has been withdrawn", "use 1 owner share revoke "+made.ID+" by alice@")
		owner.Leave()
		owner.Leave()
		l.want(t, "leave 1 owner by alice@")
		if _, err := s.Join(JoinConfig{Share: made.ID, From: "192.0.2.9"}); !errors.Is(err, ErrNoShare) {
			t.Errorf("got %v", err)
		}
		l.want(t, "join controller by @192.0.2.9"+made.ID+": session: join: no such link")
	})
}

// Of a content that is carried in part the audit has what was carried, for each viewer.
func TestRecordsOfTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s, d := start(t, Config{Audit: l.record, Policy: Policy{Copies: map[Feature]CopyLimits{CopyOut: {Types: []string{TextHTML}}}}})
		one, two := join(t, s, Owner), join(t, s, Controller)
		l.take()
		d.own(input.SelectionClipboard, map[string]string{TextPlain: "text", TextHTML: "<b>text</b>"})
		synctest.Wait()
		one.Copied()
		two.Copied()
		sum := sha256.Sum256([]byte("<b>text</b>"))
		l.want(t, fmt.Sprintf("use 1 owner copy-out text/html/11/%x", sum[:2]), fmt.Sprintf("use 2 controller copy-out text/html/11/%x", sum[:2]))
	})
}

// Who tries what is refused does not fill the audit, and all that was tried is counted
// in it.
func TestRecordsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s, _ := start(t, Config{Audit: l.record})
		v := join(t, s, Watcher)
		l.take()
		for range 1000 {
			v.SetClipboard(plain("x"))
			v.Do(Upload, func() error { return nil })
		}
		l.want(t, "use 1 viewer copy-in: refused by policy", "use 1 viewer upload: refused by policy")
		time.Sleep(otherInterval)
		v.SetClipboard(plain("x"))
		l.want(t, "use 1 viewer copy-in +999: refused by policy")
		v.Leave()
		l.want(t, "leave 1 viewer refused 2001")
		for range 1000 {
			s.Join(JoinConfig{Share: "ended"})
		}
		l.want(t, "join controller by @ended: session: join: no such link")
		time.Sleep(otherInterval)
		s.Join(JoinConfig{Share: "ended"})
		l.want(t, "join controller by @ended +999: session: join: no such link")
	})
}

// Whoever tries to log in does not fill the audit, and how often they have is told, of each
// method apart.
func TestRefusedLoginsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Record
		s, _ := start(t, Config{Audit: func(r Record) { told = append(told, r) }})
		wrong := errors.New("wrong")
		began := time.Now()
		for _, step := range []struct {
			method  string
			after   time.Duration
			repeats uint64
			due     bool
		}{
			{"token", 0, 0, true},
			{"token", otherInterval / 2, 0, false},
			{"link", otherInterval / 2, 0, true},
			{"token", otherInterval - 1, 0, false},
			{"token", otherInterval, 2, true},
			{"token", 2 * otherInterval, 0, true},
		} {
			time.Sleep(time.Until(began.Add(step.after)))
			told = nil
			s.RefuseLogin(step.method, "192.0.2.1", wrong)
			var want []Record
			if step.due {
				want = []Record{{
					Time: time.Now(), Event: LoginRefused, From: "192.0.2.1", Detail: Detail{Method: step.method}, Err: wrong, Repeats: step.repeats,
				}}
			}
			if !reflect.DeepEqual(told, want) {
				t.Errorf("%s after %v: told %+v, want %+v", step.method, step.after, told, want)
			}
		}
	})
}

// Of files that are broken off each is told of from which something has left.
func TestRecordsOfWhatIsBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s, _ := start(t, Config{Audit: l.record})
		v := join(t, s, Owner)
		l.take()
		broken := errors.New("broken off")
		for _, o := range []Object{{Name: "a", Bytes: 9}, {Name: "b", Bytes: 8}, {Name: "c"}, {Name: "d"}, {Name: "e", Bytes: 7}} {
			v.Use(Download, Detail{}, func(d *Detail) error { d.Objects = []Object{o}; return broken })
		}
		l.want(t, "use 1 owner download a/9: broken off", "use 1 owner download b/8: broken off",
			"use 1 owner download c/0: broken off", "use 1 owner download e/7: broken off")
	})
}

// Control that was lent and falls back to nobody is told of.
func TestRecordOfReclaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s, _ := start(t, Config{Audit: l.record})
		owner, guest := join(t, s, Owner), join(t, s, Watcher)
		if err := owner.Give(guest.ID()); err != nil {
			t.Fatal(err)
		}
		owner.Leave()
		l.take()
		time.Sleep(2 * unattended)
		synctest.Wait()
		l.want(t, "reclaim 2 viewer")
	})
}

func TestRefusals(t *testing.T) {
	refuse := Policy{Refuse: map[Role][]Feature{Owner: {Download, Sharing}, Controller: {Keyboard}, Watcher: {Video}}}
	s := New(Config{Policy: refuse, AuditRequired: true, Log: slog.New(slog.DiscardHandler)})
	for _, test := range []struct {
		role    Role
		failing bool
		want    map[Feature]Refusal
	}{
		{Owner, false, map[Feature]Refusal{Download: ByPolicy, Sharing: ByPolicy}},
		{Owner, true, map[Feature]Refusal{Download: ByPolicy, Sharing: ByPolicy, CopyIn: ByAudit, CopyOut: ByAudit, Upload: ByAudit}},
		{Controller, false, map[Feature]Refusal{Keyboard: ByPolicy, Sharing: ByRole}},
		{Watcher, true, map[Feature]Refusal{
			Video: ByPolicy, Keyboard: ByRole, Pointer: ByRole, CopyIn: ByRole, CopyOut: ByRole, Resize: ByRole, Limiting: ByRole,
			Giving: ByRole, Sharing: ByRole, Upload: ByRole, Download: ByRole, Awaking: ByRole,
		}},
	} {
		s.SetAuditFailing(test.failing)
		v := join(t, s, test.role)
		got := v.Refusals()
		if fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s, failing %v: got %v, want %v", test.role, test.failing, got, test.want)
		}
		if err := v.Do(Upload, func() error { return nil }); errors.Is(err, ErrUnaudited) != (test.want[Upload] == ByAudit) || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%s, failing %v: upload %v", test.role, test.failing, err)
		}
		v.Leave()
	}
}

// Owners are told, and nobody else, that what happens is not recorded.
func TestAuditNotices(t *testing.T) {
	s := New(Config{Log: slog.New(slog.DiscardHandler)})
	owner, guest := join(t, s, Owner), join(t, s, Controller)
	s.SetAuditFailing(true)
	s.SetAuditFailing(true)
	late := join(t, s, Owner)
	for _, test := range []struct {
		v    *Viewer
		want []Notice
	}{{owner, []Notice{{Code: AuditFailing}}}, {guest, nil}, {late, []Notice{{Code: AuditFailing}}}} {
		if got := test.v.Notices(); !slices.Equal(got, test.want) {
			t.Errorf("viewer %s is told %v, want %v", test.v.ID(), got, test.want)
		}
	}
	if err := owner.Do(Upload, func() error { return nil }); err != nil {
		t.Errorf("upload: %v, though the audit is not required", err)
	}
	s.SetAuditFailing(false)
	if got := owner.Notices(); !slices.Equal(got, []Notice{{Code: AuditWorking}}) {
		t.Errorf("told %v", got)
	}
}

// The least interval holds for contents, not for those who get them.
func TestCopyInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := CopyLimits{Interval: 10 * time.Second}
		s, d := start(t, Config{Policy: Policy{Copies: map[Feature]CopyLimits{CopyIn: limits, CopyOut: limits}}})
		one, two := join(t, s, Owner), join(t, s, Controller)
		copied := func(text string) {
			d.copy(text)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		copied("first")
		for _, v := range []*Viewer{one, two} {
			if content, err := v.Copied(); err != nil || len(content.Items) != 1 {
				t.Errorf("viewer %s: %v, %v", v.ID(), content, err)
			}
		}
		copied("second")
		if _, err := one.Copied(); !errors.Is(err, ErrTooOften) {
			t.Errorf("at once: %v", err)
		}
		time.Sleep(10 * time.Second)
		copied("third")
		if content, err := one.Copied(); err != nil || len(content.Items) != 1 {
			t.Errorf("later: %v, %v", content, err)
		}
		if err := one.SetClipboard(plain("a")); err != nil {
			t.Error(err)
		}
		if err := two.SetClipboard(plain("b")); !errors.Is(err, ErrTooOften) {
			t.Errorf("at once: %v", err)
		}
		if err := two.Announce([]Announcement{{MIME: "text/plain", Size: 1}}); !errors.Is(err, ErrTooOften) {
			t.Errorf("announced at once: %v", err)
		}
	})
}
