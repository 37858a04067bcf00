package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"lucarne/signaling/audit"
	"lucarne/signaling/policy"
	"lucarne/signaling/session"
)

// policyFlags say who may do what.
type policyFlags struct {
	Policy string `placeholder:"FILE" group:"Policy" help:"YAML file that says which role may use what, what clipboards carry, and what is recorded; read before anything is started. No flag allows more than it does."`
}

// policy reads the policy; without a file it allows everything.
func (f *policyFlags) policy() (policy.Policy, error) {
	if f.Policy == "" {
		return policy.Policy{}, nil
	}
	p, err := policy.Load(f.Policy)
	if err != nil {
		return p, exitError{exitPolicy, err}
	}
	return p, nil
}

// openAudit opens the log that the policy asks for; nil: it asks for none, or does not
// insist on the one that cannot be had.
func (d *desktop) openAudit() error {
	if d.flags.Policy != "" {
		d.log.Info("policy", "file", d.flags.Policy, "preset", d.policy.Preset, "sha256", fmt.Sprintf("%x", d.policy.SHA256))
	}
	if d.policy.Audit.File == "" {
		return nil
	}
	log, err := audit.Open(audit.Config{
		File: d.policy.Audit.File, Addresses: d.policy.Audit.Addresses,
		Version: version, Policy: d.policy.Preset, PolicySHA256: d.policy.SHA256, Log: d.log,
	})
	switch {
	case err == nil:
		d.audit = log
	case d.policy.Audit.Required:
		return exitError{exitPolicy, err}
	default:
		d.log.Error("nothing that happens is recorded", "err", err)
	}
	return nil
}

// record is where the session's records go; nil: nowhere.
func (d *desktop) record() func(session.Record) {
	if d.audit == nil {
		return nil
	}
	return d.audit.Record
}

// keepAudit writes what is recorded until ctx is done.
func (d *desktop) keepAudit(ctx context.Context) error {
	if d.audit == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return d.audit.Run(ctx)
}

// watchAudit tells the session whether what happens is recorded.
func (d *desktop) watchAudit(ctx context.Context) error {
	var changed <-chan struct{}
	if d.audit != nil {
		changed = d.audit.Changed()
	}
	if d.audit == nil && d.policy.Audit.File != "" {
		d.session.SetAuditFailing(true)
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			d.session.SetAuditFailing(d.audit.Err() != nil)
		}
	}
}

// policyCmd is lucarne policy.
type policyCmd struct {
	Check policyCheckCmd `cmd:"" help:"Read a policy file and show what it allows."`
}

// policyCheckCmd is lucarne policy check.
type policyCheckCmd struct {
	File string `arg:"" help:"The policy file."`
}

// Run prints what a policy allows, or fails with what is wrong with it.
func (c *policyCheckCmd) Run(stdout io.Writer) error {
	p, err := (&policyFlags{Policy: c.File}).policy()
	if err != nil {
		return err
	}
	return printPolicy(stdout, p)
}

// printPolicy prints a policy: a table of roles and features, and the rest in words.
func printPolicy(w io.Writer, p policy.Policy) error {
	fmt.Fprintf(w, "preset %s, SHA-256 %x\n\n", p.Preset, p.SHA256)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "feature\t%s\t%s\t%s\n", session.Owner, session.Controller, session.Watcher)
	could := session.Policy{ControllersShare: p.Session.ControllersShare}
	for _, f := range could.Allowed(session.Owner) {
		fmt.Fprint(table, f)
		for _, role := range []session.Role{session.Owner, session.Controller, session.Watcher} {
			word := "yes"
			switch {
			case !could.Allows(role, f):
				word = "-"
			case !p.Session.Allows(role, f):
				word = "refused"
			}
			fmt.Fprint(table, "\t", word)
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprint(w, "\n-: nobody in this role may, whatever the policy says. Control that is given to a viewer makes it a controller for as long,\nbut for video, give, share, upload, download and awake.\n\n")
	for _, way := range []session.Feature{session.CopyIn, session.CopyOut} {
		fmt.Fprintf(w, "%s: %s\n", way, limitsText(p.Session.Copies[way]))
	}
	viewers := "as many as without a policy"
	if p.MaxViewers > 0 {
		viewers = fmt.Sprint("at most ", p.MaxViewers)
	}
	mark := "none"
	if p.Watermark != nil {
		mark = fmt.Sprintf("%q, opacity %v; there is no VNC then", p.Watermark.Text, p.Watermark.Opacity)
	}
	record := cmp.Or(p.Audit.File, "none")
	if p.Audit.File != "" && !p.Audit.Addresses {
		record += ", without addresses"
	}
	if p.Audit.Required {
		record += "; what must be recorded is refused while it cannot be"
	}
	_, err := fmt.Fprintf(w, "viewers: %s\nwatermark: %s\naudit: %s\n", viewers, mark, record)
	return err
}

// limitsText words what clipboards carry one way.
func limitsText(l session.CopyLimits) string {
	parts := []string{"all types"}
	if l.Types != nil {
		parts[0] = strings.Join(l.Types, ", ")
	}
	if l.MaxBytes > 0 {
		parts = append(parts, fmt.Sprintf("%d bytes at most", l.MaxBytes))
	}
	if l.BytesPerMinute > 0 {
		parts = append(parts, fmt.Sprintf("%d bytes a minute", l.BytesPerMinute))
	}
	if l.Interval > 0 {
		parts = append(parts, fmt.Sprintf("one in %v", l.Interval.Round(time.Millisecond)))
	}
	return strings.Join(parts, "; ")
}
