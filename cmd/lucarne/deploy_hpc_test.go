package main

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
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
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
	await(t, "an answer", func() bool {
		r, err := client.Get("http://localhost:8080/readyz")
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
	r, err := client.Post("http://localhost:8080/login", "application/json", strings.NewReader(login))
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

// TestOpenOnDemandJob: the job listens where view.html.erb's form posts its password, and
// that form leads to the page.
func TestOpenOnDemandJob(t *testing.T) {
	need(t, "ruby")
	env := node(t)
	port := lonelyPort(t)
	dir := t.TempDir()
	for _, name := range []string{"before", "script", "after"} {
		if err := os.WriteFile(filepath.Join(dir, name+".sh"), []byte(renderERB(t, "template/"+name+".sh.erb", "0")), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// In the order of ood_core's template "basic", with the functions that it has.
	main := `cd "$0"; host=127.0.0.1
find_port() { echo ` + port + `; }
create_passwd() { head -c 64 /dev/urandom | base64 | tr -dc A-Za-z0-9 | head -c "$1"; }
wait_until_port_used() { for _ in $(seq 200); do (: </dev/tcp/${1/://}) 2>/dev/null && return; sleep 0.1; done; return 1; }
clean_up() { exit "$1"; }
source ./before.sh
./script.sh & script=$!
trap 'kill -TERM $script' TERM
source ./after.sh
echo "ready $port $password"
wait $script || wait $script`
	job := startShell(t, env, "-c", main, dir)
	var ready []string
	await(t, "the job says it is ready", func() bool {
		ready = strings.Fields(job.stdout.String())
		return len(ready) == 3
	})
	view := renderERB(t, "view.html.erb", "0")
	action := regexp.MustCompile(`action="([^"]*)" method="post"`).FindStringSubmatch(view)
	field := regexp.MustCompile(`name="([^"]*)" value="secret"`).FindStringSubmatch(view)
	if action == nil || field == nil {
		t.Fatalf("the form is\n%s", view)
	}
	base := "http://127.0.0.1:" + ready[1]
	jar, _ := cookiejar.New(nil) // never fails
	client := http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	path := strings.Replace(action[1], "/n1/40000/", "/127.0.0.1/"+ready[1]+"/", 1)
	r, err := client.PostForm(base+path, url.Values{field[1]: {ready[2]}})
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if got := r.Request.URL; r.StatusCode != http.StatusOK || got.Path != strings.TrimSuffix(path, "login") || !strings.HasPrefix(got.Fragment, "key=") {
		t.Errorf("the form leads to %s: %s", got, r.Status)
	}
	if info, err := os.Stat(filepath.Join(dir, "lucarne-password")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the password's file: %v, %v", info, err)
	}
	if code := job.stop(t); code != 0 {
		t.Errorf("the job's exit code is %d\n%s", code, job.stderr)
	}
}

// TestJupyterLauncher: the package of JupyterLab's launcher passes its own tests, has the
// page's icon, and becomes a wheel.
func TestJupyterLauncher(t *testing.T) {
	const python = "/usr/bin/python3"
	need(t, python)
	source := filepath.Join(deployDir, "jupyterhub/jupyter-lucarne")
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
	config, err := os.ReadFile(filepath.Join(deployDir, "jupyterhub/jupyterhub_config.py"))
	if err != nil {
		t.Fatal(err)
	}
	run("-c", "import sys; compile(sys.argv[1], 'jupyterhub_config.py', 'exec')", string(config))
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
