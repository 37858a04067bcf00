package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/encode/nvenc"
	"lucarne/encode/yuv"
	"lucarne/signaling"
	"lucarne/signaling/access"
	"lucarne/signaling/activity"
	"lucarne/signaling/audit"
	"lucarne/signaling/files"
	"lucarne/signaling/iceserver"
	"lucarne/signaling/peer"
	"lucarne/signaling/policy"
	"lucarne/signaling/session"
	"lucarne/signaling/wsmedia"
	"lucarne/web"
)

// desktop is what serve and up have in common: a screen that may come and go,
// its streams, the session and the page.
type desktop struct {
	flags     *desktopFlags
	log       *slog.Logger
	listener  net.Listener
	dir       string              // that only we can enter
	remove    func()              // removes dir
	kept      string              // the file with what a later process of this container is to know of the activity
	access    access.Config       // who may come in; set by wire
	display   string              // the one shown; set before run
	ours      bool                // its X server is started by this process; set before run
	vncSocket string              // of the X server's own VNC server; empty: it has none; set before run
	processes signaling.Processes // that keep the display; nil: others keep it; set before wire

	policy    policy.Policy
	audit     *audit.Log       // nil: nothing is recorded
	usable    []encode.Backend // that can encode here without a GPU
	screen    *capture.Screen
	threads   threads // of the encoders
	gpu       gpu
	byGPU     []*encode.Fanout             // served by nobody until the GPU is known to work; none: there is no GPU
	probed    atomic.Pointer[nvenc.Result] // what trying the GPU has come to; nil: it is being tried
	gpuReader *gpuReader                   // nil: there is no GPU
	fanouts   []*encode.Fanout             // all, those of byGPU included
	session   *session.Session
	activity  *activity.Meter
	hub       *activity.Hub    // nil: there is none
	files     *files.Store     // nil: there are none
	traffic   traffic          // by WebRTC
	network   *peer.Network    // nil before wire
	servers   iceserver.Source // of STUN and TURN; nil: there are none
	handler   *signaling.Handler

	metricsListener net.Listener // nil: nobody reads the figures
}

