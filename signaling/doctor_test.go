package signaling

import (
	"context"
	"reflect"
	"testing"
	"time"

	"lucarne/signaling/session"
)

func TestDoctorIsForTheOwner(t *testing.T) {
	findings := []Finding{{Check: "home", State: "fail", Code: "home-full", Args: []string{"/home/a", "no space"}, Found: "it is full", Admin: "enlarge it"}}
	visits := make(chan Visit, 1)
	s := serve(t, func(cfg *Config) {
		cfg.BasePath = "/a/b"
		cfg.Doctor = func(_ context.Context, visit Visit) []Finding {
			visits <- visit
			return findings
		}
	})
	owner, _ := s.join(t)
	at := time.UnixMilli(1_700_000_000_000)
	owner.send(`{"type":"doctor","paths":["/hub/a/b/"],"t":1700000000000}`)
	if got := owner.await("doctor").Findings; !reflect.DeepEqual(got, findings) {
		t.Errorf("told %+v, want %+v", got, findings)
	}
	if v := <-visits; v.Page != "/hub/a/b/" || !v.Clock.Equal(at) || v.Now.IsZero() || v.Path != "/" && v.Path != "/a/b/" {
		t.Errorf("asked by %+v", v)
	}
	owner.send(`{"type":"doctor","paths":["javascript:1"]}`)
	owner.await("doctor")
	if v := <-visits; v.Page != "" {
		t.Errorf("a page that says nonsense: %+v", v)
	}
}

func TestDoctorIsForNobodyElse(t *testing.T) {
	s := serve(t, func(cfg *Config) {
		cfg.Role = session.Controller
		cfg.Doctor = func(context.Context, Visit) []Finding {
			t.Error("somebody else has asked")
			return nil
		}
	})
	other, _ := s.join(t)
	other.send(`{"type":"doctor"}`)
	if got := other.await("reason"); got.Code != "refused" || len(got.Args) != 1 || got.Args[0] != "doctor" {
		t.Errorf("told %+v", got)
	}
}
