package peer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lucarne/capture/display"
)

// Own is the Spec.Server of a peer that brings its own X server.
const Own = "own"

// Spec says how to start one way to see a display in a page. Arguments, URL and
// the rest may hold placeholders:
//
//	{display}         the X display, ":20"
//	{authority}       the file with its cookie
//	{width} {height}  its size in pixels
//	{host} {port}     where the page has to be served
//	{dir}             a directory of its own, which is removed afterwards
//	{rfbport}         a port of the loopback, between the peer's own programs
type Spec struct {
	// Name is the peer's name in reports: lower-case letters, digits, - and _.
	Name string `json:"name"`
	// Server is the X server: "Xvnc" (TigerVNC), "Xvfb", or "own": then the
	// first command starts one at {display} that asks for the cookie in
	// {authority}.
	Server string `json:"server"`
	// VNC has Xvnc listen for VNC viewers at {rfbport} of the loopback; its cost
	// is then the agent's.
	VNC bool `json:"vnc,omitempty"`
	// Command are the programs that carry the display to the page, started in
	// order, each with its arguments, DISPLAY and XAUTHORITY. The first program
	// that names {port} or {rfbport} is the one that listens there; the next is
	// started once it does. All stay in the foreground.
	Command [][]string `json:"command"`
	// URL is the page's.
	URL string `json:"url"`
	// Version is a command whose first line of output says which version of
	// what this is; empty: nothing is known.
	Version []string `json:"version,omitempty"`
	// Needs are programs and files (absolute paths) that have to be there, and
	// how to get each: "apt install websockify".
	Needs map[string]string `json:"needs,omitempty"`

	floor bool // it is the floor: served by this process, without a display
	still bool // it shows a picture of its own
}

// Live reports whether the page shows what is drawn; Image's does not.
func (s *Spec) Live() bool { return !s.still }

// maxSpec bounds a spec file, in bytes.
const maxSpec = 64 << 10

// ReadSpec reads a Spec from a JSON file. The error names the file, the line
// where there is one, and what is wrong.
func ReadSpec(path string) (Spec, error) {
	f, err := os.Open(path)
	if err != nil {
		return Spec{}, fmt.Errorf("peer: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSpec+1))
	if err != nil {
		return Spec{}, fmt.Errorf("peer: %w", err)
	}
	if len(text) > maxSpec {
		return Spec{}, fmt.Errorf("peer: %s: longer than %d KiB: no description of a peer", path, maxSpec>>10)
	}
	s, line, err := parseSpec(text)
	if err != nil {
		if line > 0 {
			path = fmt.Sprintf("%s:%d", path, line)
		}
		return Spec{}, fmt.Errorf("peer: %s: %w", path, err)
	}
	return s, nil
}

// parseSpec returns the line of an error, or 0 where it has none.
func parseSpec(text []byte) (s Spec, line int, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		offset := dec.InputOffset()
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			offset = syntax.Offset
		}
		if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) {
			offset = kind.Offset
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			offset, err = int64(len(text)), errors.New("ends early")
		}
		return Spec{}, 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n")), err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Spec{}, 1 + bytes.Count(text[:dec.InputOffset()], []byte("\n")), errors.New("more than one description")
	}
	return s, 0, s.check()
}

// values are what placeholders stand for: "{port}" → "8080".
type values map[string]string

// placeholders are those that there are.
func placeholders() []string {
	return []string{"{display}", "{authority}", "{width}", "{height}", "{dir}", "{host}", "{port}", "{rfbport}"}
}

// expand returns words with their placeholders replaced.
func (v values) expand(words ...string) []string {
	var pairs []string
	for placeholder, value := range v {
		pairs = append(pairs, placeholder, value)
	}
	replacer := strings.NewReplacer(pairs...)
	expanded := make([]string, len(words))
	for i, word := range words {
		expanded[i] = replacer.Replace(word)
	}
	return expanded
}

// check says what is wrong with a spec.
func (s *Spec) check() error {
	switch {
	case s.Name == "" || strings.Trim(s.Name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		return fmt.Errorf("name %q: lower-case letters, digits, - and _", s.Name)
	case s.floor:
		return nil
	case s.Server == "":
		return fmt.Errorf("no server: %q, %q or %q", display.Xvnc, display.Xvfb, Own)
	case s.VNC && s.Server != display.Xvnc:
		return fmt.Errorf("vnc: server %q has none, only %s has", s.Server, display.Xvnc)
	case len(s.Command) == 0:
		return errors.New("no command")
	case !strings.Contains(s.URL, "{port}"):
		return fmt.Errorf("url %q: without {port} it is not where the peer is told to listen", s.URL)
	}
	words := []string{s.URL}
	for i, command := range s.Command {
		if len(command) == 0 || command[0] == "" {
			return fmt.Errorf("command %d: empty", i+1)
		}
		words = append(words, command...)
	}
	placeholder := regexp.MustCompile(`\{[a-z]+\}`)
	for _, word := range words {
		for _, p := range placeholder.FindAllString(word, -1) {
			if !slices.Contains(placeholders(), p) {
				return fmt.Errorf("%q: %s is none of %s", word, p, strings.Join(placeholders(), " "))
			}
		}
	}
	return nil
}

// missing returns an error that names the first program or file that the peer
// needs and that is not there, and how to get it.
func (s *Spec) missing() error {
	needs := []string{}
	for what := range s.Needs {
		needs = append(needs, what)
	}
	slices.Sort(needs)
	for _, command := range s.Command {
		needs = append(needs, command[0])
	}
	for _, what := range needs {
		_, err := exec.LookPath(what)
		if filepath.IsAbs(what) {
			_, err = os.Stat(what)
		}
		if err == nil {
			continue
		}
		if remedy := s.Needs[what]; remedy != "" {
			return fmt.Errorf("%s is missing: %s", what, remedy)
		}
		return fmt.Errorf("%s is missing", what)
	}
	return nil
}
