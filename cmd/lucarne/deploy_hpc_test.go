package main

import (
	"encoding/json"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"

	"lucarne/capture/display"
)

// need skips a test where a program is not installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed")
		}
	}
}

// renderERB is what Open OnDemand makes of a template: a form's values are methods, and
// those of context.
func renderERB(t *testing.T, template, gpus string) string {
	t.Helper()
	const script = `require "erb"; require "ostruct"
values = {"gpus" => ARGV[1], "cores" => "4", "host" => "n1", "port" => "40000", "password" => "secret"}
scope = OpenStruct.new(values.merge("context" => OpenStruct.new(values)))
print ERB.new(File.read(ARGV[0]), trim_mode: "-").result(scope.instance_eval { binding })`
	out, err := exec.CommandContext(t.Context(), "ruby", "-e", script, filepath.Join(deployDir, "ood", template), gpus).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", template, err, out)
	}
	return string(out)
}

// TestOpenOnDemandTemplates: what is rendered is YAML, shell and HTML.
func TestOpenOnDemandTemplates(t *testing.T) {
	need(t, "ruby", "shellcheck")
	for gpus, want := range map[string]string{"0": "", "2": "--gpus=2"} {
		var job any
		text := renderERB(t, "submit.yml.erb", gpus)
		if err := yaml.UnmarshalWithOptions([]byte(text), &job, yaml.Strict()); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		deployedFiles["ood/submit.yml"].check(t, "", job)
		if strings.Contains(text, "--gpus") != (want != "") || !strings.Contains(text, want) {
			t.Errorf("with %s GPUs:\n%s", gpus, text)
		}
		if script := renderERB(t, "template/script.sh.erb", gpus); strings.Contains(script, " --nv ") != (want != "") {
			t.Errorf("with %s GPUs:\n%s", gpus, script)
		}
	}
	for _, name := range []string{"before", "script", "after"} {
		path := filepath.Join(t.TempDir(), name+".sh")
		if err := os.WriteFile(path, []byte(renderERB(t, "template/"+name+".sh.erb", "1")), 0o600); err != nil {
			t.Fatal(err)
		}
		// SC2154: host, and the functions, are the portal's. SC2034: password is for it.
		out, err := exec.CommandContext(t.Context(), "shellcheck", "--shell=bash", "--exclude=SC2154,SC2034", path).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestSlurmScript: a linter of shell has nothing to say of it.
func TestSlurmScript(t *testing.T) {
	need(t, "shellcheck")
	if out, err := exec.CommandContext(t.Context(), "shellcheck", filepath.Join(deployDir, "slurm/desktop.sbatch")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// node is a compute node: lucarne, and an apptainer whose images are nothing.
func node(t *testing.T) (env []string) {
	t.Helper()
	needEncoder(t)
	need(t, display.Xvfb, "bash")
	bin, home := t.TempDir(), t.TempDir()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	const apptainer = "#!/bin/sh\nwhile [ \"$1\" != lucarne ]; do shift; done\nexec \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "apptainer"), []byte(apptainer), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "lucarne")); err != nil {
		t.Fatal(err)
	}
	return []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + home, "SLURM_JOB_ID=17", "SLURM_SUBMIT_HOST=login1",
		"LUCARNE_XSERVER=" + display.Xvfb, "LUCARNE_SESSION=exec sleep 1000", "LUCARNE_SIZE=640x480",
	}
}

// startShell starts a job's script, which is told to end with the test: killed it could
// not tell whom it has started.
func startShell(t *testing.T, env []string, args ...string) *agent {
	t.Helper()
	job := startProgram(t, env, "bash", args...)
	t.Cleanup(func() {
		if job.Process.Signal(syscall.SIGTERM) == nil {
			job.code(t)
		}
	})
	return job
}

// TestSlurmJob: the job's desktop is reached as the job's output says, and ends with it.
func TestSlurmJob(t *testing.T) {
	env := node(t)
	job := startShell(t, env, filepath.Join(deployDir, "slurm/desktop.sbatch"))
	forward := regexp.MustCompile(`ssh -N -J login1 -L 8080:(\S+) `)
	var path string
	await(t, "how to get there", func() bool {
		if match := forward.FindStringSubmatch(job.stdout.String()); match != nil {
			path = match[1]
		}
		return path != ""
	})
	client, base := job.page(path)
	await(t, "an answer", func() bool {
		r, err := client.Get(base + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	token, err := os.ReadFile(filepath.Join(homeOf(env), ".lucarne/token"))
	if err != nil {
		t.Fatal(err)
	}
	login := `{"token":"` + strings.TrimSpace(string(token)) + `","path":"/"}`
	r, err := client.Post(base+"/login", "application/json", strings.NewReader(login))
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("login: %v, %v", r, err)
	}
	r.Body.Close()
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's directory: %v, %v", info, err)
	}
	if code := job.stop(t); code != 0 {
		t.Errorf("the job's exit code is %d\n%s", code, job.stderr)
	}
	if _, err := os.Stat(filepath.Dir(path)); err == nil {
		t.Errorf("%s is left", filepath.Dir(path))
	}
}

func homeOf(env []string) string {
	for _, e := range env {
		if home, is := strings.CutPrefix(e, "HOME="); is {
			return home
		}
	}
	return ""
}

// lonelyPort returns a port that nobody has, and that the kernel gives to nobody (ip_local_port_range).
func lonelyPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(10000))
		if l, err := net.Listen("tcp", ":"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("every port is taken")
	return ""
}

const python = "/usr/bin/python3"

// launcherDir is the package of JupyterLab's launcher.
var launcherDir = filepath.Join(deployDir, "jupyterhub/jupyter-lucarne")

// started is a program and its environment, as somebody else is told to start it.
type started struct {
	Command     []string
	Environment map[string]string
}

// startedBy returns what a Python script prints as JSON.
func startedBy(t *testing.T, script string, args ...string) (s started) {
	t.Helper()
	need(t, python)
	cmd := exec.CommandContext(t.Context(), python, append([]string{"-c", script}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+launcherDir, "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil || len(s.Command) < 2 || s.Command[0] != "lucarne" {
		t.Fatalf("%v\n%s", err, out)
	}
	return s
}

// TestJupyterStarts: lucarne takes the command lines and environments that Jupyter's launcher
// and a hub start it with.
func TestJupyterStarts(t *testing.T) {
	launcher := startedBy(t, `import json, jupyter_lucarne
entry = jupyter_lucarne.server()
print(json.dumps({"Command": entry["command"], "Environment": entry["environment"]}))`)
	for n, word := range launcher.Command { // as jupyter-server-proxy fills it in
		word = strings.ReplaceAll(word, "{unix_socket}", "/tmp/jupyter-server-proxy-a1b2/socket")
		launcher.Command[n] = strings.ReplaceAll(word, "{base_url}", "/user/zoe/")
	}
	hub := startedBy(t, `import json, sys, types
c = types.SimpleNamespace(Spawner=types.SimpleNamespace(), JupyterHub=types.SimpleNamespace())
exec(open(sys.argv[1]).read(), {"get_config": lambda: c})
assert c.Spawner.cmd[-1].endswith(f":{c.Spawner.port}"), c
print(json.dumps({"Command": c.Spawner.cmd, "Environment": c.Spawner.environment}))`, filepath.Join(deployDir, "jupyterhub/jupyterhub_config.py"))
	for name, c := range map[string]struct {
		started
		listen, base, auth string
	}{
		"launcher": {launcher, "unix:/tmp/jupyter-server-proxy-a1b2/socket", "/user/zoe/lucarne/", "none"},
		"hub":      {hub, "0.0.0.0:8888", "/", "oauth"},
	} {
		t.Run(name, func(t *testing.T) {
			known, err := parse(t, c.Environment, c.Command[1:]...)
			if err != nil {
				t.Fatal(err)
			}
			if up := known.Up; up.Listen != c.listen || up.BasePath != c.base || up.Auth != c.auth {
				t.Errorf("listens on %s, at %s, with --auth %s", up.Listen, up.BasePath, up.Auth)
			}
		})
	}
}

// TestJupyterLauncher: the package of JupyterLab's launcher passes its own tests, has the
// page's icon, and becomes a wheel.
func TestJupyterLauncher(t *testing.T) {
	need(t, python)
	source := launcherDir
	dir := filepath.Join(t.TempDir(), "p")
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), python, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("python3 %q: %v\n%s", args, err, out)
		}
	}
	run("-m", "compileall", "-q", ".")
	run("-m", "unittest", "discover", "-s", "tests")
	icon, err := os.ReadFile(filepath.Join(source, "jupyter_lucarne/lucarne.svg"))
	if page, pageErr := os.ReadFile("../../web/src/icon.svg"); err != nil || pageErr != nil || string(icon) != string(page) {
		t.Errorf("the icon is not that of the page: %v, %v", err, pageErr)
	}
	if exec.CommandContext(t.Context(), python, "-c", "import setuptools, wheel").Run() != nil {
		t.Skip("python3-setuptools or python3-wheel is not installed")
	}
	run("-c", `import glob, zipfile
from setuptools import build_meta
name = build_meta.build_wheel(".")
with zipfile.ZipFile(name) as wheel:
    names = wheel.namelist()
    assert "jupyter_lucarne/lucarne.svg" in names and "jupyter_lucarne/__init__.py" in names, names
    entries = wheel.read("jupyter_lucarne-1.0.0.dist-info/entry_points.txt").decode()
assert entries.split() == ["[jupyter_serverproxy_servers]", "lucarne", "=", "jupyter_lucarne:server"], entries`)
}
