package e2e

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// skewed is a browser whose clock is three hours fast.
const skewed = `{ const now = Date.now; Date.now = () => now() + 3 * 3600e3; }`

// TestWarnedOfTheEnd: a desktop that nobody uses says when it will be stopped, whatever the
// browser's clock shows, and who is there can prevent it.
func TestWarnedOfTheEnd(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--busy-for", "1s", "--idle-limit", "5m"}})
	page := d.load(d.browser, d.url("?resize=off&transport=ws"), skewed)
	page.wait(`document.querySelector(".ending:not([hidden]) strong")?.textContent.includes("stopped at")`)
	page.wait(`/^[45]:\d\d$/.test(document.querySelector(".ending span").textContent)`)
	page.keep("idle")
	page.act(".ending button:last-child")
	page.wait(`document.querySelector(".ending").hidden`)
}

// TestPausedPage: a page at which nobody is lets its socket go, and comes back for who is.
func TestPausedPage(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--pause-after", "2s"}})
	page := d.load(d.browser, d.url("?resize=off&transport=ws"))
	page.wait(paused)
	page.wait(`document.querySelector(".card button")?.checkVisibility({opacityProperty: true})`)
	page.keep("paused")
	d.check(page.Eval(d.ctx, `window.came = 0, new MutationObserver(() => {
		if (document.documentElement.dataset.state === "connected") came++;
	}).observe(document.documentElement, {attributes: true}), 1`, nil))
	page.act(".card button")
	page.wait(`came > 0`)
	page.wait(paused)
}

const paused = `document.documentElement.dataset.state === "ended" && document.body.innerText.includes("switched off")`

// TestIdleDesktopSleeps: once nobody looks, nothing of the desktop wakes up but now and then,
// an open tab that has been paused notwithstanding.
func TestIdleDesktopSleeps(t *testing.T) {
	const window, wakes = 3 * time.Second, 15 // measured: 1; a timer of 100 ms alone makes 30
	d := newBrowserDesk(t, image.Pt(1280, 720), 2*time.Minute)
	desktop := launch(t, "up", "--auth", "none", "--pause-after", "3s", "--size", "1280x720")
	page := d.load(d.browser, "http://"+desktop.address+"/")
	page.wait(paused)
	var woken int
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		before := wakeUps(t, desktop.cmd.Process.Pid)
		time.Sleep(window) // that nothing happens takes its time
		woken = 0
		for thread, n := range wakeUps(t, desktop.cmd.Process.Pid) {
			woken += n - before[thread]
		}
		if woken <= wakes {
			return
		}
	}
	t.Errorf("%d wake-ups in %v, want %d at most", woken, window, wakes)
}

// wakeUps returns how often each thread of a process and of those that it has started has
// gone to sleep by itself (proc(5), voluntary_ctxt_switches).
func wakeUps(t *testing.T, root int) map[string]int {
	t.Helper()
	parents := map[int]int{}
	processes, _ := filepath.Glob("/proc/[0-9]*") // the pattern is fixed
	for _, dir := range processes {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			parents[pid] = parentOf(dir)
		}
	}
	counts := map[string]int{}
	for pid := range parents {
		for at := pid; at != 0; at = parents[at] {
			if at == root {
				threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
				for _, thread := range threads {
					text, _ := os.ReadFile(thread)
					_, after, _ := strings.Cut(string(text), "\nvoluntary_ctxt_switches:")
					number, _, _ := strings.Cut(after, "\n")
					counts[thread], _ = strconv.Atoi(strings.TrimSpace(number))
				}
				break
			}
		}
	}
	if len(counts) == 0 {
		t.Fatal("no threads")
	}
	return counts
}
