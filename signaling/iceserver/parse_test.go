package iceserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	many := strings.Repeat(`{"urls":"stun:a.example"},`, 2*maxServers)
	tests := []struct {
		name, list, want string
	}{
		{"RTCIceServer list", `[{"urls":["stun:a.example"]},{"urls":"turn:b.example:3478?transport=udp","username":"u","credential":"c"}]`,
			"stun:a.example u= c=; turn:b.example:3478?transport=udp u=u c=c"},
		{"Cloudflare", `{"iceServers":[{"urls":["stun:s.example:3478","stun:s.example:53","turn:t.example:3478?transport=udp","turn:t.example:53?transport=udp","turns:t.example:443?transport=tcp"],"username":"u","credential":"c"}]}`,
			"stun:s.example:3478 turn:t.example:3478?transport=udp turns:t.example:443?transport=tcp u=u c=c"},
		{"Cloudflare, one object", `{"iceServers":{"urls":["turn:t.example"],"username":"u","credential":"c"}}`, "turn:t.example u=u c=c"},
		{"STUNner", `{"iceServers":[{"url":"turn:192.0.2.1:3478?transport=UDP","username":"u","credential":"c"},{"url":"turn:192.0.2.1:3478?transport=tcp","username":"u","credential":"c"}],"iceTransportPolicy":"all"}`,
			"turn:192.0.2.1:3478?transport=udp u=u c=c; turn:192.0.2.1:3478?transport=tcp u=u c=c"},
		{"Selkies", `{"lifetimeDuration":"86400s","iceServers":[{"urls":["stun:s.example:19302"]},{"urls":["turn:[2001:db8::1]:3478"],"username":"u","credential":"c"}],"blockStatus":"NOT_BLOCKED","iceTransportPolicy":"all"}`,
			"stun:s.example:19302 u= c=; turn:[2001:db8::1]:3478 u=u c=c"},
		{"REST API", `{"username":"1:u","password":"p","ttl":86400,"uris":["turn:t.example?transport=tcp"]}`, "turn:t.example?transport=tcp u=1:u c=p"},
		{"none", `[]`, ""},
		{"TURN without credentials", `[{"urls":["turn:t.example","stun:t.example"],"username":"u"}]`, "stun:t.example u=u c="},
		{"too many", "[" + many + `{}]`, strings.TrimSuffix(strings.Repeat("stun:a.example u= c=; ", maxServers), "; ")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			servers, err := Parse([]byte(tt.list))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range servers {
				got = append(got, fmt.Sprintf("%v u=%s c=%s", s, s.Username, s.Credential))
			}
			if got := strings.Join(got, "; "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, list := range map[string]string{
		"nothing":         ``,
		"no JSON":         `<html>secret</html>`,
		"null":            `null`,
		"a number":        `7`,
		"an error":        `{"error":"secret"}`,
		"no such scheme":  `[{"urls":"http://secret.example"}]`,
		"long credential": `[{"urls":"turn:a.example","username":"u","credential":"` + strings.Repeat("secret", maxCredential) + `"}]`,
		"long":            `[{"urls":"stun:a.example"}]` + strings.Repeat(" ", maxList),
		"numbers as URLs": `[{"urls":[1,2]}]`,
	} {
		servers, err := Parse([]byte(list))
		if err == nil {
			t.Errorf("%s: got %v", name, servers)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows what is secret: %v", name, err)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for uri, good := range map[string]bool{
		"stun:a.example":                       true,
		"stuns:a.example:5349":                 true,
		"turn:192.0.2.1:3478?transport=udp":    true,
		"TURN:192.0.2.1?transport=tcp":         true,
		"turns:[2001:db8::1]:443":              true,
		"turns:[2001:db8::1]":                  true,
		"":                                     false,
		"a.example":                            false,
		"http://a.example":                     false,
		"turn://a.example":                     false,
		"turn:":                                false,
		"turn:user:secret@a.example":           false,
		"turn:a.example:":                      false,
		"turn:a.example:0":                     false,
		"turn:a.example:65536":                 false,
		"turn:a.example:-1":                    false,
		"turn:a.example:+1":                    false,
		"turn:a.example?transport=sctp":        false,
		"turn:a.example?transport=udp&secret":  false,
		"stun:a.example?transport=udp":         false,
		"turn:[2001:db8::1":                    false,
		"turn:[2001:db8::1]3478":               false,
		"turn:[fe80::1%eth0]:3478":             false,
		"turn:[192.0.2.1]":                     false,
		"turn:2001:db8::1":                     false,
		"turn:a.example\r\n":                   false,
		"turn:" + strings.Repeat("a", maxURL):  false,
		"stun:a.example/path":                  false,
		"stun:" + strings.Repeat("a", 254):     false,
		"stun:" + strings.Repeat("a", 253):     true,
		"turn:a.example:3478?transport=udp#no": false,
	} {
		err := CheckURL(uri)
		if (err == nil) != good {
			t.Errorf("CheckURL(%q) = %v", uri, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows what is secret: %v", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, list := range []string{
		`[{"urls":["stun:a.example"]},{"urls":"turn:b.example:3478?transport=udp","username":"u","credential":"c"}]`,
		`{"iceServers":{"urls":["turns:[2001:db8::1]:443"],"username":"u","credential":"c"}}`,
		`{"iceServers":[{"url":"turn:192.0.2.1:3478?transport=udp","username":"u","credential":"c"}],"iceTransportPolicy":"all"}`,
		`{"username":"1:u","password":"p","ttl":86400,"uris":["turn:t.example?transport=tcp"]}`,
		`{"iceServers":null}`, `[[]]`, `[`, `7`,
	} {
		f.Add([]byte(list))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		servers, err := Parse(list)
		if err != nil && servers != nil {
			t.Fatalf("servers %v beside the error %v", servers, err)
		}
		if len(servers) > maxServers {
			t.Fatalf("%d servers", len(servers))
		}
		for _, s := range servers {
			if len(s.URLs) == 0 || len(s.URLs) > maxURLs || len(s.Username) > maxCredential || len(s.Credential) > maxCredential {
				t.Fatalf("%d URLs, user name of %d bytes, credential of %d", len(s.URLs), len(s.Username), len(s.Credential))
			}
			for _, uri := range s.URLs {
				if err := CheckURL(uri); err != nil {
					t.Fatalf("%q was taken: %v", uri, err)
				}
			}
			if slices.ContainsFunc(s.URLs, IsTURN) && (s.Username == "" || s.Credential == "") {
				t.Fatalf("%v has no credentials", s)
			}
		}
	})
}
