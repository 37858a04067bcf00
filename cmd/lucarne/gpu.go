package main

import (
	"cmp"
	"context"
	"encoding/json"
	"image"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"lucarne/encode"
	"lucarne/encode/nvenc"
	"lucarne/encode/nvenc/child"
)

// probedSize is the picture that NVENC is probed with, in pixels.
var probedSize = image.Pt(1280, 720)

const (
	probing = 20 * time.Second // a node with many GPUs takes long
	opening = 5 * time.Second  // once a probe has gone well
	// encoding is so short that another encoder has taken over within a second.
	encoding = 500 * time.Millisecond
	// A GPU that does not encode is tried again after a pause that doubles.
	probeAgain  = time.Minute
	probeSeldom = 30 * time.Minute
)

// gpu is how NVENC is used: by processes of this binary in which the driver is
// loaded, so that one that hangs or crashes takes nobody along.
type gpu struct {
	driver nvenc.Config
	// How long these may take: a probe, an encoder to open, a frame to be encoded.
	// And the first pause after a probe that has not gone well. 0: as the constants say.
	probing, opening, frame, again time.Duration
	meter                          *meter // nil: nobody counts
}

// expected says whether there are signs of a GPU. Nothing is loaded or started for it.
func (g gpu) expected() bool { return nvenc.Expected(g.driver) }

// start starts lucarne encoder.
func (g gpu) start(do string) (*child.Process, error) {
	args := []string{"lucarne", "encoder", do}
	if g.driver != (nvenc.Config{}) {
		driver, err := json.Marshal(g.driver)
		if err != nil {
			return nil, err
		}
		args = append(args, string(driver))
	}
	process, err := child.Start(&exec.Cmd{
		Path:        "/proc/self/exe", // this very binary, even if another has taken its place
		Args:        args,
		Env:         unconfigured(),
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true}, // it ends with us, not with a Ctrl-C before us
	})
	if err == nil && g.meter != nil {
		g.meter.add(process.Used)
	}
	return process, err
}

// unconfigured is this process's environment without what configures it, in which there may be
// secrets: for processes that drivers and other people's programs are loaded into.
func unconfigured() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "LUCARNE_") })
}

// backends are the ways to encode by it.
func (g gpu) backends() []encode.Backend {
	cfg := child.Config{Start: func() (*child.Process, error) { return g.start("serve") }, Open: cmp.Or(g.opening, opening), Frame: cmp.Or(g.frame, encoding)}
	return []encode.Backend{child.Backend("NVENC", encode.H264, cfg), child.Backend("NVENC", encode.H264444, cfg)}
}

// maxProbe is the longest answer of a probe, in bytes.
const maxProbe = 64 << 10

// probe finds out whether it encodes, in a process that may hang or crash.
func (g gpu) probe(ctx context.Context) nvenc.Result {
	process, err := g.start("probe")
	if err != nil {
		return nvenc.Result{Code: nvenc.NoProcess, Error: err.Error()}
	}
	defer process.End(0)
	defer process.Conn.Close()
	defer context.AfterFunc(ctx, func() { process.Conn.Close() })()
	var result nvenc.Result
	err = process.Conn.SetDeadline(time.Now().Add(cmp.Or(g.probing, probing)))
	if err == nil {
		err = json.NewDecoder(io.LimitReader(process.Conn, maxProbe)).Decode(&result)
	}
	if err != nil {
		return nvenc.Result{Code: nvenc.Hangs, Error: err.Error()}
	}
	return result
}

// tryGPU finds out whether the GPU encodes, and if so has it do so: a GPU that
// does not may do so later, when another program leaves it a session or memory.
// Viewers that come before are moved.
func (d *desktop) tryGPU(ctx context.Context) error {
	if len(d.byGPU) == 0 {
		d.log.Debug("no NVIDIA driver here: encoding in software")
		<-ctx.Done()
		return ctx.Err()
	}
	var last nvenc.Result
	for pause := cmp.Or(d.gpu.again, probeAgain); ; pause = min(2*pause, probeSeldom) {
		result := d.gpu.probe(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if result != last {
			d.tellGPU(result)
			last = result
		}
		if result.OK() {
			d.session.Offer(d.byGPU...)
		}
		if result.OK() || result.Lasting() {
			<-ctx.Done()
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// tellGPU says what a probe has come to.
func (d *desktop) tellGPU(result nvenc.Result) {
	var why []any
	for _, detail := range []struct{ name, text string }{{"err", result.Error}, {"note", result.Note}} {
		if detail.text != "" {
			why = append(why, detail.name, detail.text)
		}
	}
	d.log.Info(result.String(), why...)
	d.probed.Store(&result)
	d.session.SetGPU(encode.GPU{Code: string(result.Code), Arg: result.Arg})
}
