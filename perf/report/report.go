// Package report is what a performance run found: written as JSON, as Go
// benchmark text, as JUnit XML and as one HTML page, and compared with what
// another run found.
package report

import (
	"time"
)

// Schema is the version of the JSON format. A file of another version is refused.
const Schema = 1

// Report is everything that one run found.
type Report struct {
	Schema  int       `json:"schema"`
	Started time.Time `json:"started"`
	Command string    `json:"command"` // that makes the same run again
	Machine Machine   `json:"machine"`
	Build   Build     `json:"build"`
	Peers   []Peer    `json:"peers"`
	Results []Result  `json:"results"`
	// Void are scenarios without a result, and why.
	Void []Void `json:"void,omitempty"`
	// Partial says why the run ended early; "": it did not.
	Partial string `json:"partial,omitempty"`
}

// Machine is what the run took place on. Runs are compared within one class.
type Machine struct {
	Class   string `json:"class"` // cores and processor model, as in "2x-xeon-2.80ghz": figures of two classes say nothing of each other
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Kernel  string `json:"kernel"`
	Load    string `json:"load"` // averages over 1, 5 and 15 minutes at the end, the run itself included
	Browser string `json:"browser"`
	Screen  string `json:"screen"` // "1920x1080"
	// ClockOffsetMax is the largest difference between a page's clock and the
	// harness's, in ms. One clock: both are this machine's.
	ClockOffsetMax float64 `json:"clockOffsetMax"`
}

// Build is the program that was measured.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
}

// Peer is one way to see a display in a page.
type Peer struct {
	Name    string `json:"name"` // "lucarne", "vnc", "x11vnc", "floor"
	Version string `json:"version"`
	// Ours: the peer under test, to which the others are compared.
	Ours bool `json:"ours,omitempty"`
	// Floor: the least that a page can do, to which all figures are read.
	Floor bool `json:"floor,omitempty"`
}

// Result is what one scenario found on one peer in one repetition.
type Result struct {
	Scenario   string `json:"scenario"`
	Link       string `json:"link"` // "local" is this machine's loopback
	Peer       string `json:"peer"`
	Repetition int    `json:"repetition"` // from 1; the peers of one repetition ran by turns

	// Metrics by name; the unit is the name's end, as in "p50-ms", "frames/s",
	// "cpu-ms". Function Metrics documents them.
	Metrics map[string]float64 `json:"metrics"`
	// Delays is each change's way to the page in ms, in the order in which they
	// were made; what was never shown is missing.
	Delays []float64 `json:"delays,omitempty"`
	// Shown is when frames were shown, in ms since the scenario began.
	Shown []float64 `json:"shown,omitempty"`
	// Stages are medians in ms of a frame's way, for a page that tells them, in
	// order: grab, convert, encode, send, receive, decode, present.
	Stages []Stage `json:"stages,omitempty"`

	// Transport is how the page says that its pictures came at the end, "webrtc" or "ws";
	// "": it does not say, or there was no page any more.
	Transport string `json:"transport,omitempty"`
	// Codec is what the page says that they were encoded by: "vp8", "h264", "h264-444",
	// "jpeg"; "" likewise.
	Codec string `json:"codec,omitempty"`

	AnimationRate float64 `json:"animationRate"` // the page's animation frames a second, idle, before the scenario
	OutsideLoad   float64 `json:"outsideLoad"`   // cores used by what is not part of the run
	Steal         float64 `json:"steal"`         // cores that the host of a virtual machine withheld meanwhile
	Attempts      int     `json:"attempts"`      // until one counted, this one included
}

// Stage is one stage of a frame's way.
type Stage struct {
	Name string  `json:"name"`
	MS   float64 `json:"ms"`
}

// Void is a scenario that has no result.
type Void struct {
	Scenario string `json:"scenario"`
	Link     string `json:"link"`
	Peer     string `json:"peer"`
	Reason   string `json:"reason"`
	// Frozen: the machine was fine and something was drawn, but the page showed
	// nothing of it. A comparison takes it for a regression, not for a gap.
	Frozen bool `json:"frozen,omitempty"`
}
