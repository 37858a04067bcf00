package e2e

import (
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lucarne/perf/browser"
)

// upDesk is a desk whose desktop lucarne up starts.
func upDesk(t *testing.T, args ...string) *desk {
	t.Helper()
	if _, err := browser.Find(); errors.Is(err, browser.ErrNotFound) {
		t.Skip("chromium is not installed")
	}
	if _, err := exec.LookPath("xterm"); err != nil {
		t.Skip("xterm is not installed")
	}
	d := newBrowserDesk(t, image.Pt(800, 600), 2*time.Minute)
	d.agent = launch(t, append([]string{"up", "--xserver", "Xvfb", "--size", "800x600", "--auth", "none"}, args...)...)
	return d
}

// says is an expression that tells whether a process's row says something.
func says(process, what string) string {
	return fmt.Sprintf(`document.querySelector(".veil:not([hidden]) [data-process=%s]")?.textContent.includes(%q)`, process, what)
}

// stands is an expression that tells whether the list of processes is seen.
const stands = `document.querySelector(".processes").checkVisibility()`

// What is starting, and what has failed, is seen with the end of its log until there is a
// desktop; and again when the X server dies.
func TestStartingView(t *testing.T) {
	d := t.TempDir()
	file := func(name string) string { return filepath.Join(d, name) }
	real, err := exec.LookPath("Xvfb")
	if err != nil {
		t.Skip(err)
	}
	// An X server that starts once there is a file.
	script := fmt.Sprintf("#!/bin/sh\n[ -e %s ] && exec %s \"$@\"\necho 'no luck today' >&2\nexit 7\n", file("luck"), real)
	if err := os.WriteFile(file("Xvfb"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", d+":"+os.Getenv("PATH"))
	desk := upDesk(t, "--session", "echo $$ >"+file("session")+"; exec xterm -bg '#c04040' -geometry 100x30+0+0 -e sleep 1000")
	page := desk.load(desk.browser, desk.url("?resize=off"))
	page.wait(says("xserver", "exit status 7"))
	page.wait(says("xserver", "no luck today"))
	page.wait(`document.querySelector("[data-process=xserver] details").open`)
	page.wait(says("session", "waiting"))
	desk.check(page.Resize(desk.ctx, 360, 640))
	page.wait(`innerWidth === 360 && (veil => veil.scrollWidth <= veil.clientWidth)(document.querySelector(".veil"))`)
	desk.check(page.Resize(desk.ctx, 800, 600))

	if err := os.WriteFile(file("luck"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	page.shows(image.Pt(200, 200), 0xc04040, atRest)
	page.wait("!" + stands)

	if err := os.Remove(file("luck")); err != nil {
		t.Fatal(err)
	}
	var pid int
	poll(t, "the X server's process", func() bool {
		all, err := filepath.Glob("/proc/[0-9]*/exe")
		desk.check(err)
		for _, exe := range all {
			target, err := os.Readlink(exe)
			parent := desk.agent.cmd.Process.Pid
			if err == nil && filepath.Base(target) == "Xvfb" && parentOf(filepath.Dir(exe)) == parent {
				_, err = fmt.Sscanf(exe, "/proc/%d/exe", &pid)
				return err == nil
			}
		}
		return false
	})
	process, err := os.FindProcess(pid)
	desk.check(err, process.Kill())
	page.wait(stands + " && " + says("xserver", "no luck today"))
	page.wait(says("session", "waiting"))
}

// parentOf returns the parent of a process, by its directory in /proc (proc(5), stat); 0: it has
// none, or has ended.
func parentOf(dir string) (parent int) {
	text, _ := os.ReadFile(filepath.Join(dir, "stat"))
	_, fields, _ := strings.Cut(string(text), ") ")
	var state string
	_, _ = fmt.Sscan(fields, &state, &parent)
	return parent
}

// A session that ends by itself is said, over a display that is up.
func TestFailingSession(t *testing.T) {
	desk := upDesk(t, "--session", "echo 'no window manager'; exit 3")
	page := desk.load(desk.browser, desk.url("?resize=off"))
	page.wait(says("session", "exit status 3"))
	page.wait(says("session", "no window manager"))
	page.wait(says("xserver", "ready"))
	page.wait(`document.querySelector(".card h1").textContent === "The desktop session has ended"`)
}
