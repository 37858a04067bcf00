package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lucarne/cmd/internal/doctor"
)

// findings runs lucarne doctor and returns what it found, by check, and its exit code: a
// machine without an X server is unwell. On a busy machine a check may have had no time: it
// is run again as long as that is so of one of those that are wanted.
func findings(t *testing.T, env, wanted []string, args ...string) (found map[string]doctor.Finding, code int) {
	t.Helper()
	var told string
	eventually(t, "lucarne doctor has had the time", func() bool {
		asking := start(t, env, append([]string{"doctor", "--json"}, args...)...)
		code, told = asking.code(t), asking.stdout.String()
		found = parseFindings(t, told)
		return !slices.ContainsFunc(wanted, func(check string) bool { return found[check].Code == "slow" })
	}, &told)
	return found, code
}

// parseFindings reads what lucarne doctor --json has written, by check.
func parseFindings(t *testing.T, text string) map[string]doctor.Finding {
	t.Helper()
	found := map[string]doctor.Finding{}
	for line := range strings.Lines(text) {
		var f doctor.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		found[f.Check] = f
	}
	return found
}

func TestDoctorLooksAtTheContainer(t *testing.T) {
	home := t.TempDir()
	checks := []string{"user", "home", "/dev/shm", "processors", "culler"}
	found, _ := findings(t, []string{"HOME=" + home, "LUCARNE_LISTEN=unix:" + filepath.Join(home, "none")}, checks)
	for _, check := range checks {
		if f := found[check]; f.Found == "" || f.State == doctor.Fail {
			t.Errorf("%s: %+v", check, f)
		}
	}
	if f := found["home"]; !strings.Contains(f.Found, home) {
		t.Errorf("home: %+v", f)
	}
	if f := found["culler"]; f.State != doctor.Skip {
		t.Errorf("culler, with no lucarne there: %+v", f)
	}
	missing := filepath.Join(home, "missing")
	found, _ = findings(t, []string{"HOME=" + missing}, []string{"home"})
	if f := found["home"]; f.State != doctor.Warn || f.Admin == "" {
		t.Errorf("home that is not there: %+v", f)
	}
}

func TestDoctorAsksTheAgent(t *testing.T) {
	needEncoder(t)
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	env := []string{"LUCARNE_LISTEN=unix:" + socket, "XDG_RUNTIME_DIR=" + dir}
	serving := start(t, env, "serve", "--wait")
	serving.awaitPage(t, socket)
	found, _ := findings(t, env, []string{"culler"})
	if f := found["culler"]; f.State != doctor.OK || !strings.Contains(f.Found, "nobody has asked") {
		t.Errorf("before anybody has asked: %+v", f)
	}
	client, base := serving.page(socket)
	resp, err := client.Get(base + "/api/kernels")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	found, _ = findings(t, env, []string{"culler"})
	if f := found["culler"]; f.State != doctor.OK || !strings.Contains(f.Found, "asked for") || strings.Contains(f.Found, "nobody") {
		t.Errorf("after it has been asked: %+v", f)
	}
}
