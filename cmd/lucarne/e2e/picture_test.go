package e2e

import (
	"image"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"lucarne/perf/browser"
	"lucarne/perf/xclient"
)

// atRest is how far a channel of a colour may be off once the picture has settled.
const atRest = 6

func TestJoinerOnAStillScreen(t *testing.T) {
	d := newDesk(t, setup{})
	d.window(image.Rect(200, 200, 600, 500), 0x40a060)
	first := d.open("?resize=off")
	first.shows(image.Pt(400, 350), 0x40a060, atRest)
	second := d.open("?resize=off") // nothing has been drawn since
	second.shows(image.Pt(400, 350), 0x40a060, atRest)
}

// A browser that gets no frames asks for a key frame after three seconds, as
// long as packets have come in the last five. Who answers is asked for ever.
func TestStillScreenSendsNothing(t *testing.T) {
	const quiet = 7 * time.Second
	d := newDesk(t, setup{})
	d.window(image.Rect(200, 200, 600, 500), 0x40a060)
	page := d.open("?resize=off")
	page.shows(image.Pt(400, 350), 0x40a060, atRest)
	last, err := page.sampler.Inbound(d.ctx)
	d.check(err)
	since := time.Now()
	poll(t, "end of the frames of a still screen", func() bool {
		now, err := page.sampler.Inbound(d.ctx)
		d.check(err)
		if now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > quiet
	})
}

func TestHiddenTabIsPausedAndShownAgain(t *testing.T) {
	d := newDesk(t, setup{})
	w := d.window(image.Rect(200, 200, 600, 500), 0x40a060)
	page := d.open("?resize=off")
	page.shows(image.Pt(400, 350), 0x40a060, atRest)
	d.check(page.Eval(d.ctx, "window.sameDocument = true, 1", nil))

	d.check(page.Hide(d.ctx))
	page.wait(`document.visibilityState === "hidden"`)
	all := image.Rectangle{Max: w.Bounds.Size()}
	colours := [...]xclient.RGB{0x3060c0, 0x40a060}
	last, n, still := -1, 0, 0
	poll(t, "pause of a hidden tab", func() bool { // while the screen goes on changing
		n++
		w.Fill(all, colours[n%2])
		if n%50 == 0 { // every half second: nothing more has come
			in, err := page.sampler.Inbound(d.ctx)
			d.check(err)
			if in.Frames == last {
				still++
			} else {
				still = 0
			}
			last = in.Frames
		}
		return still >= 2
	})
	w.Fill(all, 0xc04040)
	d.check(w.Sync(), page.Show(d.ctx))
	page.shows(image.Pt(400, 350), 0xc04040, 2*atRest)
	page.wait("window.sameDocument")
}

func TestViewerThatStopsReading(t *testing.T) {
	d := newDesk(t, setup{})
	w := d.window(image.Rect(200, 200, 840, 600), 0x40a060)
	text, err := xclient.NewText(w)
	d.check(err)
	stuck := d.startBrowser(browser.Config{Size: image.Pt(1280, 720)})
	other := d.load(stuck, d.url("?resize=off"))
	other.picture()
	page := d.open("?resize=off")
	// Its whole process group stands still: it reads neither UDP nor TCP.
	d.check(syscall.Kill(-stuck.PID(), syscall.SIGSTOP))
	defer syscall.Kill(-stuck.PID(), syscall.SIGCONT)

	begin, err := page.sampler.Inbound(d.ctx)
	d.check(err)
	tick := time.NewTicker(time.Second / 60)
	defer tick.Stop()
	// Longer than it takes to notice a dead peer, and to fill every buffer.
	const frames, length = 300, 8 * time.Second
	since, shown := time.Now(), 0
	for number := 1; shown < frames || time.Since(since) < length; number++ {
		_, err := text.Draw(number)
		d.check(err)
		if number%30 == 0 {
			now, err := page.sampler.Inbound(d.ctx)
			d.check(err)
			shown = now.Frames - begin.Frames
		}
		if time.Since(since) > patience {
			t.Fatalf("%d frames in %v beside a viewer that does not read, want %d", shown, patience, frames)
		}
		<-tick.C
	}
}

func TestDisplayLostAndBack(t *testing.T) {
	d := newDesk(t, setup{})
	d.window(image.Rect(200, 200, 600, 500), 0x40a060)
	page := d.open("?resize=off")
	page.shows(image.Pt(400, 350), 0x40a060, atRest)
	d.check(page.Eval(d.ctx, "window.sameDocument = true, 1", nil))

	d.kill()
	page.wait(`document.body.innerText.includes("The desktop is gone")`)
	again := exec.Command(d.plan.Command[0], d.plan.Command[1:]...)
	d.check(again.Start())
	t.Cleanup(func() {
		again.Process.Kill()
		again.Wait() // killed
	})
	d.check(d.plan.Ready(d.ctx))
	d.window(image.Rect(200, 200, 600, 500), 0xc04040)
	page.shows(image.Pt(400, 350), 0xc04040, atRest)
	page.wait("window.sameDocument")
}
