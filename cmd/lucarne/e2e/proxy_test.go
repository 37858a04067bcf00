package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// proxy is what a platform puts in front of a desktop. start starts one that
// passes what is under a path on to an upstream (host:port), and returns its
// own address.
type proxy struct {
	name, program string
	impatient     bool // it cuts a WebSocket on which nothing has come for idleCut
	start         func(t *testing.T, path, upstream string) (address string)
}

// open starts the proxy, or skips the test where there is none.
func (p proxy) open(t *testing.T, path, upstream string) (address string) {
	t.Helper()
	if _, err := exec.LookPath(p.program); err != nil {
		t.Skip(p.program + " is not installed")
	}
	return p.start(t, path, upstream)
}

// idleCut is when those proxies cut: platforms take 30 s and more, for which a
// test is too short. The agent pings each 3 s, the page each second.
const idleCut = 4 * time.Second

const impatience = "proxy_read_timeout 4s; proxy_send_timeout 4s;" // nginx's

// proxies are those that notebooks are behind, each with the path kept as the
// browser sees it and with it taken off.
var proxies = []proxy{
	{"nginx keeps the path", "nginx", true, func(t *testing.T, path, upstream string) string {
		return startNginx(t, path, "http://"+upstream, impatience)
	}},
	{"nginx takes the path off", "nginx", true, func(t *testing.T, path, upstream string) string {
		return startNginx(t, path, "http://"+upstream+"/", impatience)
	}},
	// The way of Apache 2.4.47 and newer. The agent gets its own address as Host,
	// and the browser's as X-Forwarded-Host.
	{"Apache keeps the path", "apache2", false, func(t *testing.T, path, upstream string) string {
		return startApache(t, fmt.Sprintf("ProxyPass %[1]s http://%[2]s%[1]s upgrade=websocket", path, upstream))
	}},
	// The older way, a line for each WebSocket, which goes before the others.
	{"Apache takes the path off", "apache2", false, func(t *testing.T, path, upstream string) string {
		return startApache(t, fmt.Sprintf(`ProxyPass %[1]sws ws://%[2]s/ws retry=3
ProxyPass %[1]svnc/ws ws://%[2]s/vnc/ws retry=3
ProxyPass %[1]s http://%[2]s/
ProxyPassReverse %[1]s http://%[2]s/`, path, upstream))
	}},
	{"JupyterHub's keeps the path", "node", false, func(t *testing.T, path, upstream string) string {
		return startHubProxy(t, path, upstream)
	}},
	{"JupyterHub's takes the path off", "node", false, func(t *testing.T, path, upstream string) string {
		return startHubProxy(t, path, upstream, "--no-include-prefix")
	}},
	{"Jupyter's takes the path off", "/usr/bin/python3", false, startTornado},
	{"HAProxy keeps the path", "haproxy", true, func(t *testing.T, path, upstream string) string {
		return startHAProxy(t, t.TempDir(), path, upstream, "")
	}},
	{"HAProxy takes the path off", "haproxy", true, func(t *testing.T, path, upstream string) string {
		return startHAProxy(t, t.TempDir(), path, upstream, fmt.Sprintf(`http-request replace-path %s(.*) /\1`, path))
	}},
}

// startNginx starts a proxy from one path to an upstream's URL, as README.md says
// how, and returns its address. Further directives belong to the path.
func startNginx(t *testing.T, path, upstream string, directives ...string) string {
	t.Helper()
	return serveByNginx(t, fmt.Sprintf(`location %s {
			proxy_pass %s;
			proxy_http_version 1.1;
			proxy_set_header Host $http_host;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $connection_upgrade;
			%s
		}`, path, upstream, strings.Join(directives, " ")))
}

// serveByNginx starts a server with one location and returns its address.
func serveByNginx(t *testing.T, location string) string {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	config := fmt.Sprintf(`daemon off;
worker_processes 1;
error_log stderr;
pid %[1]s/pid;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	map $http_upgrade $connection_upgrade { default upgrade; '' close; }
	server {
		listen %[2]s;
		%[3]s
	}
}
`, dir, address, location)
	serveBy(t, address, exec.Command("nginx", "-p", dir, "-c", writeFile(t, config)))
	return address
}

