package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsFlags say who may read the figures.
type metricsFlags struct {
	Metrics string `placeholder:"ADDRESS" group:"Log" help:"Answer /metrics for Prometheus, /healthz and /readyz there, apart from the page and without credentials: a port of 127.0.0.1, host:port, or unix:/path for a socket that only this user can open. Default: nowhere."`
}

// place returns where to listen, "" for nowhere: a port alone is one of this machine's.
func (f *metricsFlags) place() string {
	if _, err := strconv.Atoi(f.Metrics); err == nil {
		return "127.0.0.1:" + f.Metrics
	}
	if strings.HasPrefix(f.Metrics, ":") {
		return "127.0.0.1" + f.Metrics
	}
	return f.Metrics
}

func (f *metricsFlags) validate() error {
	if f.Metrics == "" {
		return nil
	}
	if _, _, err := splitListen(f.place()); err != nil {
		return fmt.Errorf("--metrics %q is not a port, host:port or unix:/path", f.Metrics)
	}
	return nil
}

// openMetrics listens for who reads the figures; nil: nobody may.
func (f *metricsFlags) openMetrics() (net.Listener, error) {
	if f.Metrics == "" {
		return nil, nil
	}
	return openListener("--metrics", f.place())
}

// scraping is how long one reading of the figures may take, and how many there may be at once.
const (
	scraping   = 8 * time.Second
	maxScrapes = 4
)

// health answers probes; *signaling.Handler is one.
type health interface {
	ServeHealth(w http.ResponseWriter, name string)
}

// metricsHandler answers /metrics with what c collects, and probes with h.
func metricsHandler(c prometheus.Collector, h health, log *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		Timeout:             scraping,
		MaxRequestsInFlight: maxScrapes,
	}))
	for _, probe := range []string{"healthz", "readyz"} {
		mux.HandleFunc("GET /"+probe, func(w http.ResponseWriter, _ *http.Request) { h.ServeHealth(w, probe) })
	}
	return mux
}

// serveMetrics answers who reads the figures, until ctx is done.
func (d *desktop) serveMetrics(ctx context.Context) error {
	if d.metricsListener == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	server := &http.Server{
		Handler:           metricsHandler(d.figures(), d.handler, d.log),
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      2 * scraping,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	d.log.Info("serving metrics", "listen", d.metricsListener.Addr().String())
	return answer(ctx, "serve metrics", server, d.metricsListener, 0)
}

// figures reads all that there is to be told of the desktop.
func (d *desktop) figures() *figures {
	f := &figures{
		fanouts:  d.fanouts,
		screen:   d.screen,
		session:  d.session,
		handler:  d.handler,
		activity: d.activity,
		files:    d.files,
		traffic:  &d.traffic,
	}
	if d.gpuReader != nil {
		f.gpus = &gpuFigures{read: d.gpuReader.read}
	}
	if d.processes != nil {
		f.processes = d.processes.All
	}
	return f
}
