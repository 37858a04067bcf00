package main

import (
	"fmt"
	"strings"
)

// The exit codes, where they exist by the numbers of sysexits.h.
const (
	exitOK           = 0
	exitFailure      = 1
	exitInconclusive = 3
	exitUsage        = 64 // EX_USAGE
	exitNoInput      = 66 // EX_NOINPUT
	exitNoDisplay    = 69 // EX_UNAVAILABLE
	exitNoListen     = 73 // EX_CANTCREAT
	exitExtension    = 76 // EX_PROTOCOL
	exitNoEncoder    = 78 // EX_CONFIG
	exitPolicy       = 78 // EX_CONFIG
)

// exitCodes is what --help and the README say of them.
var exitCodes = []struct {
	Code    int
	Meaning string
}{
	{exitOK, "stopped by SIGINT, SIGTERM or SIGHUP"},
	{exitFailure, "anything else; perf compare: something got worse; doctor: a check has failed"},
	{exitInconclusive, "the machine was too busy to measure (perf)"},
	{exitUsage, "a flag, an argument or an environment variable is wrong"},
	{exitNoInput, "the certificate, its key, the token file or a report cannot be used"},
	{exitNoDisplay, "there is no display (serve without --wait)"},
	{exitNoListen, "the address to listen on is taken or not allowed; perf: the folder cannot be made"},
	{exitExtension, "the display lacks an X extension that is needed"},
	{exitPolicy, "the policy cannot be used, or its audit where that is required; or this build has no encoder"},
}

// exitError is an error with the exit code that tells scripts what it was.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

func exitCodeHelp() string {
	var b strings.Builder
	b.WriteString("Exit codes: ")
	for i, c := range exitCodes {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%d %s", c.Code, c.Meaning)
	}
	return b.String() + "."
}