func startApache(t *testing.T, passes string) string {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	const modules = "/usr/lib/apache2/modules"
	var load strings.Builder
	for _, name := range []string{"mpm_event", "authz_core", "proxy", "proxy_http", "proxy_wstunnel"} {
		fmt.Fprintf(&load, "LoadModule %[1]s_module %[2]s/mod_%[1]s.so\n", name, modules)
	}
	config := writeFile(t, fmt.Sprintf(`%[1]sServerRoot %[2]s
ServerName localhost
PidFile %[2]s/pid
DefaultRuntimeDir %[2]s
Mutex file:%[2]s default
ErrorLog /dev/stderr
Listen %[3]s
# Those who work for root are not root themselves.
User nobody
Group nogroup
ProxyRequests Off
%[4]s
`, load.String(), dir, address, passes))
	serveBy(t, address, exec.Command("apache2", "-D", "FOREGROUND", "-f", config))
	return address
}

// startHAProxy starts a HAProxy with a rule for what it passes on. Its runtime
// API is at the socket "api" in dir.
func startHAProxy(t *testing.T, dir, path, upstream, rule string) string {
	t.Helper()
	address := freeAddress(t)
	config := writeFile(t, fmt.Sprintf(`global
	maxconn 100
	stats socket %[1]s/api mode 600 level admin
defaults
	mode http
	timeout connect 5s
	timeout client %[5]dms
	timeout server %[5]dms
	timeout tunnel %[5]dms
frontend browsers
	bind %[2]s
	use_backend desktop if { path_beg %[3]s }
backend desktop
	%[6]s
	server agent %[4]s
`, dir, address, path, upstream, idleCut.Milliseconds(), rule))
	serveBy(t, address, exec.Command("haproxy", "-db", "-f", config))
	return address
}

// hubProxy is JupyterHub's configurable-http-proxy, which the page's own tools
// are installed with.
const hubProxy = "../../../web/node_modules/configurable-http-proxy/bin/configurable-http-proxy"

// startHubProxy starts it and adds a route by its API, as JupyterHub does.
func startHubProxy(t *testing.T, path, upstream string, options ...string) string {
	t.Helper()
	if _, err := os.Stat(hubProxy); err != nil {
		t.Skip("configurable-http-proxy is not installed")
	}
	address, api := freeAddress(t), freeAddress(t)
	host, port, _ := net.SplitHostPort(address)
	apiHost, apiPort, _ := net.SplitHostPort(api)
	cmd := exec.Command("node", append([]string{hubProxy, "--ip", host, "--port", port, "--api-ip", apiHost, "--api-port", apiPort},
		options...)...)
	const token = "of-this-test"
	cmd.Env = append(os.Environ(), "CONFIGPROXY_AUTH_TOKEN="+token)
	serveBy(t, address, cmd)
	body := fmt.Sprintf(`{"target": "http://%s"}`, upstream)
	route, err := http.NewRequest(http.MethodPost, "http://"+api+"/api/routes"+strings.TrimSuffix(path, "/"), strings.NewReader(body))
	must(t, err)
	route.Header.Set("Authorization", "token "+token)
	answer, err := http.DefaultClient.Do(route)
	must(t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("the route is answered %s", answer.Status)
	}
	return address
}

// serveBy starts a server in the foreground, waits until it listens, and ends
// it and its children with the test.
func serveBy(t *testing.T, address string, cmd *exec.Cmd) {
	t.Helper()
	var log syncBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	must(t, cmd.Start())
	exited := make(chan struct{})
	go func() {
		cmd.Wait() // what it logged says more than its status
		close(exited)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(2 * time.Second): // one that waits for its connections has been asked
		}
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // nobody left is not an error
		<-exited
		if t.Failed() {
			t.Logf("%s\n%s", strings.Join(cmd.Args, " "), log.String())
		}
	})
	poll(t, cmd.Path+" at "+address, func() bool {
		select {
		case <-exited:
			t.Fatalf("%s has ended:\n%s", cmd.Path, log.String())
		default:
		}
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
}

// tellHAProxy sends a command to a HAProxy and returns its answer.
func tellHAProxy(t *testing.T, dir, line string) string {
	t.Helper()
	c, err := net.Dial("unix", filepath.Join(dir, "api"))
	must(t, err)
	defer c.Close()
	_, err = fmt.Fprintln(c, line)
	must(t, err)
	var answer bytes.Buffer
	_, err = answer.ReadFrom(c)
	must(t, err)
	return answer.String()
}
