package main

import (
	"context"
	"encoding/json"
	"fmt"

	"lucarne/encode"
	"lucarne/encode/nvenc"
	"lucarne/encode/nvenc/child"
)

// encoderCmd is lucarne encoder: the process in which NVIDIA's driver is loaded. It
// serves who has started it over a socket that it inherits, and ends with it.
type encoderCmd struct {
	Do     string `arg:"" enum:"serve,probe,gpus" help:"serve: encode what comes over the socket; probe: say whether that would work; gpus: say how the GPUs are, whenever asked."`
	Driver string `arg:"" optional:"" help:"The driver, as JSON; default: the machine's own."`
}

// Run does it.
func (c *encoderCmd) Run(ctx context.Context) error {
	var driver nvenc.Config
	if c.Driver != "" {
		if err := json.Unmarshal([]byte(c.Driver), &driver); err != nil {
			return exitError{exitUsage, fmt.Errorf("encoder: driver: %w", err)}
		}
	}
	conn, err := child.Inherit()
	if err != nil {
		return exitError{exitUsage, fmt.Errorf("encoder is for lucarne to start: %w", err)}
	}
	defer conn.Close()
	switch c.Do {
	case "probe":
		return json.NewEncoder(conn).Encode(nvenc.Probe(driver, probedSize))
	case "gpus":
		return answerGPUs(conn, driver)
	}
	return child.Serve(ctx, conn, []encode.Backend{nvenc.Backend(driver), nvenc.Backend444(driver)})
}
