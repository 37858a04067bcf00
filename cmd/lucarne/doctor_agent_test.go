package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/cmd/internal/doctor"
	"lucarne/signaling"
)

// askDoctor asks over a page's socket what the desktop lacks, and returns it by check.
func askDoctor(t *testing.T, conn *websocket.Conn) map[string]signaling.Finding {
	t.Helper()
	ask := signaling.Message{Type: "doctor", Paths: []string{"/"}, T: float64(time.Now().UnixMilli())}
	if err := conn.WriteJSON(ask); err != nil {
		t.Fatal(err)
	}
	for {
		var m signaling.Message
		if err := conn.ReadJSON(&m); err != nil {
			t.Fatalf("nobody says what the desktop lacks: %v", err)
		}
		if m.Type != "doctor" {
			continue
		}
		found := map[string]signaling.Finding{}
		for _, f := range m.Findings {
			if _, twice := found[f.Check]; twice || f.Found == "" || f.Code == "" || f.State == "" {
				t.Errorf("found twice, or nothing: %+v", f)
			}
			found[f.Check] = f
		}
		return found
	}
}

// ailment is something that is wrong with a container.
type ailment struct {
	name  string
	env   func(t *testing.T) []string
	shell string            // in which lucarne runs, in mounts of its own; "": none
	want  map[string]string // codes of the checks that find it
}

// wanted says whether the checks have found it.
func (s ailment) wanted(code func(check string) string) bool {
	for check, want := range s.want {
		if code(check) != want {
			return false
		}
	}
	return true
}

// busy says whether there were checks that a busy machine had no time for.
func busy(found map[string]signaling.Finding) bool {
	_, late := found["agent"]
	return late
}

// eventually is await for what is found: on a busy machine a check may have had no time, and what
// was found is good for a while.
func eventually(t *testing.T, what string, ok func() bool, told *string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s, after two minutes: %s", what, *told)
		}
		time.Sleep(time.Second)
	}
}

// Whatever is wrong with the container: the page is served and says it, lucarne doctor says
// it, and the rest is found as ever.
func TestBadSurroundings(t *testing.T) {
	needEncoder(t)
	none := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(none, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	noGPU := map[string]string{"GPU": "nvidia-none"}
	if (gpu{}).expected() {
		noGPU = nil // there is one
	}
	for _, c := range []ailment{
		{"a home that cannot be written to", func(*testing.T) []string { return []string{"HOME=" + none + "/home"} }, "", map[string]string{"home": "home-unwritable"}},
		{"no home", func(*testing.T) []string { return []string{"HOME="} }, "", map[string]string{"home": "home-unset"}},
		{"a full disk", func(t *testing.T) []string {
			dir := fullDisk(t)
			return []string{"HOME=" + dir, "TMPDIR=" + dir, "XDG_RUNTIME_DIR=" + dir}
		}, "", map[string]string{"home": "home-full", "temporary files": "temp-full"}},
		{"no /dev/shm", func(*testing.T) []string { return nil }, withoutShm, map[string]string{"/dev/shm": "shm-missing"}},
		{"a small /dev/shm", func(*testing.T) []string { return nil }, "mount -t tmpfs -o size=64m tmpfs /dev/shm", map[string]string{"/dev/shm": "shm-small"}},
		{"a hub that cannot be reached", func(*testing.T) []string {
			return []string{"JUPYTERHUB_API_URL=http://127.0.0.1:1/hub/api", "JUPYTERHUB_ACTIVITY_URL=http://127.0.0.1:1/hub/api/users/a/activity", "JUPYTERHUB_API_TOKEN=secret"}
		}, "", map[string]string{"hub": "hub-unreachable"}},
		{"no GPU, and no X server", func(*testing.T) []string { return nil }, "", noGPU},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.shell != "" {
				inMounts(t, c.shell)
			}
			socket := filepath.Join(t.TempDir(), "s")
			env := append(c.env(t), "LUCARNE_LISTEN=unix:"+socket)
			a := startIn(t, c.shell, env, "serve", "--wait", "--auth", "none", "--display", ":987654")
			a.awaitPage(t, socket)
			conn := a.dial(t, socket)
			awaitState(t, conn, "failed")
			var told string
			eventually(t, "the page is told", func() bool {
				found := askDoctor(t, conn)
				told = fmt.Sprint(found)
				return !busy(found) && found["display"].Code == "display-failed" && c.wanted(func(check string) string { return found[check].Code })
			}, &told)
			var asking *agent
			eventually(t, "lucarne doctor says", func() bool {
				asking = startIn(t, c.shell, env, "doctor", "--json")
				asking.code(t)
				told = asking.stdout.String()
				found := parseFindings(t, told)
				return c.wanted(func(check string) string { return found[check].Code })
			}, &told)
			if strings.Contains(asking.stdout.String()+a.stderr.String(), "secret") {
				t.Error("a secret is told")
			}
			a.awaitPage(t, socket)
		})
	}
}