// newDesktop listens and wires; nothing runs yet.
func newDesktop(flags *desktopFlags, gpu gpu) (*desktop, error) {
	d, err := openDesktop(flags, gpu)
	if err != nil {
		return nil, err
	}
	if err := d.wire(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// openDesktop reads the policy, listens, and has a directory of its own; the rest waits
// for wire.
func openDesktop(flags *desktopFlags, gpu gpu) (d *desktop, err error) {
	d = &desktop{flags: flags, log: flags.logger(os.Stderr), kept: activityFile(), remove: func() {}, threads: threads{}, gpu: gpu}
	if d.policy, err = flags.policy(); err != nil {
		return nil, err
	}
	if err = closeMemory(); err != nil {
		return nil, err
	}
	if d.usable, err = usable(backends()); err != nil {
		return nil, err
	}
	if d.listener, err = flags.open(d.log); err != nil {
		return nil, err
	}
	if d.dir, d.remove, err = privateDir(); err != nil {
		d.listener.Close()
		return nil, err
	}
	if err = d.openAudit(); err != nil {
		d.close()
		return nil, err
	}
	if d.metricsListener, err = flags.openMetrics(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// usable returns the backends that can encode here.
func usable(all []encode.Backend) ([]encode.Backend, error) {
	var usable []encode.Backend
	var errs []error
	for _, b := range all {
		enc, err := b.Open(encode.Config{Size: image.Pt(64, 64)})
		if err == nil {
			usable, err = append(usable, b), enc.Close()
		}
		errs = append(errs, err)
	}
	if len(usable) == 0 {
		return nil, exitError{exitNoEncoder, fmt.Errorf("no encoder: %w; build lucarne with CGO_ENABLED=1", errors.Join(errs...))}
	}
	return usable, nil
}

// wire makes the parts and hands each what it needs of the others.
func (d *desktop) wire() error {
	d.screen = capture.NewScreen(d.log)
	d.gpu.meter = new(meter)
	quota := newQuota(d.gpu.meter, d.log)
	var byGPU []encode.Backend
	if d.gpu.expected() {
		byGPU = d.gpu.backends()
	}
	var gpus func(context.Context) []signaling.GPU
	if len(byGPU) > 0 {
		d.gpuReader = newGPUReader(d.gpu, d.log)
		if d.flags.Metrics != "" {
			d.gpuReader.linger = ruled // who reads the figures comes again
		}
		gpus = d.gpuReader.read
	}
	for _, backend := range byGPU {
		d.byGPU = append(d.byGPU, d.fanout(backend, quota))
	}
	d.fanouts = slices.Clone(d.byGPU)
	for _, backend := range d.usable {
		d.fanouts = append(d.fanouts, d.fanout(d.threads.backend(backend), quota))
	}
	d.session = session.New(session.Config{
		Fanouts:   d.fanouts,
		Screen:    d.screen,
		MaxPixels: int(d.flags.MaxPixels),
		Log:       d.log,

		Policy:        d.policy.Session,
		Audit:         d.record(),
		AuditRequired: d.policy.Audit.Required,
		MaxViewers:    d.policy.MaxViewers,

		MaxClipboard: d.flags.maxClipboard(),
		Primary:      d.flags.Primary,
	})
	d.session.Withhold(d.byGPU...)
	d.hub = hubOf(os.Getenv, d.log)
	d.activity = d.flags.meter(d.session, d.kept, d.gpuReader, d.hub, d.log)
	d.files = d.flags.store(d.audit != nil, d.log)
	if err := d.order(d.automatic()); err != nil {
		return err
	}
	var err error
	if d.access, err = d.flags.access(d.flags.AllowedHost); err != nil {
		return err
	}
	if d.servers, err = d.flags.servers(); err != nil {
		return err
	}
	network := d.flags.network(onLoopback(d.listener.Addr()))
	network.Log = d.log
	if d.network, err = peer.OpenNetwork(network); err != nil {
		return exitError{exitNoListen, err}
	}
	vnc, err := d.vncServer()
	if err != nil {
		return err
	}
	d.handler, err = signaling.New(signaling.Config{
		Session:        d.session,
		Screen:         d.screen,
		Open:           d.openMedia(append(slices.Clone(d.usable), byGPU...)),
		Pictures:       wsmedia.Config{MinBps: int(d.flags.MinBitrate), MaxBps: int(d.flags.Bitrate)},
		Web:            web.FS(),
		Log:            d.log,
		BasePath:       d.flags.BasePath,
		Access:         d.access,
		FrameAncestors: d.flags.ancestors(),
		VNC:            vnc,
		VNCOff:         d.vncOff(),
		Activity:       d.activity,
		Rest:           d.flags.PauseAfter,
		Files:          d.files,
		GPUs:           gpus,
		Processes:      d.processes,
		Doctor:         newExaminer(d).examine,
		DisplayReason: func(status capture.Status) (string, []string) {
			return displayReason(d.display, d.ours, status)
		},
	})
	if err != nil {
		return exitError{exitUsage, err}
	}
	return nil
}

// fanout shares a backend's packets of the screen.
func (d *desktop) fanout(backend encode.Backend, quota *encode.Quota) *encode.Fanout {
	return encode.NewFanout(encode.FanoutConfig{
		Backend:    backend,
		Open:       func() capture.Source { return d.screen.NewReader() },
		BitrateBps: int(d.flags.Bitrate),
		MaxFPS:     d.flags.MaxFPS,
		Threads:    d.flags.Threads,
		Quota:      quota,
		Shrink:     yuv.Half,
		Log:        d.log,
	})
}

// run shows what open opens, until ctx is done. The loops beside run for longer
// than the rest.
func (d *desktop) run(ctx context.Context, stdout io.Writer, open openSource, beside ...loop) error {
	link := d.flags.link(d.listener, d.access.Token)
	if d.access.Token == "" {
		warnOfAccess(d.access, link, d.log)
	} else if err := tellLink(link, d.dir, stdout, d.log); err != nil {
		return err
	}
	loops := append([]loop{d.keepAudit}, beside...) // to the last
	loops = append(loops, func(ctx context.Context) error { return d.screen.Run(ctx, open) })
	for _, fanout := range d.fanouts {
		loops = append(loops, fanout.Run)
	}
	if d.gpuReader != nil {
		loops = append(loops, d.gpuReader.run)
	}
	return inOrder(ctx, append(loops,
		d.network.Run,
		d.session.Run,
		d.watchAudit,
		d.activity.Run,
		d.tellHub,
		d.keepFiles,
		d.measure,
		d.tryGPU,
		d.serveMetrics,
		d.serveHTTP,
		d.handler.Run,
	)...)
}

// openSource opens the display, if it is there.
type openSource = func(context.Context) (capture.Source, error)

// lastRequests is how long requests that are being answered may still take.
const lastRequests = 2 * time.Second

// serveHTTP answers requests until ctx is done.
func (d *desktop) serveHTTP(ctx context.Context) error {
	server := &http.Server{
		Handler:           d.handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10, // notebook platforms set large cookies
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	d.log.Info("serving", "listen", d.listener.Addr().String(), "base", d.flags.BasePath)
	return answer(ctx, "serve", server, d.listener, lastRequests)
}

// answer has a server answer requests until ctx is done; those that are being answered then
// may take for so much longer. Errors begin with what it is for.
func answer(ctx context.Context, what string, server *http.Server, l net.Listener, last time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("%s: %w", what, err)
	case <-ctx.Done():
	}
	deadline, cancel := context.WithTimeout(context.Background(), last)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil {
		server.Close()
	}
	<-ended
	return ctx.Err()
}

// close frees what newDesktop took.
func (d *desktop) close() {
	d.listener.Close()
	if d.metricsListener != nil {
		d.metricsListener.Close()
	}
	if d.network != nil {
		d.network.Close()
	}
	if d.audit != nil {
		d.audit.Close()
	}
	d.remove()
}
