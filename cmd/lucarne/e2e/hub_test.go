package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lucarne/perf/browser"
)

// hubConfig is JupyterHub's, with Lucarne in the place of each user's notebook server. The
// service has the scopes that jupyterhub-idle-culler asks for.
const hubConfig = `
from jupyterhub.spawner import SimpleLocalProcessSpawner

class DesktopSpawner(SimpleLocalProcessSpawner):
    def get_args(self):
        return super().get_args() + ["--listen", f"127.0.0.1:{self.port}"]

c.JupyterHub.bind_url = "http://127.0.0.1:%[1]s"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:%[2]s"
c.JupyterHub.subdomain_host = "%[7]s"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:%[3]s"
c.ConfigurableHTTPProxy.command = ["/usr/bin/configurable-http-proxy"]
c.JupyterHub.db_url = "sqlite:///%[4]s/hub.sqlite"
c.JupyterHub.cookie_secret_file = "%[4]s/cookie_secret"
c.JupyterHub.log_level = "DEBUG"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = DesktopSpawner
c.SimpleLocalProcessSpawner.home_dir_template = "%[4]s/home/{username}"
c.Spawner.cmd = %[5]s
c.Spawner.environment = {"JUPYTERHUB_ACTIVITY_INTERVAL": "1", "TMPDIR": "%[4]s"}
c.Spawner.poll_interval = 1
c.JupyterHub.last_activity_interval = 1
c.JupyterHub.activity_resolution = 0
c.JupyterHub.services = [{"name": "culler", "api_token": "%[6]s"}]
c.JupyterHub.load_roles = [{
    "name": "culler", "services": ["culler"],
    "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
}]
`

// hub is a running JupyterHub with its proxy.
type hub struct {
	t       *testing.T
	address string // of the proxy, as people know the hub
	api     string
	token   string // the culler's
	home    string // of the users
	log     syncBuffer
}

// startHub starts one whose users get lucarne with these arguments.
func startHub(t *testing.T, args ...string) *hub {
	t.Helper()
	return startHubNamed(t, "", args...)
}

// startHubNamed starts one of a name, below which each user has one of their own.
func startHubNamed(t *testing.T, name string, args ...string) *hub {
	t.Helper()
	// Its proxy ends with it; both come with Debian's packages.
	for _, program := range []string{"/usr/bin/jupyterhub", "/usr/bin/configurable-http-proxy"} {
		if _, err := os.Stat(program); err != nil {
			t.Skip("jupyterhub is not installed")
		}
	}
	dir := t.TempDir()
	proxy, subdomains := freeAddress(t), ""
	h := &hub{t: t, address: proxy, token: "0123456789abcdef", home: filepath.Join(dir, "home")}
	command, err := json.Marshal(append([]string{os.Getenv(binaryVariable)}, args...))
	if err != nil {
		t.Fatal(err)
	}
	port := func(address string) string { _, port, _ := net.SplitHostPort(address); return port }
	hubAddress := freeAddress(t)
	h.api = "http://" + hubAddress + "/hub/api"
	if name != "" {
		h.address = net.JoinHostPort(name, port(proxy))
		subdomains = "http://" + h.address
	}
	config := fmt.Sprintf(hubConfig, port(proxy), port(hubAddress), port(freeAddress(t)), dir, command, h.token, subdomains)
	path := filepath.Join(dir, "jupyterhub_config.py")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/jupyterhub", "--config", path)
	cmd.Dir, cmd.Env = dir, append(environment(), "HOME="+dir, "NODE_PATH=/usr/share/nodejs") // where Debian's node finds modules, whichever runs here
	cmd.Stdout, cmd.Stderr = &h.log, &h.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait() // what it logged says more than its status
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // it stops its servers and its proxy
		select {
		case <-ended:
		case <-time.After(patience):
			t.Error("jupyterhub does not end")
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		if t.Failed() {
			t.Logf("jupyterhub\n%s", h.log.String())
		}
	})
	poll(t, "an answer from the hub", func() bool {
		select {
		case <-ended:
			t.Fatal("jupyterhub has ended")
		default:
		}
		login, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+proxy+"/hub/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		login.Host = h.address
		r, err := http.DefaultClient.Do(login)
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return h
}

// ask sends the culler's request to the hub's REST API.
func (h *hub) ask(method, path string) (status int, body []byte) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.api+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "token "+h.token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		h.t.Fatal(err)
	}
	return response.StatusCode, body
}

// hubServer is a user's server as the hub lists it.
type hubServer struct {
	User    string
	Pending *string   `json:"pending"`
	Started time.Time `json:"started"`
	Last    time.Time `json:"last_activity"`
}

// servers returns those that are ready.
func (h *hub) servers() (all []hubServer) {
	h.t.Helper()
	status, body := h.ask(http.MethodGet, "/users?state=ready")
	var users []struct {
		Name    string               `json:"name"`
		Servers map[string]hubServer `json:"servers"`
	}
	if err := json.Unmarshal(body, &users); err != nil || status != http.StatusOK {
		h.t.Fatalf("users: %d %s, %v", status, body, err)
	}
	for _, user := range users {
		for _, server := range user.Servers {
			server.User = user.Name
			all = append(all, server)
		}
	}
	return all
}

// last returns when a user's server was last used, as the hub knows.
func (h *hub) last(user string) time.Time {
	h.t.Helper()
	for _, server := range h.servers() {
		if server.User == user {
			return server.Last
		}
	}
	return time.Time{}
}

