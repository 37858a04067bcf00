package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"lucarne/signaling/iceserver"
)

// turnFlags say which STUN and TURN servers there are. What is secret is in files
// or in the environment, from which it is taken away: neither the command line nor
// the programs of the desktop show it. Selkies' variables say the same.
type turnFlags struct {
	ICEServer           []string `name:"ice-server" placeholder:"URL" group:"WebRTC" help:"STUN or TURN server: (stun|stuns|turn|turns):HOST[:PORT], for TURN with ?transport=udp or tcp. There is none by default."`
	TURNUsername        string   `name:"turn-username" env:"LUCARNE_TURN_USERNAME,SELKIES_TURN_USERNAME" placeholder:"NAME" group:"WebRTC" help:"User name for the TURN servers of --ice-server."`
	TURNPasswordFile    string   `name:"turn-password-file" placeholder:"FILE" group:"WebRTC" help:"File with its password; or the variable LUCARNE_TURN_PASSWORD is the password itself."`
	TURNSecretFile      string   `name:"turn-secret-file" placeholder:"FILE" group:"WebRTC" help:"File with the secret shared with these servers, from which each connection gets credentials for an hour (TURN's REST API); or LUCARNE_TURN_SECRET is the secret itself."`
	ICEServersURL       string   `name:"ice-servers-url" placeholder:"URL" group:"WebRTC" help:"Web service that answers with a list of servers: STUNner's, Cloudflare's, or any in the form of RTCConfiguration."`
	ICEServersTokenFile string   `name:"ice-servers-token-file" placeholder:"FILE" group:"WebRTC" help:"File with the bearer token of --ice-servers-url, which is then asked by POST, as Cloudflare's; or LUCARNE_ICE_SERVERS_TOKEN is the token itself."`
	ICEServersFile      string   `name:"ice-servers-file" env:"LUCARNE_ICE_SERVERS_FILE,SELKIES_RTC_CONFIG_JSON" placeholder:"FILE" group:"WebRTC" help:"JSON file with such a list, read again when it has changed."`
	Relay               string   `enum:"both,viewer" default:"both" group:"WebRTC" help:"viewer: the browser comes by a TURN server alone, and this side uses none (STUNner)."`
}

func (f *turnFlags) validate() error {
	for _, url := range f.ICEServer {
		if err := iceserver.CheckURL(url); err != nil {
			return fmt.Errorf("--ice-server: %w", err)
		}
	}
	if f.ICEServersURL == "" && f.ICEServersTokenFile != "" {
		return errors.New("--ice-servers-token-file needs --ice-servers-url")
	}
	return nil
}

var (
	errNoCredentials = errors.New("a TURN server of --ice-server needs --turn-username with a password, or a shared secret")
	errNoRelay       = errors.New("--relay viewer needs a TURN server: --ice-server, --ice-servers-url or --ice-servers-file")
)

// servers returns where a viewer's servers come from; nil: there are none. The
// secrets leave the environment.
func (f *turnFlags) servers() (iceserver.Source, error) {
	password, err := takeSecret(f.TURNPasswordFile, "LUCARNE_TURN_PASSWORD", "SELKIES_TURN_PASSWORD")
	if err != nil {
		return nil, err
	}
	secret, err := takeSecret(f.TURNSecretFile, "LUCARNE_TURN_SECRET", "SELKIES_TURN_SHARED_SECRET")
	if err != nil {
		return nil, err
	}
	token, err := takeSecret(f.ICEServersTokenFile, "LUCARNE_ICE_SERVERS_TOKEN")
	if err != nil {
		return nil, err
	}
	urls := f.ICEServer
	if len(urls) == 0 {
		if urls, err = selkiesServer(os.Getenv); err != nil {
			return nil, exitError{exitUsage, err}
		}
	}
	all, err := named(urls, f.TURNUsername, password, secret)
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	if f.ICEServersURL != "" {
		remote, err := iceserver.NewRemote(f.ICEServersURL, token)
		if err != nil {
			return nil, exitError{exitUsage, fmt.Errorf("--ice-servers-url: %w", err)}
		}
		all = append(all, remote)
	}
	if f.ICEServersFile != "" {
		all = append(all, iceserver.NewFile(f.ICEServersFile))
	}
	if len(all) > 0 {
		return all, nil
	}
	if f.Relay == "viewer" {
		return nil, exitError{exitUsage, errNoRelay}
	}
	return nil, nil
}

// named returns the servers whose URLs are known: STUN servers as they are, TURN
// servers with credentials.
func named(urls []string, username, password, secret string) (iceserver.Sources, error) {
	var all iceserver.Sources
	turn, stun := []string{}, []string{}
	for _, url := range urls {
		if iceserver.IsTURN(url) {
			turn = append(turn, url)
		} else {
			stun = append(stun, url)
		}
	}
	if len(stun) > 0 {
		all = append(all, iceserver.Static{{URLs: stun}})
	}
	switch {
	case len(turn) == 0:
	case secret != "":
		all = append(all, &iceserver.Shared{URLs: turn, Secret: secret})
	case username != "" && password != "":
		all = append(all, iceserver.Static{{URLs: turn, Username: username, Credential: password}})
	default:
		return nil, errNoCredentials
	}
	return all, nil
}

// selkiesServer returns the TURN server that Selkies' variables name, if any.
func selkiesServer(getenv func(string) string) ([]string, error) {
	host := getenv("SELKIES_TURN_HOST")
	if host == "" {
		return nil, nil
	}
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]" // an IPv6 address
	}
	scheme := "turn"
	if strings.EqualFold(getenv("SELKIES_TURN_TLS"), "true") {
		scheme = "turns"
	}
	url := fmt.Sprintf("%s:%s:%s?transport=%s", scheme, host,
		cmp.Or(getenv("SELKIES_TURN_PORT"), "3478"), strings.ToLower(cmp.Or(getenv("SELKIES_TURN_PROTOCOL"), "udp")))
	if err := iceserver.CheckURL(url); err != nil {
		return nil, fmt.Errorf("SELKIES_TURN_HOST, SELKIES_TURN_PORT, SELKIES_TURN_PROTOCOL: %w", err)
	}
	return []string{url}, nil
}

// maxSecret is the longest secret in a file, in bytes.
const maxSecret = 4096

// takeSecret returns what is in the file, or else in the first of the variables
// that is set, and removes the variables from the environment.
func takeSecret(file string, variables ...string) (string, error) {
	var values []string
	for _, v := range variables {
		values = append(values, os.Getenv(v))
		os.Unsetenv(v)
	}
	if file == "" {
		return cmp.Or(values...), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return "", exitError{exitNoInput, err}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", exitError{exitNoInput, err}
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || len(text) > maxSecret || strings.ContainsFunc(secret, unicode.IsControl) {
		return "", exitError{exitNoInput, fmt.Errorf("%s does not hold one line of at most %d bytes", file, maxSecret)}
	}
	return secret, nil
}
