package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lucarne/signaling/iceserver"
	"lucarne/signaling/iceserver/turntest"
)

// pathScript tells by path() how the page's newest connection reaches the agent:
// kind and protocol of the page's side, port of the agent's.
const pathScript = `const Real = RTCPeerConnection;
window.connections = [];
window.RTCPeerConnection = class extends Real {
  constructor(...args) {
    super(...args);
    connections.push(this);
  }
};
window.path = async () => {
  const report = await connections.at(-1).getStats();
  for (const s of report.values()) {
    const pair = s.type === "transport" && report.get(s.selectedCandidatePairId);
    if (!pair) continue;
    const [ours, theirs] = [report.get(pair.localCandidateId), report.get(pair.remoteCandidateId)];
    return [ours.candidateType, ours.relayProtocol ?? ours.protocol, theirs.port].join(" ");
  }
  return "";
};`

// noUDPScript keeps from each side what the other offers by UDP.
const noUDPScript = `const add = RTCPeerConnection.prototype.addIceCandidate;
RTCPeerConnection.prototype.addIceCandidate = async function (candidate) {
  if (/ udp /i.test(candidate?.candidate ?? "")) return;
  return add.call(this, candidate);
};
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (typeof data === "string" && data.startsWith('{"type":"candidate"') && / udp /i.test(data)) return;
  return send.call(this, data);
};`

// comes waits for the picture and returns how it came.
func (t *tab) comes() string {
	t.d.t.Helper()
	t.picture()
	var path string
	t.d.check(t.Eval(t.d.ctx, "path()", &path))
	return path
}

// freePort returns a port of loopback that is free by TCP.
func freePort(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// writeFile writes a file that ends with the test and returns its path.
func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTURN(t *testing.T) {
	server := turntest.Start(t)
	first := newDesk(t, setup{args: []string{"--ignore-certificate-errors"}})
	for protocol, url := range map[string]string{"udp": server.UDP, "tcp": server.TCP, "tls": server.TLS} {
		t.Run(protocol, func(t *testing.T) {
			d := newDesk(t, setup{browser: first.browser, agent: []string{
				"--auth", "none", "--relay", "viewer", "--ice-server", url, "--turn-secret-file", writeFile(t, turntest.Secret+"\n"),
			}})
			page := d.load(d.browser, d.url("?resize=off"), pathScript)
			if got, want := page.comes(), "relay "+protocol+" "; !strings.HasPrefix(got, want) {
				t.Errorf("the picture came by %s, want %s", got, want)
			}
			if log := d.agent.log.String(); strings.Contains(log, turntest.Secret) {
				t.Errorf("the log shows the secret:\n%s", log)
			}
		})
	}
}

func TestICETCP(t *testing.T) {
	port := freePort(t)
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--tcp-port", port}})
	page := d.load(d.browser, d.url("?resize=off"), pathScript, noUDPScript)
	if got, want := page.comes(), "tcp "+port; !strings.HasSuffix(got, want) {
		t.Errorf("the picture came by %s, want %s", got, want)
	}
}

func TestOneUDPPort(t *testing.T) {
	port := freePort(t)
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--udp-port", port}})
	for range 2 {
		page := d.load(d.browser, d.url("?resize=off"), pathScript)
		if got, want := page.comes(), "udp "+port; !strings.HasSuffix(got, want) {
			t.Errorf("the picture came by %s, want %s", got, want)
		}
	}
}

// A TURN server that refuses is what the page names, not a network that blocks.
func TestRefusedByTheTURNServer(t *testing.T) {
	server := turntest.Start(t)
	d := newDesk(t, setup{agent: []string{
		"--auth", "none", "--relay", "viewer", "--ice-server", server.UDP,
		"--turn-username", fmt.Sprintf("%d:u", time.Now().Add(-time.Minute).Unix()), "--turn-password-file", writeFile(t, "old"),
	}})
	d.load(d.browser, d.url("?resize=off")).wait(`document.body.textContent.includes("does not take the credentials")`)
}

// Credentials that have expired are told to whoever runs the agent; a file with
// new ones is enough to mend it, at the page's next connection.
func TestExpiredCredentials(t *testing.T) {
	server := turntest.Start(t)
	file := writeFile(t, fmt.Sprintf(`[{"urls":[%q],"username":"%d:u","credential":"hidden"}]`, server.UDP, time.Now().Add(-time.Minute).Unix()))
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--relay", "viewer", "--ice-servers-file", file}})
	lost := d.load(d.browser, d.url("?resize=off"))
	poll(t, "word of it in the log", func() bool {
		return strings.Contains(d.agent.log.String(), "the TURN credentials have expired")
	})
	if log := d.agent.log.String(); strings.Contains(log, "hidden") {
		t.Errorf("the log shows the credential:\n%s", log)
	}
	lost.wait(`document.body.textContent.includes("it needs a TURN server, and none is available")`)
	fresh, err := (&iceserver.Shared{URLs: []string{server.UDP}, Secret: turntest.Secret}).Servers(t.Context(), "u")
	d.check(err)
	list, err := json.Marshal(fresh)
	d.check(err, os.WriteFile(file, list, 0o600))
	if got := d.load(d.browser, d.url("?resize=off"), pathScript).comes(); !strings.HasPrefix(got, "relay udp") {
		t.Errorf("the picture came by %s", got)
	}
}