// cull stops what has been idle for so long, as jupyterhub-idle-culler does, and returns
// whose it was.
func (h *hub) cull(idle time.Duration) (culled []string) {
	h.t.Helper()
	for _, server := range h.servers() {
		last := server.Last
		if last.IsZero() {
			last = server.Started
		}
		if server.Pending != nil || time.Since(last) < idle {
			continue
		}
		if status, body := h.ask(http.MethodDelete, "/users/"+server.User+"/server"); status/100 != 2 {
			h.t.Fatalf("stop the server of %s: %d %s", server.User, status, body)
		}
		culled = append(culled, server.User)
	}
	return culled
}

// told counts how often a user's server has told the hub of activity.
func (h *hub) told(user string) int {
	return strings.Count(h.log.String(), "POST /hub/api/users/"+user+"/activity")
}

// logIn opens a page of the hub's and logs in there.
func (d *desk) logIn(page *tab, user string) {
	d.t.Helper()
	page.wait(`document.querySelector("#password_input")`)
	d.check(page.Eval(d.ctx, fmt.Sprintf(`document.querySelector("#username_input").value = %q,
		document.querySelector("#password_input").value = "any", 1`, user), nil))
	if err := page.Eval(d.ctx, `document.querySelector("#login_submit").click(), 1`, nil); err != nil && err != browser.ErrNavigated {
		d.t.Fatal(err)
	}
}

// signIn sends the page to the hub, which knows already who it is.
func (t *tab) signIn() {
	t.d.t.Helper()
	t.wait(`location.pathname === "/user/alice/" && document.querySelector(".login form button")`)
	t.act(".login form button")
}

// strangers checks that the desktop of alice is nobody else's: not another user's of the hub,
// and not that of who has no credentials at all.
func (d *desk) strangers(h *hub, desktop string) {
	d.t.Helper()
	for _, path := range []string{"session", "ws", "vnc/ws", "files/"} {
		response, err := http.Get(desktop + path)
		d.check(err)
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized && response.StatusCode != http.StatusForbidden {
			d.t.Errorf("%s without credentials: %s", path, response.Status)
		}
	}
	private, err := d.browser.NewPrivatePage(d.ctx)
	d.check(err)
	defer private.Close()
	bob := &tab{Page: private, d: d}
	d.check(bob.Navigate(d.ctx, "http://"+h.address+"/hub/login?next=%2Fhub%2Ftoken"))
	d.logIn(bob, "bob")
	bob.wait(`location.pathname === "/hub/token"`)
	d.check(bob.Navigate(d.ctx, desktop))
	bob.signIn()
	bob.wait(`location.pathname.startsWith("/hub/") && document.body?.innerText.includes("403")`)
}

// TestJupyterHub: a hub starts the desktop for its user alone, hears when it is used, and
// stops it when it is not, though a tab shows it.
func TestJupyterHub(t *testing.T) {
	if _, err := exec.LookPath("xterm"); err != nil {
		t.Skip("xterm is not installed")
	}
	const session = `exec xterm -geometry 80x40+0+0 -bg '#206040' -e sh -c 'while read -r line; do echo "$line" >> "$HOME/typed"; done'`
	h := startHub(t, "up", "--auth", "oauth", "--size", "1280x720", "--pause-after", "15s", "--session", session)
	d := newBrowserDesk(t, image.Pt(1280, 720), 4*time.Minute)

	desktop := "http://" + h.address + "/user/alice/"
	page := d.load(d.browser, "http://"+h.address+"/")
	d.logIn(page, "alice")
	page.signIn()
	page.picture()
	d.check(page.Click(d.ctx, image.Pt(100, 300), browser.Left))
	page.shows(image.Pt(100, 300), 0x206040, 24)
	page.staysUnder(desktop)
	told, came := h.told("alice"), time.Now()
	d.check(page.Type(d.ctx, "hello hub\n"))
	poll(t, "what was typed, in a program of the desktop", func() bool {
		typed, err := os.ReadFile(filepath.Join(h.home, "alice", "typed"))
		return err == nil && bytes.HasPrefix(typed, []byte("hello hub\n"))
	})
	poll(t, "word of it at the hub", func() bool { return h.told("alice") > told && h.last("alice").After(came) })
	d.strangers(h, desktop)

	page.wait(`document.documentElement.dataset.state === "ended" && document.body.innerText.includes("switched off")`)
	var culled []string
	poll(t, "culling", func() bool {
		culled = h.cull(3 * time.Second)
		return len(culled) > 0
	})
	if culled[0] != "alice" {
		t.Errorf("culled %q", culled)
	}
	poll(t, "end of the server", func() bool { return len(h.servers()) == 0 })
}

// TestJupyterHubSubdomains: where each user has a name of their own, the desktop is there, and
// people come to it by way of the hub, whose name is another.
func TestJupyterHubSubdomains(t *testing.T) {
	h := startHubNamed(t, "hub.localhost", "up", "--auth", "oauth", "--size", "1280x720", "--session", "exec sleep 1000")
	d := newBrowserDesk(t, image.Pt(1280, 720), 2*time.Minute)
	page := d.load(d.browser, "http://"+h.address+"/")
	d.logIn(page, "alice")
	page.signIn()
	page.picture()
	page.staysUnder("http://alice." + h.address + "/user/alice/")
}
