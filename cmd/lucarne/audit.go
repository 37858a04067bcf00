package main

import (
	"fmt"
	"io"
	"os"

	"lucarne/signaling/audit"
)

// auditCmd is lucarne audit.
type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Look whether a log of --policy's audit is as it was written."`
}

// auditVerifyCmd is lucarne audit verify.
type auditVerifyCmd struct {
	File string `arg:"" help:"The log."`
	Last string `placeholder:"HASH" help:"A hash that must be in the log, such as the last one that lucarne has logged when it ended: without one, lines that are missing at the end cannot be seen."`
}

// Run prints what is wrong with a log, and fails if anything is.
func (c *auditVerifyCmd) Run(stdout io.Writer) error {
	file, err := os.Open(c.File)
	if err != nil {
		return exitError{exitNoInput, err}
	}
	defer file.Close()
	report, err := audit.Verify(file, c.Last)
	if err != nil {
		return exitError{exitNoInput, err}
	}
	for _, p := range report.Problems {
		fmt.Fprintf(stdout, "%s:%d: %s\n", c.File, p.Line, p.Text)
	}
	if !report.Found {
		fmt.Fprintf(stdout, "%s: no record has the hash %.80s: lines are missing at the end, or it is another log\n", c.File, c.Last)
	}
	if len(report.Problems) > 0 || !report.Found {
		return fmt.Errorf("%s is not as it was written", c.File)
	}
	fmt.Fprintf(stdout, "%s: %d records are as they were written; %d writes were broken off\nthe last has the hash %s\n", c.File, report.Records, report.Torn, report.Last)
	if c.Last == "" {
		fmt.Fprintln(stdout, "whether lines are missing at the end cannot be seen without --last")
	}
	return nil
}
