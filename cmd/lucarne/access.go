package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"lucarne/signaling/access"
)

// accessFlags say who may come in.
type accessFlags struct {
	Auth          string        `enum:"token,password,oauth,proxy,none" default:"token" group:"Access" help:"token: a random secret in the link. password: that of --password-file. oauth: whoever the JupyterHub lets in that has started this server, by JUPYTERHUB_*. proxy: whoever the proxy in front says it is, by --proxy-header. none: whoever reaches the port controls the desktop."`
	TokenFile     string        `placeholder:"FILE" group:"Access" help:"Read the token from this file, so that it outlasts a restart; made if it does not exist. Only its owner may have access."`
	PasswordFile  string        `placeholder:"FILE" group:"Access" help:"The password, or its hash by Argon2id or bcrypt, in the first line of this file. Only its owner may have access."`
	ProxyHeader   string        `placeholder:"NAME" group:"Access" help:"Header by which the proxy in front says who somebody is, such as X-Forwarded-User or kubeflow-userid; it has to remove what browsers send of that name."`
	ProxyFrom     []string      `placeholder:"NETWORK" group:"Access" help:"Where the proxy in front connects from: networks such as 10.1.0.0/16, or unix. With it only such may say who somebody is, and by which name, scheme and address a browser has come (X-Forwarded-Host, -Proto, -For)."`
	AllowUser     []string      `placeholder:"USER" group:"Access" help:"Of those whom --auth proxy names, let these in and nobody else."`
	SessionMaxAge time.Duration `default:"0s" group:"Access" help:"How long somebody who has logged in stays at most; 0s: 12h, by a token 720h."`
	Embed         []string      `placeholder:"SOURCE" group:"Access" help:"Pages that may show the desktop in a frame: self for its own origin, or such as https://portal.example. Without: none."`
}

// maxPassword is the length of a password file's line, in bytes.
const maxPassword = 1024

func (f *accessFlags) validate() error {
	for _, need := range []struct {
		flag, auth  string
		given, must bool
	}{
		{"--token-file", "token", f.TokenFile != "", false},
		{"--password-file", "password", f.PasswordFile != "", true},
		{"--proxy-header", "proxy", f.ProxyHeader != "", true},
		{"--allow-user", "proxy", len(f.AllowUser) > 0, false},
	} {
		switch {
		case need.given && f.Auth != need.auth:
			return fmt.Errorf("%s needs --auth %s", need.flag, need.auth)
		case need.must && f.Auth == need.auth && !need.given:
			return fmt.Errorf("--auth %s needs %s", need.auth, need.flag)
		}
	}
	if f.Auth == "proxy" && len(f.ProxyFrom) == 0 {
		return errors.New("--auth proxy needs --proxy-from: without, anybody could say to be anybody")
	}
	if f.SessionMaxAge < 0 {
		return fmt.Errorf("--session-max-age %v is negative", f.SessionMaxAge)
	}
	for _, source := range f.Embed {
		if strings.ContainsAny(source, ";, '\"\t\r\n") {
			return fmt.Errorf("--embed %q is neither self nor an origin such as https://portal.example", source)
		}
	}
	_, err := access.ParsePeers(f.ProxyFrom)
	return err
}

// access returns who may come in, by hosts beside the page's own.
func (f *accessFlags) access(hosts []string) (access.Config, error) {
	proxies, err := access.ParsePeers(f.ProxyFrom)
	if err != nil {
		return access.Config{}, exitError{exitUsage, err}
	}
	cfg := access.Config{
		Method: access.Method(f.Auth), MaxAge: f.SessionMaxAge,
		Origins:  access.Origins{Hosts: hosts, Proxies: proxies},
		Identity: access.Identity{Header: f.ProxyHeader, From: proxies, Users: f.AllowUser},
	}
	switch cfg.Method {
	case access.Token:
		cfg.Token, err = f.openToken()
	case access.Password:
		cfg.Password, err = f.loginPassword()
	case access.OAuth:
		cfg.Hub, err = hubFromEnvironment(os.Getenv)
	}
	return cfg, err
}

func (f *accessFlags) loginPassword() (*access.Verifier, error) {
	text, err := readPrivate(f.PasswordFile, maxPassword)
	var verifier *access.Verifier
	if err == nil {
		line, _, _ := strings.Cut(text, "\n")
		verifier, err = access.ParsePassword(strings.TrimSuffix(line, "\r"))
	}
	if err != nil {
		return nil, exitError{exitNoInput, fmt.Errorf("cannot use --password-file: %w", err)}
	}
	return verifier, nil
}

// hubFromEnvironment returns the JupyterHub that has started this server.
func hubFromEnvironment(env func(string) string) (*access.Hub, error) {
	var scopes []string
	if text := env("JUPYTERHUB_OAUTH_ACCESS_SCOPES"); text != "" && json.Unmarshal([]byte(text), &scopes) != nil {
		return nil, exitError{exitUsage, errors.New("--auth oauth: JUPYTERHUB_OAUTH_ACCESS_SCOPES is no list in JSON")}
	}
	hub, err := access.NewHub(access.HubConfig{
		APIURL: env("JUPYTERHUB_API_URL"), APIToken: env("JUPYTERHUB_API_TOKEN"), ClientID: env("JUPYTERHUB_CLIENT_ID"),
		Host: env("JUPYTERHUB_HOST"), BaseURL: env("JUPYTERHUB_BASE_URL"),
		CallbackURL: env("JUPYTERHUB_OAUTH_CALLBACK_URL"), Scopes: scopes,
	})
	if err != nil {
		return nil, exitError{exitUsage, fmt.Errorf("--auth oauth is for servers that JupyterHub starts: %w", err)}
	}
	return hub, nil
}

// ancestors are the sources of --embed, as a page's policy has them.
func (f *accessFlags) ancestors() []string {
	var sources []string
	for _, source := range f.Embed {
		if source == "self" {
			source = "'self'"
		}
		sources = append(sources, source)
	}
	return sources
}

// warnOfAccess says in the log what an administrator should know of who may come in.
func warnOfAccess(who access.Config, page string, log *slog.Logger) {
	switch who.Method {
	case access.None:
		log.Warn("nobody is asked who they are: whoever reaches the page controls the desktop, a page of another user of the same host included", "page", page)
	case access.Proxy:
		log.Info("the proxy in front says who somebody is", "header", who.Identity.Header, "page", page)
	default:
		log.Info("people log in", "by", who.Method, "page", page)
	}
}
