package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"lucarne/perf/idle"
)

// perfIdleCmd is lucarne perf idle.
type perfIdleCmd struct {
	Desktops int           `default:"12" group:"Measurement" help:"How many desktops to start side by side."`
	Watch    time.Duration `default:"60s" group:"Measurement" help:"For how long to watch them."`
	Paused   bool          `group:"Measurement" help:"Give each a viewer whose page is hidden."`
	Program  string        `default:"xterm & exec openbox" placeholder:"COMMAND" group:"Measurement" help:"Shell command that runs each desktop's session."`
	Bin      string        `placeholder:"FILE" group:"Measurement" help:"The lucarne to measure. Default: this one."`
}

// Validate is called by kong after parsing.
func (c *perfIdleCmd) Validate() error {
	switch {
	case c.Desktops < 1 || c.Desktops > 200:
		return fmt.Errorf("--desktops %d: 1 to 200", c.Desktops)
	case c.Watch < time.Second || c.Watch > time.Hour:
		return fmt.Errorf("--watch %v: 1s to 1h", c.Watch)
	}
	return nil
}

// Run measures and prints the table.
func (c *perfIdleCmd) Run(ctx context.Context, stdout io.Writer) error {
	bin := c.Bin
	if bin == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		bin = self
	}
	found, err := idle.Run(ctx, idle.Config{
		Bin: bin, Session: c.Program, Desktops: c.Desktops, Length: c.Watch, Paused: c.Paused, Progress: os.Stderr,
	})
	if err != nil {
		return err
	}
	return found.WriteTable(stdout)
}
