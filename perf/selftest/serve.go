package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/x11"
	"lucarne/encode"
	"lucarne/encode/mediadev"
	"lucarne/encode/vpx"
	"lucarne/input/xtest"
	"lucarne/signaling"
	"lucarne/signaling/peer"
	"lucarne/signaling/session"
	"lucarne/web"
)

// maxBitrate is the product's default, in bits a second.
const maxBitrate = 8_000_000

// serve shows a display as lucarne serve does, by an encoder with a fault, until
// ctx is done.
func serve(ctx context.Context, name, address string, f fault, log *slog.Logger) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	defer listener.Close()
	backend := faulty(vpx.Backend(), f)
	screen := capture.NewScreen(log)
	fanout := encode.NewFanout(encode.FanoutConfig{
		Backend: backend, Open: func() capture.Source { return screen.NewReader() },
		BitrateBps: maxBitrate, MaxFPS: 60, Threads: 1, Log: log,
	})
	desktop := session.New(session.Config{Fanouts: []*encode.Fanout{fanout}, Screen: screen, Log: log})
	handler, err := signaling.New(signaling.Config{
		Session: desktop, Screen: screen, Web: web.FS(), Log: log, BasePath: "/", Open: media(backend, log),
		DisplayReason: func(capture.Status) (string, []string) { return "display-gone", []string{name} },
	})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	return together(ctx,
		func(ctx context.Context) error {
			return screen.Run(ctx, func(context.Context) (capture.Source, error) { return attach(name, desktop, log) })
		},
		fanout.Run, desktop.Run, handler.Run,
		func(ctx context.Context) error {
			defer context.AfterFunc(ctx, func() { server.Close() })()
			return server.Serve(listener)
		},
	)
}

// media connects viewers by WebRTC.
func media(backend encode.Backend, log *slog.Logger) signaling.OpenMedia {
	return func(v *session.Viewer, out signaling.Out, generation int) (signaling.Media, error) {
		return peer.New(peer.Config{
			Register: mediadev.Register([]encode.Backend{backend}), Loopback: true,
			MinBitrate: 500_000, MaxBitrate: maxBitrate, Generation: generation, Log: log,
		}, v, out)
	}
}

// attach opens the display with its keyboard and pointer, which are all that is
// measured of its input. The display ends with the measurement: nothing on it has
// to be restored.
func attach(name string, desktop *session.Session, log *slog.Logger) (capture.Source, error) {
	source, err := x11.Open(x11.Config{Display: name, Log: log})
	if err != nil {
		return nil, err
	}
	injector, err := xtest.Open(xtest.Config{Display: name, Connect: display.Connect, Log: log})
	if err != nil {
		source.Close()
		return nil, err
	}
	desktop.SetHands(injector, nil)
	return source, nil
}

// together runs the loops until ctx is done or one of them ends.
func together(ctx context.Context, loops ...func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for _, run := range loops {
		all.Go(func() { stop(run(ctx)) })
	}
	all.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
