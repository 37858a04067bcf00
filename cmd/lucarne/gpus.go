package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"lucarne/encode/nvenc"
	"lucarne/encode/nvenc/child"
	"lucarne/signaling"
)

// How long it may take to read the GPUs: for the first time, with NVML to be
// loaded, and again. One that hangs or crashes is left alone for a while.
const (
	firstReading = 10 * time.Second
	nextReading  = 2 * time.Second
	readAgain    = time.Second
	leftAlone    = 10 * time.Minute
	unwatched    = 10 * time.Second // and NVML's process ends
	ruled        = time.Minute      // and it does where a rule asks every half a minute
	unloading    = 300 * time.Millisecond
)

// maxReading is the longest answer, in bytes.
const maxReading = 256 << 10

// reading is what lucarne encoder gpus answers to each byte.
type reading struct {
	GPUs  []nvenc.GPU
	Error string
}

// answerGPUs answers each byte that comes over conn with a reading.
func answerGPUs(conn net.Conn, driver nvenc.Config) error {
	gpus := nvenc.NewGPUs(driver)
	defer gpus.Close()
	answers := json.NewEncoder(conn)
	for asked := make([]byte, 1); ; {
		if _, err := io.ReadFull(conn, asked); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		all, err := gpus.Read()
		answer := reading{GPUs: all}
		if err != nil {
			answer.Error = err.Error()
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
}

// nvml is a process in which NVML is loaded.
type nvml struct {
	process *child.Process
	answers *json.Decoder
	bound   *io.LimitedReader
	asked   bool
}

// openNVML starts the process; nothing is loaded yet.
func (g gpu) openNVML() (*nvml, error) {
	process, err := g.start("gpus")
	if err != nil {
		return nil, err
	}
	bound := &io.LimitedReader{R: process.Conn}
	return &nvml{process: process, bound: bound, answers: json.NewDecoder(bound)}, nil
}

// read returns how the GPUs are. After an error, ctx's included, n is of no more use.
func (n *nvml) read(ctx context.Context) ([]nvenc.GPU, error) {
	patience := nextReading
	if !n.asked {
		patience, n.asked = firstReading, true
	}
	conn := n.process.Conn
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write([]byte{0}); err != nil {
		return nil, err
	}
	n.bound.N = maxReading
	var answer reading
	if err := n.answers.Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return answer.GPUs, errors.New(answer.Error)
	}
	return answer.GPUs, nil
}

// close ends the process, which has a moment for it.
func (n *nvml) close() {
	n.process.Conn.Close()
	n.process.End(unloading)
}

// gpuReader reads the GPUs for those who watch, at most once a second. NVML is in a
// process of its own, which is there only while somebody does.
type gpuReader struct {
	gpu  gpu
	log  *slog.Logger
	asks chan chan []signaling.GPU
	// linger is how long NVML's process stays when nobody asks; set before run.
	linger time.Duration
}

var errNoGPU = errors.New("how busy the GPUs are is not known")

func newGPUReader(g gpu, log *slog.Logger) *gpuReader {
	return &gpuReader{gpu: g, log: log, asks: make(chan chan []signaling.GPU), linger: unwatched}
}

// read returns how the GPUs are; none where that cannot be known.
func (r *gpuReader) read(ctx context.Context) []signaling.GPU {
	answer := make(chan []signaling.GPU, 1)
	select {
	case r.asks <- answer:
	case <-ctx.Done():
		return nil
	}
	select {
	case gpus := <-answer:
		return gpus
	case <-ctx.Done():
		return nil
	}
}

// busy returns how much of the time the busiest GPU computes, in percent. A reader that
// is nil knows of none.
func (r *gpuReader) busy(ctx context.Context) (percent int, err error) {
	if r == nil {
		return 0, errNoGPU
	}
	ctx, cancel := context.WithTimeout(ctx, firstReading)
	defer cancel()
	percent = -1
	for _, g := range r.read(ctx) {
		percent = max(percent, g.Busy)
	}
	if percent < 0 {
		return 0, errNoGPU
	}
	return percent, nil
}

// run answers read until ctx ends, which it returns.
func (r *gpuReader) run(ctx context.Context) error {
	var library *nvml // nil: not loaded
	var last []signaling.GPU
	var again time.Time // when to look anew
	idle := time.NewTimer(r.linger)
	defer idle.Stop()
	end := func() {
		if library != nil {
			library.close()
			library = nil
		}
	}
	defer end()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-idle.C:
			end()
		case answer := <-r.asks:
			if now := time.Now(); !now.Before(again) {
				var err error
				last, library, err = r.look(ctx, library)
				again = now.Add(readAgain)
				if err != nil && ctx.Err() == nil {
					again = time.Now().Add(leftAlone)
					r.log.Warn("how the GPUs are is not known", "again", leftAlone, "err", err)
				}
			}
			answer <- last
			idle.Reset(r.linger)
		}
	}
}

// look reads the GPUs by a library, which it loads if there is none. After an
// error there is none.
func (r *gpuReader) look(ctx context.Context, library *nvml) ([]signaling.GPU, *nvml, error) {
	var err error
	if library == nil {
		if library, err = r.gpu.openNVML(); err != nil {
			return nil, nil, err
		}
	}
	all, err := library.read(ctx)
	if err != nil {
		library.close()
		return nil, nil, err
	}
	told := make([]signaling.GPU, len(all))
	for i, g := range all {
		told[i] = signaling.GPU{
			Name: g.Name, MemoryUsed: g.MemoryUsed, MemoryTotal: g.MemoryTotal,
			Busy: g.Busy, Encoding: g.Encoding, Sessions: g.Sessions, Throttled: g.Throttled,
		}
	}
	return told, library, nil
}

// describe says in a line how the GPUs are; "" where that cannot be known.
func (g gpu) describe(ctx context.Context) (string, error) {
	library, err := g.openNVML()
	if err != nil {
		return "", err
	}
	defer library.close()
	all, err := library.read(ctx)
	var parts []string
	for _, gpu := range all {
		parts = append(parts, describe(gpu))
	}
	return strings.Join(parts, "; "), err
}

func describe(g nvenc.GPU) string {
	facts := []string{g.Name}
	const gib = 1 << 30
	if g.MemoryTotal > 0 {
		facts = append(facts, fmt.Sprintf("%.1f of %.1f GiB used", float64(g.MemoryUsed)/gib, float64(g.MemoryTotal)/gib))
	}
	if g.Busy >= 0 {
		facts = append(facts, fmt.Sprintf("%d %% busy", g.Busy))
	}
	if g.Encoding >= 0 {
		facts = append(facts, fmt.Sprintf("encoder %d %%", g.Encoding))
	}
	if g.Sessions >= 0 {
		facts = append(facts, fmt.Sprintf("encoder sessions: %d", g.Sessions))
	}
	if g.Throttled != "" {
		facts = append(facts, "slowed down by "+g.Throttled)
	}
	return strings.Join(facts, ", ")
}
