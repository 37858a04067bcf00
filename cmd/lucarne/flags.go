package main

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// desktopFlags are what serve and up have in common.
type desktopFlags struct {
	httpFlags
	accessFlags
	videoFlags
	networkFlags
	turnFlags
	vncFlags
	clipboardFlags
	activityFlags
	filesFlags
	policyFlags
	logFlags
	metricsFlags
}

// Validate is called by kong after parsing.
func (f *desktopFlags) Validate() error {
	return cmp.Or(f.httpFlags.validate(), f.accessFlags.validate(), f.videoFlags.validate(), f.networkFlags.validate(), f.turnFlags.validate(), f.vncFlags.validate(), f.clipboardFlags.validate(), f.activityFlags.validate(), f.filesFlags.validate(), f.metricsFlags.validate())
}

// placeFlags say where the page is.
type placeFlags struct {
	Listen   string `default:"127.0.0.1:8080" group:"Page" help:"Where to listen: host:port, or unix:/path for a socket that only this user can open."`
	BasePath string `default:"/" env:"LUCARNE_BASE_PATH,NB_PREFIX,JUPYTERHUB_SERVICE_PREFIX,RENKU_BASE_URL_PATH" group:"Page" help:"Path of the page, as the browser sees it; a proxy in front may strip it."`
}

// httpFlags say where the page is.
type httpFlags struct {
	placeFlags
	TLSCert     string   `name:"tls-cert" placeholder:"FILE" group:"Page" help:"TLS certificate (PEM, with its chain); needs --tls-key."`
	TLSKey      string   `name:"tls-key" placeholder:"FILE" group:"Page" help:"Private key of --tls-cert (PEM)."`
	TLS         string   `name:"tls" enum:"off,self-signed" default:"off" group:"Page" help:"self-signed: make a certificate that lasts as long as this process."`
	AllowedHost []string `placeholder:"HOST" group:"Page" help:"Further host names by which the page may be asked for, beside its own."`
}

// videoFlags say how much the picture may cost.
type videoFlags struct {
	Codec        string        `enum:"auto,h264,h264-444,vp8,jpeg" default:"auto" group:"Picture" help:"Codec for every page that can decode it and prefers no other: ${enum}. auto is what this machine encodes in time, as it measures at start; h264-444, whose colours are sharp, is never chosen by itself."`
	Bitrate      amount        `default:"8M" group:"Picture" help:"Bits a second at most; k and M may be used."`
	MinBitrate   amount        `default:"500k" group:"Picture" help:"Bits a second that a bad network is never believed to be below."`
	MaxFPS       int           `name:"max-fps" default:"60" group:"Picture" help:"Frames a second at most."`
	Threads      int           `default:"0" group:"Picture" help:"Encoder threads; 0: as many as pay on processors that are idle, as is measured at start."`
	MaxPixels    amount        `default:"2.3M" group:"Picture" help:"Pixels of the largest screen that a viewer may ask for; k and M may be used."`
	PlayoutDelay time.Duration `default:"0s" group:"Picture" help:"Cushion in the browser against jitter: 0s for the lowest latency, 50ms or so on bad Wi-Fi."`
}

// logFlags say what is written to standard error.
type logFlags struct {
	LogLevel  string `enum:"debug,info,warn,error" default:"info" group:"Log" help:"Least level that is logged: ${enum}."`
	LogFormat string `enum:"text,json" default:"text" group:"Log" help:"Form of the log on standard error: ${enum}."`
}

func (f *httpFlags) validate() error {
	if (f.TLSCert == "") != (f.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if f.TLSCert != "" && f.TLS != "off" {
		return errors.New("--tls self-signed and --tls-cert exclude each other")
	}
	if strings.ContainsAny(f.BasePath, "?#\\ \t\r\n") || strings.Contains(f.BasePath, "..") {
		return fmt.Errorf("--base-path %q is not a path", f.BasePath)
	}
	_, _, err := splitListen(f.Listen)
	return err
}

func (f *videoFlags) validate() error {
	switch {
	case f.MinBitrate < 50_000:
		return fmt.Errorf("--min-bitrate %d: at least 50k", f.MinBitrate)
	case f.Bitrate < f.MinBitrate:
		return fmt.Errorf("--bitrate %d is below --min-bitrate %d", f.Bitrate, f.MinBitrate)
	case f.Bitrate > 1_000_000_000:
		return fmt.Errorf("--bitrate %d: at most 1000M", f.Bitrate)
	case f.MaxFPS < 1 || f.MaxFPS > 240:
		return fmt.Errorf("--max-fps %d: 1 to 240", f.MaxFPS)
	case f.Threads < 0 || f.Threads > 64:
		return fmt.Errorf("--threads %d: 0 to 64", f.Threads)
	case f.MaxPixels < 64_000:
		return fmt.Errorf("--max-pixels %d: at least 64k", f.MaxPixels)
	case f.PlayoutDelay < 0 || f.PlayoutDelay > 10*time.Second:
		return fmt.Errorf("--playout-delay %v: 0s to 10s", f.PlayoutDelay)
	}
	return nil
}

// logger returns the process's log.
func (f *logFlags) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.LogLevel)) // kong has checked the enum
	opts := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// amount is a number that may be written with k (thousand) or M (million).
type amount int

// UnmarshalText parses "500k", "2.3M" or "8000000".
func (a *amount) UnmarshalText(text []byte) error {
	s, unit := string(text), 1.0
	if rest, ok := strings.CutSuffix(s, "k"); ok {
		s, unit = rest, 1e3
	} else if rest, ok := strings.CutSuffix(s, "M"); ok {
		s, unit = rest, 1e6
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0 && n*unit <= math.MaxInt32) {
		return fmt.Errorf("%q is not a number such as 800000, 800k or 8M", text)
	}
	*a = amount(math.Round(n * unit))
	return nil
}

// pixelSize is a size such as 1920x1080.
type pixelSize image.Point

// UnmarshalText parses "1920x1080".
func (p *pixelSize) UnmarshalText(text []byte) error {
	w, h, ok := strings.Cut(string(text), "x")
	x, errX := strconv.Atoi(w)
	y, errY := strconv.Atoi(h)
	if !ok || errX != nil || errY != nil || x < 64 || y < 64 || x > 16384 || y > 16384 {
		return fmt.Errorf("%q is not a size such as 1920x1080, 64 to 16384 a side", text)
	}
	*p = pixelSize{X: x, Y: y}
	return nil
}
