package images

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// choice is what gpu-run --json says.
type choice struct {
	Way      string   `json:"way"`
	Device   string   `json:"device"`
	Renderer string   `json:"renderer"`
	Passed   []passed `json:"passed"`
}

type passed struct {
	Way    string `json:"way"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// What the tools answer. Those of VirtualGL as its eglinfo.c prints it.
const (
	hangs       = "exec sleep 1000"
	oneDevice   = `[ "$1" != -e ] || { echo "EGL device ID: egl0 or egl"; exit; }; `
	oneGPU      = oneDevice + `echo "OpenGL renderer string: NVIDIA L4/PCIe/SSE2"`
	threeGPUs   = `[ "$1" != -e ] || { echo "EGL device ID: egl0 or egl"; echo "EGL device ID: egl1, DRI device path: /dev/dri/card1"; echo "EGL device ID: egl2"; exit; }; `
	thirdIsOur  = threeGPUs + `[ "$1" = egl2 ] || { echo "Error: eglCreateContext: EGL_BAD_ACCESS" >&2; exit; }; echo "OpenGL renderer string: NVIDIA A10/PCIe/SSE2"`
	mesaThenGPU = threeGPUs + `case $1 in egl0) echo "OpenGL renderer string: llvmpipe (LLVM 15.0.6, 256 bits)";; egl1) echo "OpenGL renderer string: AMD Radeon";; *) echo "OpenGL renderer string: NVIDIA T4/PCIe/SSE2";; esac`
	workingVGL  = `[ "$1" != -d ] || shift 2; echo "by vglrun on ${VGL_DISPLAY-} ${VGL_FPS-} ${VGL_READBACK-}"; exec "$@"`
	vulkanGPU   = `printf '\tdeviceType = PHYSICAL_DEVICE_TYPE_DISCRETE_GPU\n\tdeviceName = NVIDIA L4\n'`
	vulkanCPU   = `printf '\tdeviceType = PHYSICAL_DEVICE_TYPE_CPU\n\tdeviceName = llvmpipe\n'`
	zink        = `[ "$MESA_LOADER_DRIVER_OVERRIDE $GALLIUM_DRIVER" = "zink zink" ] || exit 1; echo "OpenGL renderer string: zink Vulkan 1.3(NVIDIA L4 (NVIDIA_PROPRIETARY))"`
)

// machine is one on which gpu-run finds only what is in the folder, and the system's own tools.
type machine struct {
	t    *testing.T
	bin  string
	home string
	env  []string
}

// newMachine makes one with these tools, each a shell script.
func newMachine(t *testing.T, tools map[string]string) *machine {
	t.Helper()
	m := &machine{t: t, bin: t.TempDir(), home: t.TempDir()}
	for _, name := range []string{"sh", "sleep", "timeout", "tr", "cut", "sed", "grep", "ls", "id", "mv", "rm", "cat", "true", "env", "date"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(m.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, script := range tools {
		m.write(name, script, 0o755)
	}
	m.env = []string{"PATH=" + m.bin, "VGL_DIR=" + filepath.Join(m.bin, "none"), "GPU_RUN_PATIENCE=60", "DISPLAY=:7"}
	return m
}

func (m *machine) write(name, script string, mode fs.FileMode) {
	m.t.Helper()
	path := filepath.Join(m.bin, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o600); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		m.t.Fatal(err)
	}
}

// shell is the strictest there is: dash where it is installed.
func shell() string {
	if path, err := exec.LookPath("dash"); err == nil {
		return path
	}
	return "/bin/sh"
}

// run returns what gpu-run writes, and its exit code.
func (m *machine) run(args ...string) (stdout, stderr string, code int) {
	m.t.Helper()
	cmd := exec.Command(shell(), append([]string{"./gpu-run"}, args...)...)
	var out, errs strings.Builder
	cmd.Env, cmd.Stdout, cmd.Stderr = m.env, &out, &errs
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		m.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func (m *machine) choice(args ...string) choice {
	m.t.Helper()
	out, errs, code := m.run(append(args, "--json")...)
	var c choice
	if err := json.Unmarshal([]byte(out), &c); err != nil || code != 0 || errs != "" {
		m.t.Fatalf("gpu-run --json: %q %q, exit %d: %v", out, errs, code, err)
	}
	return c
}

func TestGPURunChooses(t *testing.T) {
	vgl := func(eglinfo string) map[string]string {
		return map[string]string{"vglrun": workingVGL, "eglinfo": eglinfo}
	}
	with := func(tools map[string]string, more ...string) map[string]string {
		for i := 0; i < len(more); i += 2 {
			tools[more[i]] = more[i+1]
		}
		return tools
	}
	for _, c := range []struct {
		name   string
		tools  map[string]string
		env    string
		way    string
		device string
		why    []string // way code, of those passed over
	}{
		{"one GPU", vgl(oneGPU), "", "virtualgl", "egl0", nil},
		{"one GPU of the three that are listed", vgl(thirdIsOur), "", "virtualgl", "egl2", nil},
		{"NVIDIA before others, software never", vgl(mesaThenGPU), "", "virtualgl", "egl2", nil},
		{"the device that is named", vgl(mesaThenGPU), "VGL_DISPLAY=egl1", "virtualgl", "egl1", nil},
		{"the X server that is named", vgl("exit 1"), "VGL_DISPLAY=:0", "virtualgl", ":0", nil},
		{"the device that is named is software", vgl(mesaThenGPU), "VGL_DISPLAY=egl0", "llvmpipe", "", []string{"virtualgl software", "zink no-glxinfo"}},
		{"nothing", nil, "", "llvmpipe", "", []string{"virtualgl no-vglrun", "zink no-glxinfo"}},
		{"VirtualGL without eglinfo", map[string]string{"vglrun": workingVGL}, "", "llvmpipe", "", []string{"virtualgl no-eglinfo", "zink no-glxinfo"}},
		{"no EGL device", vgl(`echo "Error: no EGL devices found" >&2; exit 255`), "", "llvmpipe", "", []string{"virtualgl no-device", "zink no-glxinfo"}},
		{"another eglinfo", vgl(`echo "Device platform:"`), "", "llvmpipe", "", []string{"virtualgl no-device", "zink no-glxinfo"}},
		{"no context", vgl(oneDevice + `echo "Error: EGL_BAD_ACCESS"`), "", "llvmpipe", "", []string{"virtualgl refused", "zink no-glxinfo"}},
		{"software alone", vgl(oneDevice + `echo "OpenGL renderer string: llvmpipe"`), "", "llvmpipe", "", []string{"virtualgl software", "zink no-glxinfo"}},
		{"the list hangs", vgl(hangs), "", "llvmpipe", "", []string{"virtualgl hangs", "zink no-glxinfo"}},
		{"a device hangs", vgl(threeGPUs + hangs), "", "llvmpipe", "", []string{"virtualgl hangs", "zink no-glxinfo"}},
		{"vglrun hangs", with(vgl(oneGPU), "vglrun", hangs), "", "llvmpipe", "", []string{"virtualgl hangs", "zink no-glxinfo"}},
		{"vglrun fails", with(vgl(oneGPU), "vglrun", "exit 1"), "", "llvmpipe", "", []string{"virtualgl broken", "zink no-glxinfo"}},
		{"VirtualGL's libraries are missing", with(vgl(oneGPU), "vglrun", `echo "ERROR: ld.so: object 'libvglfaker.so' from LD_PRELOAD cannot be preloaded: ignored." >&2`), "", "llvmpipe", "",
			[]string{"virtualgl broken", "zink no-glxinfo"}},
		{"Zink", map[string]string{"vulkaninfo": vulkanGPU, "glxinfo": zink}, "", "zink", "", []string{"virtualgl no-vglrun"}},
		{"Zink, without vulkaninfo", map[string]string{"glxinfo": zink}, "", "zink", "", []string{"virtualgl no-vglrun"}},
		{"Vulkan on the processors", map[string]string{"vulkaninfo": vulkanCPU, "glxinfo": zink}, "", "llvmpipe", "", []string{"virtualgl no-vglrun", "zink no-vulkan"}},
		{"vulkaninfo hangs", map[string]string{"vulkaninfo": hangs, "glxinfo": zink}, "", "llvmpipe", "", []string{"virtualgl no-vglrun", "zink hangs"}},
		{"glxinfo hangs", map[string]string{"vulkaninfo": vulkanGPU, "glxinfo": hangs}, "", "llvmpipe", "", []string{"virtualgl no-vglrun", "zink hangs"}},
		{"a Mesa without Zink", map[string]string{"vulkaninfo": vulkanGPU, "glxinfo": `echo "OpenGL renderer string: llvmpipe"`}, "", "llvmpipe", "", []string{"virtualgl no-vglrun", "zink no-zink"}},
		{"Zink on the processors", map[string]string{"glxinfo": `echo "OpenGL renderer string: zink Vulkan 1.3(llvmpipe (MESA_LLVMPIPE))"`}, "", "llvmpipe", "",
			[]string{"virtualgl no-vglrun", "zink software"}},
		{"no display", map[string]string{"vulkaninfo": vulkanGPU, "glxinfo": zink}, "DISPLAY=", "llvmpipe", "", []string{"virtualgl no-vglrun", "zink no-display"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, c.tools)
			m.env = append(m.env, c.env)
			for _, script := range c.tools {
				if strings.Contains(script, hangs) {
					m.env = append(m.env, "GPU_RUN_PATIENCE=1")
				}
			}
			got := m.choice()
			var why []string
			for _, p := range got.Passed {
				why = append(why, p.Way+" "+p.Code)
			}
			if got.Way != c.way || got.Device != c.device || !slices.Equal(why, c.why) || got.Renderer == "" {
				t.Errorf("%+v, want %s %s, passed over %q", got, c.way, c.device, c.why)
			}
			if text, _, code := m.run("--which"); code != 0 || !strings.HasPrefix(text, c.way) || strings.Count(text, "\n") != 1+len(c.why) {
				t.Errorf("--which: %q, exit %d", text, code)
			}
		})
	}
}

func TestGPURunQuotes(t *testing.T) {
	m := newMachine(t, map[string]string{"vglrun": workingVGL, "eglinfo": oneDevice + `printf 'OpenGL renderer string: a "GPU" \\ of \t%%s $(exit) ours\r\n'`})
	if got, want := m.choice().Renderer, `a "GPU" \ of %s $(exit) ours`; got != want {
		t.Errorf("renderer %q, want %q", got, want)
	}
}

func TestGPURunBecomesTheProgram(t *testing.T) {
	m := newMachine(t, map[string]string{
		"vglrun": workingVGL, "eglinfo": oneGPU,
		"show": `echo "$# $1 $2 ${LIBGL_ALWAYS_SOFTWARE-} ${MESA_LOADER_DRIVER_OVERRIDE-} ${LIBGL_KOPPER_DRI2-}"; exit 7`,
	})
	for _, c := range []struct{ env, want string }{
		{"", "by vglrun on egl0 60 pbo\n2 a b c   \n"},
		{"LUCARNE_MAX_FPS=30", "by vglrun on egl0 30 pbo\n2 a b c   \n"},
		{"VGL_FPS=24", "by vglrun on egl0 24 pbo\n2 a b c   \n"},
		{"VGL_READBACK=sync", "by vglrun on egl0 60 sync\n2 a b c   \n"},
		{"LD_PRELOAD=none/libvglfaker.so", "2 a b c   \n"}, // VirtualGL runs the whole session
	} {
		m := *m
		m.env = append(slices.Clone(m.env), c.env)
		if out, _, code := m.run("show", "a", "b c"); out != c.want || code != 7 {
			t.Errorf("with %q: %q, exit %d, want %q, 7", c.env, out, code, c.want)
		}
	}
	m.write("vglrun", "exit 1", 0o755)
	if out, errs, code := m.run("--", "show", "--json", "x"); out != "2 --json x 1  \n" || errs != "" || code != 7 {
		t.Errorf("on the processors: %q %q, exit %d", out, errs, code)
	}
	m.write("glxinfo", zink, 0o755)
	m.env = append(m.env, "LIBGL_KOPPER_DRI2=0")
	if out, errs, code := m.run("show", "a", "b"); out != "2 a b  zink 0\n" || errs != "" || code != 7 {
		t.Errorf("by Zink: %q %q, exit %d", out, errs, code)
	}
}

func TestGPURunExitCodes(t *testing.T) {
	m := newMachine(t, nil)
	m.write("plain", "true", 0o644)
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"true"}, 0},
		{[]string{"--help"}, 0},
		{nil, 125},
		{[]string{"--nonsense", "true"}, 125},
		{[]string{"--json", "true"}, 125},
		{[]string{"plain"}, 126},
		{[]string{m.bin + "/plain"}, 126},
		{[]string{m.bin}, 126},
		{[]string{"missing"}, 127},
		{[]string{"cd"}, 127}, // the shell's own
		{[]string{m.bin + "/missing"}, 127},
		{[]string{"--", "-missing"}, 127},
	} {
		if _, errs, code := m.run(c.args...); code != c.want || (errs == "") != (c.want == 0) {
			t.Errorf("%q: exit %d, want %d; it says %q", c.args, code, c.want, errs)
		}
	}
}

func TestGPURunLoadsNothingIntoSetuidPrograms(t *testing.T) {
	m := newMachine(t, map[string]string{"vglrun": workingVGL, "eglinfo": oneGPU})
	for _, bit := range []fs.FileMode{fs.ModeSetuid, fs.ModeSetgid} {
		m.write("other", "echo plainly", 0o755|bit)
		if out, errs, code := m.run("other"); out != "plainly\n" || code != 0 || !strings.Contains(errs, "runs as somebody else") {
			t.Errorf("%v: %q %q, exit %d", bit, out, errs, code)
		}
	}
}

func TestGPURunKeepsItsAnswer(t *testing.T) {
	m := newMachine(t, map[string]string{"vglrun": workingVGL, "eglinfo": oneGPU})
	if err := os.Chmod(m.home, 0o700); err != nil {
		t.Fatal(err)
	}
	m.env = append(m.env, "XDG_RUNTIME_DIR="+m.home)
	first := m.choice()
	kept := filepath.Join(m.home, "gpu-run")
	if info, err := os.Stat(kept); err != nil || info.Mode() != 0o600 {
		t.Fatal(info, err)
	}
	m.write("eglinfo", "exit 1", 0o755)
	if again := m.choice(); again.Way != first.Way || again.Device != first.Device || again.Renderer != first.Renderer {
		t.Errorf("asked again: %+v, first %+v", again, first)
	}
	if out, _, code := m.run("true"); out != "by vglrun on egl0 60 pbo\n" || code != 0 {
		t.Errorf("run by what is kept: %q, exit %d", out, code)
	}
	if fresh := m.choice("--fresh"); fresh.Way != "llvmpipe" || len(fresh.Passed) != 2 {
		t.Errorf("anew: %+v", fresh)
	}
	if again := m.choice(); again.Way != "llvmpipe" || len(again.Passed) != 2 || again.Passed[0].Code != "no-device" {
		t.Errorf("why is kept as well: %+v", again)
	}
	m.write("eglinfo", hangs, 0o755)
	before, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	hurried := *m
	hurried.env = append(slices.Clone(m.env), "GPU_RUN_PATIENCE=1")
	if slow := hurried.choice("--fresh"); slow.Way != "llvmpipe" || slow.Passed[0].Code != "hangs" {
		t.Errorf("a driver that hangs: %+v", slow)
	}
	if after, err := os.ReadFile(kept); err != nil || !bytes.Equal(before, after) {
		t.Errorf("what did not answer is kept: %s, %v", after, err)
	}
	m.write("eglinfo", oneGPU, 0o755)
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"it is of another machine", func() error { return os.WriteFile(kept, []byte("other\nway llvmpipe\nend\n"), 0o600) }},
		{"it is cut off", func() error {
			whole, err := os.ReadFile(kept)
			if err != nil {
				return err
			}
			return os.WriteFile(kept, []byte(strings.TrimSuffix(string(whole), "end\n")), 0o600)
		}},
		{"it is a link", func() error {
			if err := os.Rename(kept, kept+".old"); err != nil {
				return err
			}
			return os.Symlink(kept+".old", kept)
		}},
		{"it is a directory", func() error {
			if err := os.Remove(kept); err != nil {
				return err
			}
			return os.Mkdir(kept, 0o700)
		}},
	} {
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		if got := m.choice(); got.Way != "virtualgl" {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestGPURunKeepsNothingWhereOthersWrite(t *testing.T) {
	m := newMachine(t, nil)
	if err := os.Chmod(m.home, 0o777); err != nil {
		t.Fatal(err)
	}
	m.env = append(m.env, "XDG_RUNTIME_DIR="+m.home)
	m.choice()
	if names, err := os.ReadDir(m.home); err != nil || len(names) != 0 {
		t.Errorf("left behind: %v %v", names, err)
	}
}

func TestGPURunByVirtualGL(t *testing.T) {
	dir := os.Getenv("VGL_DIR")
	if _, err := os.Stat(filepath.Join(dir, "vglrun")); dir == "" || err != nil {
		t.Skip("VGL_DIR names no VirtualGL")
	}
	m := newMachine(t, nil)
	m.env = append(os.Environ(), "XDG_RUNTIME_DIR=")
	got := m.choice()
	if got.Way == "" || got.Renderer == "" {
		t.Errorf("%+v", got)
	}
	for _, p := range got.Passed {
		if p.Code == "no-vglrun" || p.Code == "no-eglinfo" {
			t.Errorf("VirtualGL is in %s, and is not found: %+v", dir, p)
		}
	}
	if _, errs, code := m.run("true"); code != 0 {
		t.Errorf("exit %d: %s", code, errs)
	}
	t.Logf("%+v", got)
}

func TestGPURunIsPlainShell(t *testing.T) {
	check, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed")
	}
	if out, err := exec.Command(check, "-s", "sh", "gpu-run").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
