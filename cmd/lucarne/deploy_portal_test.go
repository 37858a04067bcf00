package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling"
)

// batchScript is what Open OnDemand makes of the template "basic" (ood_core's batch_connect),
// with stand-ins for the functions that it has. It has no trap: whoever wants to know of the
// job's end sets one. %s is the port that is free.
const batchScript = `cd "$0"
export host port
clean_up() { kill $(jobs -p); exit "${1:-0}"; }
find_port() { echo %s; }
create_passwd() { tr -cd a-zA-Z0-9 < /dev/urandom | head -c "$1"; }
wait_until_port_used() { for _ in $(seq 200); do (: < /dev/tcp/${1/://}) 2> /dev/null && return; sleep 0.1; done; return 1; }
host=127.0.0.1
[[ -e before.sh ]] && source before.sh
./script.sh &
SCRIPT_PID=$!
[[ -e after.sh ]] && source after.sh
echo "$SCRIPT_PID $host $port $password"
wait "${SCRIPT_PID}" || clean_up 1
clean_up`

// TestOpenOnDemandJob: through the portal's proxies the job's desktop is where view.html.erb's
// form posts its password, and it ends in order when the scheduler ends the job's shell.
func TestOpenOnDemandJob(t *testing.T) {
	need(t, "ruby", "apache2")
	env := node(t)
	dir := t.TempDir()
	for _, name := range []string{"before", "script", "after"} {
		// With the mode of the template, as the portal renders them.
		path := "template/" + name + ".sh.erb"
		info, err := os.Stat(filepath.Join(deployDir, "ood", path))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".sh"), []byte(renderERB(t, path, "0")), info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	job := startShell(t, env, "-c", fmt.Sprintf(batchScript, lonelyPort(t)), dir)
	var pid int
	var host, port, password string
	await(t, "the job says it is ready", func() bool {
		_, err := fmt.Sscanln(job.stdout.String(), &pid, &host, &port, &password)
		return err == nil
	})
	t.Cleanup(func() {
		if t.Failed() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // what has outlived its job keeps nobody waiting
		}
	})
	if info, err := os.Stat(filepath.Join(dir, "lucarne-password")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the password's file: %v, %v", info, err)
	}
	view := renderERB(t, "view.html.erb", "0")
	action := regexp.MustCompile(`action="([^"]*)" method="post"`).FindStringSubmatch(view)
	field := regexp.MustCompile(`name="([^"]*)" value="secret"`).FindStringSubmatch(view)
	if action == nil || field == nil {
		t.Fatalf("the form is\n%s", view)
	}
	form := strings.Replace(action[1], "/n1/40000/", "/"+host+"/"+port+"/", 1)
	portal := startPortal(t)
	for _, path := range []string{form, "/r" + strings.TrimPrefix(form, "/")} {
		visitPortal(t, portal, path, url.Values{field[1]: {password}})
	}
	if code := job.stop(t); code != 0 {
		t.Errorf("the job's exit code is %d\n%s", code, job.stderr)
	}
	if c, err := net.Dial("tcp", net.JoinHostPort(host, port)); err == nil {
		c.Close()
		t.Error("the desktop has outlived the job's shell")
	}
}

// visitPortal posts the form as a browser does, and looks at the desktop that it leads to.
func visitPortal(t *testing.T, portal, path string, password url.Values) {
	t.Helper()
	jar, _ := cookiejar.New(nil) // never fails
	client := http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.PostForm("http://"+portal+path, password)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	page := r.Request.URL
	key, found := strings.CutPrefix(page.Fragment, "key=")
	if r.StatusCode != http.StatusOK || page.Path != strings.TrimSuffix(path, "login") || !found {
		t.Fatalf("the form leads to %s: %s", page, r.Status)
	}
	dialer := websocket.Dialer{Jar: jar}
	conn, r, err := dialer.Dial("ws://"+portal+page.Path+"ws", http.Header{"Origin": {"http://" + portal}})
	if err != nil {
		t.Fatalf("WebSocket below %s: %v, %v", page.Path, err, r)
	}
	defer conn.Close()
	if err := conn.WriteJSON(signaling.Message{Type: "hello", Transport: "ws", Codecs: []string{"vp8"}, Page: "0123456789abcdef0123456789abcdef", Key: key}); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	awaitMessage(t, conn, "hello")
}

// portalConfig is of Open OnDemand's Apache what is between browsers and nodes
// (ood-portal-generator's template). It keeps the path below /node, takes it off below
// /rnode, and has ways of its own with redirections and cookies.
const portalConfig = `ServerRoot %[1]s
ServerName localhost
PidFile %[1]s/pid
DefaultRuntimeDir %[1]s
Mutex file:%[1]s default
ErrorLog /dev/stderr
Listen %[2]s
# Those who work for root are not root themselves.
User nobody
Group nogroup
<LocationMatch "^/node/(?<host>[^/]+)/(?<port>\d+)">
	Header edit Location "^[^/]+//[^/]+" ""
	Header edit* Set-Cookie ";\s*(?i)Domain[^;]*" ""
	Header edit* Set-Cookie ";\s*(?i)Path[^;]*" ""
	Header edit Set-Cookie "^([^;]+)" "$1; Path=/node/%%{MATCH_HOST}e/%%{MATCH_PORT}e"
	RequestHeader unset Authorization
	LuaHookFixups %[1]s/node.lua pass
</LocationMatch>
<LocationMatch "^/rnode/(?<host>[^/]+)/(?<port>\d+)(?<uri>/.*|)">
	Header edit Location "^([^/]+//[^/]+)|(?=/)|^([\./]{1,}(?<!/))" "/rnode/%%{MATCH_HOST}e/%%{MATCH_PORT}e"
	Header edit* Set-Cookie ";\s*(?i)Domain[^;]*" ""
	Header edit* Set-Cookie ";\s*(?i)Path[^;]*" ""
	Header edit Set-Cookie "^([^;]+)" "$1; Path=/rnode/%%{MATCH_HOST}e/%%{MATCH_PORT}e"
	RequestHeader unset Authorization
	LuaHookFixups %[1]s/node.lua pass
</LocationMatch>
`

// portalScript sends a request to its node.
const portalScript = `function pass(r)
	local env = r.subprocess_env
	local scheme = r.headers_in["Upgrade"] and "ws://" or "http://"
	r.handler = "proxy:" .. scheme .. env["MATCH_HOST"] .. ":" .. env["MATCH_PORT"]
	r.filename = env["MATCH_URI"] or r.uri
	r.headers_in["X-Forwarded-Proto"] = "http"
	r.headers_in["X-Forwarded-User"] = "zoe"
	return apache2.DECLINED
end
`

// startPortal starts it and returns its address.
func startPortal(t *testing.T) (address string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "portal")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	address = net.JoinHostPort("127.0.0.1", lonelyPort(t))
	var config strings.Builder
	for _, name := range []string{"mpm_event", "authz_core", "headers", "lua", "proxy", "proxy_http", "proxy_wstunnel"} {
		fmt.Fprintf(&config, "LoadModule %[1]s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", name)
	}
	fmt.Fprintf(&config, portalConfig, dir, address)
	for name, text := range map[string]string{"portal.conf": config.String(), "node.lua": portalScript} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("apache2", "-D", "FOREGROUND", "-f", filepath.Join(dir, "portal.conf"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	said := new(safeBuffer)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // it ends its children
		cmd.Wait()
		if t.Failed() {
			t.Logf("apache2\n%s", said)
		}
	})
	await(t, "the portal", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return address
}