// withoutShm are the shell's commands for a /dev in which there is nothing but what programs
// cannot do without: the directory of another's cannot be removed.
const withoutShm = `mount --rbind /dev /mnt && mount -t tmpfs tmpfs /dev &&
	for node in null zero random urandom; do touch /dev/$node && mount --bind /mnt/$node /dev/$node || exit; done`

// fullDisk returns a directory on a file system in which there is no room.
func fullDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("no file system of a limited size: mount:", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	if err := os.WriteFile(filepath.Join(dir, "a program's"), make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// inMounts skips a test where a program cannot have mounts of its own.
func inMounts(t *testing.T, shell string) {
	t.Helper()
	if out, err := exec.Command("unshare", "-m", "sh", "-c", shell).CombinedOutput(); err != nil {
		t.Skipf("no mounts of its own: %v: %s", err, out)
	}
}

// startIn is start, in mounts that the shell's commands have changed.
func startIn(t *testing.T, shell string, env []string, args ...string) *agent {
	t.Helper()
	if shell == "" {
		return start(t, env, args...)
	}
	return startProgram(t, env, "unshare", append([]string{"-m", "sh", "-c", shell + ` && exec "$0" "$@"`, os.Args[0]}, args...)...)
}

func TestDoctorOfADeadDisplay(t *testing.T) {
	needEncoder(t)
	plan, kill := displaytest.StartProcess(t, display.Config{Server: display.Xvfb})
	t.Setenv("XAUTHORITY", plan.Authority)
	socket := filepath.Join(t.TempDir(), "s")
	a := start(t, []string{"LUCARNE_LISTEN=unix:" + socket}, "serve", "--display", plan.Display, "--auth", "none")
	a.awaitPage(t, socket)
	conn := a.dial(t, socket)
	awaitState(t, conn, "up")
	kill()
	awaitState(t, conn, "gone")
	if f := askDoctor(t, conn)["display"]; f.Code != "display-lost" {
		t.Errorf("the page is told of the display: %+v", f)
	}
	a.awaitPage(t, socket)
	found, code := findings(t, nil, []string{"display"}, "--display", plan.Display)
	if found["display"].Code != "display-closed" || code != exitFailure {
		t.Errorf("lucarne doctor says of the display: %+v, exit code %d", found["display"], code)
	}
}

func TestExaminerAsksTheMachineOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		var started atomic.Int32
		e := &examiner{start: func(context.Context) ([]doctor.Finding, error) {
			switch started.Add(1) {
			case 1:
				return []doctor.Finding{{Check: "home"}}, nil
			case 2:
				return []doctor.Finding{{Check: "home"}}, errors.New("signal: killed")
			}
			<-hang // and does not even end when it is told to
			return nil, nil
		}}
		checks := func() (names []string) {
			for _, f := range e.machine(t.Context()) {
				names = append(names, f.Check+" "+f.Code)
			}
			return names
		}
		for n, want := range [][]string{{"home "}, {"home ", "agent machine-failed"}, {"agent slow"}, {"agent slow"}} {
			if got := checks(); !slices.Equal(got, want) {
				t.Errorf("time %d: %q, want %q", n, got, want)
			}
		}
		if n := started.Load(); n != 3 {
			t.Errorf("started %d times, want 3: the third has not ended", n)
		}
		close(hang)
		synctest.Wait()
		checks()
		if n := started.Load(); n != 4 {
			t.Errorf("started %d times, want 4: the third has ended", n)
		}
	})
}
