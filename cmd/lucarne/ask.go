package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"lucarne/signaling/activity"
)

// askFlags say where the lucarne is that a command asks. They are those of the one
// that is asked, so that in its container the environment says it all.
type askFlags struct {
	placeFlags
	TLS     string `name:"tls" enum:"off,self-signed" default:"off" group:"Page" help:"self-signed: it speaks TLS."`
	TLSCert string `name:"tls-cert" placeholder:"FILE" group:"Page" help:"It speaks TLS with this certificate."`
}

// maxAsked is the longest answer, in bytes.
const maxAsked = 1 << 20

// status asks how the desktop is used. A Jupyter server, whose API this is, gives an error: it
// does not say whether it is busy.
func (f *askFlags) status(ctx context.Context) (activity.Status, error) {
	const path = "api/status"
	network, address, err := splitListen(f.Listen)
	if err != nil {
		return activity.Status{}, exitError{exitUsage, err}
	}
	var dialer net.Dialer
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, reachable(network, address))
		},
		// The certificate names the page's host, and who answers on this machine's own
		// address is known by that.
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true,
	}
	scheme := "http"
	if f.TLS != "off" || f.TLSCert != "" {
		scheme = "https"
	}
	base := strings.Trim(f.BasePath, "/")
	if base != "" {
		base += "/"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://localhost/"+base+path, nil)
	if err != nil {
		return activity.Status{}, exitError{exitUsage, err}
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return activity.Status{}, fmt.Errorf("no lucarne answers on %s: %w; say where it is by --listen", f.Listen, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return activity.Status{}, fmt.Errorf("%s on %s: %s; is it a lucarne of this version?", path, f.Listen, resp.Status)
	}
	var told struct {
		activity.Status
		Busy *bool `json:"busy"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxAsked)).Decode(&told)
	if err == nil && told.Busy == nil {
		err = errors.New("it does not say whether it is busy")
	}
	if err != nil {
		return activity.Status{}, fmt.Errorf("%s on %s: %w; is it a lucarne of this version?", path, f.Listen, err)
	}
	told.Status.Busy = *told.Busy
	return told.Status, nil
}

// reachable returns the address at which a server on this machine is reached that
// listens on all of them.
func reachable(network, address string) string {
	host, port, err := net.SplitHostPort(address)
	if network != "tcp" || err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
