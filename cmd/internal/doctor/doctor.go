// Package doctor looks at what a desktop in a browser tab
// needs, and says what to change where it is missing: to who uses it and to who
// runs the platform.
package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// State is how a check ended.
type State string

// The states.
const (
	OK   State = "ok"
	Warn State = "warn" // it works, and something will be missed
	Fail State = "fail"
	Skip State = "skip" // it was not looked at
)

// Finding is what a check found.
type Finding struct {
	Check string `json:"check"`
	State State  `json:"state"`
	// Code and Args are the same for programs and for other languages; "": of a page's path.
	Code  string   `json:"code,omitempty"`
	Args  []string `json:"args,omitempty"`
	Found string   `json:"found"` // one sentence, with the number if there is one
	// What to change; "": nothing, or not theirs to change.
	User  string `json:"user,omitempty"`
	Admin string `json:"admin,omitempty"` // of the platform: ingress, proxy, image
}

// Check looks at one thing. Run returns soon after ctx has ended.
type Check struct {
	Name string
	Run  func(ctx context.Context) Finding
}

// Examine runs the checks in order and hands each finding to each as it comes. It
// says whether none has failed. It ends early, and as failed, when ctx ends.
func Examine(ctx context.Context, checks []Check, each func(Finding)) (healthy bool) {
	healthy = true
	for _, c := range checks {
		if ctx.Err() != nil {
			return false
		}
		f := c.Run(ctx)
		f.Check = c.Name
		healthy = healthy && f.State != Fail
		each(f)
	}
	return healthy
}

// grace is what a check has to notice that its time is over.
const grace = 200 * time.Millisecond

// Together runs the checks at once, each for no longer than limit, and hands their
// findings to each in the order of the checks. It says whether none has failed. A check
// that goes on after its time is left alone, which its finding says.
func Together(ctx context.Context, checks []Check, limit time.Duration, each func(Finding)) (healthy bool) {
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit+grace)
	defer cancel()
	ctx, end := context.WithTimeout(ctx, limit)
	defer end()
	findings := make([]chan Finding, len(checks))
	for n, c := range checks {
		findings[n] = make(chan Finding, 1)
		go func() { findings[n] <- c.Run(ctx) }()
	}
	healthy = true
	for n, c := range checks {
		f := await(patience, findings[n], limit)
		f.Check = c.Name
		healthy = healthy && f.State != Fail
		each(f)
	}
	return healthy
}

// await returns a check's finding, or that there is none once patience has ended.
func await(patience context.Context, finding <-chan Finding, limit time.Duration) Finding {
	select {
	case f := <-finding:
		return f
	case <-patience.Done():
	}
	select {
	case f := <-finding:
		return f
	default:
		return Tell("slow", strconv.FormatFloat(limit.Seconds(), 'f', -1, 64))
	}
}

// Text writes findings for a person, a line each, and below it what to do.
func Text(w io.Writer) func(Finding) {
	return func(f Finding) {
		fmt.Fprintf(w, "%-4s  %-18s %s\n", f.State, f.Check, f.Found)
		for _, advice := range []struct{ who, what string }{{"you", f.User}, {"admin", f.Admin}} {
			if advice.what != "" {
				fmt.Fprintf(w, "%25s%s: %s\n", "", advice.who, advice.what)
			}
		}
	}
}

// JSON writes findings as one JSON object a line.
func JSON(w io.Writer) func(Finding) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return func(f Finding) { _ = encoder.Encode(f) } // a closed standard output is nobody's to tell
}

func ok(format string, args ...any) Finding {
	return Finding{State: OK, Found: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) Finding {
	return Finding{State: Skip, Found: fmt.Sprintf(format, args...)}
}

// oneLine makes a line of an error or of what a proxy has answered.
func oneLine(text string) string {
	line := strings.Join(strings.Fields(text), " ")
	if runes := []rune(line); len(runes) > 160 {
		return string(runes[:160]) + "…"
	}
	return line
}
