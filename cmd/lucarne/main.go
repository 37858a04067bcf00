// Lucarne shows an X desktop in a browser tab.
//
// It captures the display, encodes it as video, streams it by WebRTC, and brings
// keyboard, pointer and clipboard back. This command only wires: one file for
// each subcommand, from flags to configuration to the packages that do the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"lucarne/cmd/internal/reap"
	"lucarne/perf"
)

// cli is the command line.
type cli struct {
	Version kong.VersionFlag `help:"Print the version, the codecs and the licences, and leave." env:"-"`

	Serve       serveCmd    `cmd:"" help:"Show a display that is already there."`
	Up          upCmd       `cmd:"" help:"Start an X server and a desktop session, and show them."`
	Doctor      doctorCmd   `cmd:"" help:"Look at this machine, or at the way to a page, and say what is missing."`
	Activity    activityCmd `cmd:"" help:"Ask the lucarne that runs here when its desktop was last used."`
	Policy      policyCmd   `cmd:"" help:"Look at a policy file."`
	Audit       auditCmd    `cmd:"" help:"Look at the log that a policy asks for."`
	Perf        perfCmd     `cmd:"" help:"Measure the speed, compare two measurements."`
	Encoder     encoderCmd  `cmd:"" hidden:"" help:"Encode on a GPU, for a lucarne that has started this one."`
	Machine     machineCmd  `cmd:"" hidden:"" help:"Look at this machine, for a lucarne that has started this one."`
	VersionText versionCmd  `cmd:"" name:"version" help:"Print the version, the codecs and the licences."`
}

func main() {
	if reap.First() {
		// It has the same environment, and so the same secrets.
		code, err := 0, closeMemory()
		if err == nil {
			code, err = reap.Run()
		}
		if err != nil {
			code = conclude(os.Stderr, err)
		}
		os.Exit(code)
	}
	stops := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		stops = append(stops, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), stops...)
	context.AfterFunc(ctx, stop) // the second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes a command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	parser, err := newParser(&cli{}, stdout, stderr)
	if err != nil {
		return conclude(stderr, err)
	}
	command, err := parser.Parse(args)
	if err != nil {
		return conclude(stderr, usageError(err))
	}
	command.BindTo(ctx, (*context.Context)(nil))
	command.BindTo(stdout, (*io.Writer)(nil))
	return conclude(stderr, command.Run())
}

func newParser(into *cli, stdout, stderr io.Writer) (*kong.Kong, error) {
	return kong.New(into,
		kong.Name("lucarne"),
		kong.Description("A window onto a desktop, in a browser tab.\n\n"+exitCodeHelp()),
		kong.DefaultEnvars("LUCARNE"),
		kong.Writers(stdout, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{
			"version": versionText(),
			"links":   strings.Join(perf.Links(), ", "),
		},
	)
}

// usageError says what is wrong with a command line and where help is.
func usageError(err error) error {
	help := "lucarne --help"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if node := parse.Context.Selected(); node != nil {
			help = "lucarne " + node.Name + " --help"
		}
	}
	return exitError{exitUsage, fmt.Errorf("%w; see %s", err, help)}
}

// conclude prints an error as one line and returns the exit code that goes with it.
// To be told to stop is no error.
func conclude(stderr io.Writer, err error) int {
	if err == nil || errors.Is(err, context.Canceled) {
		return exitOK
	}
	fmt.Fprintln(stderr, "lucarne: "+strings.Join(strings.Fields(err.Error()), " "))
	var exit exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	return exitFailure
}
