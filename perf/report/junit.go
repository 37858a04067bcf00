package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// The JUnit XML format, as CI servers read it
// (https://github.com/testmoapp/junitxml).
type (
	testSuites struct {
		XMLName  xml.Name    `xml:"testsuites"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Suites   []testSuite `xml:"testsuite"`
	}
	testSuite struct {
		Name       string     `xml:"name,attr"`
		Timestamp  string     `xml:"timestamp,attr,omitempty"`
		Tests      int        `xml:"tests,attr"`
		Failures   int        `xml:"failures,attr"`
		Errors     int        `xml:"errors,attr"`
		Skipped    int        `xml:"skipped,attr"`
		Properties []property `xml:"properties>property,omitempty"`
		Cases      []testCase `xml:"testcase"`
	}
	property struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	testCase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Skipped *message `xml:"skipped"`
		Failure *message `xml:"failure"`
		Error   *message `xml:"error"`
		Out     string   `xml:"system-out,omitempty"`
	}
	message struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the run as JUnit XML: a suite for each link, a case for each
// scenario on each peer. Targets that were missed, and a page that stood still, are
// failures of the peer; what has no result is skipped with the reason; a run that
// ended early is an error in a suite of its own.
func (r *Report) WriteJUnit(w io.Writer) error {
	rows, missed := r.Summarize(), r.Missed()
	var suites []testSuite
	for _, link := range r.everyLink() {
		suite := testSuite{Name: link, Timestamp: r.Started.UTC().Format(time.RFC3339), Properties: r.properties()}
		for _, scenario := range r.scenarios() {
			for _, peer := range r.Peers {
				if c, ok := caseOf(rows, missed, scenario, link, peer); ok {
					suite.Cases = append(suite.Cases, c)
				}
			}
		}
		for _, v := range r.Void {
			if v.Link != link {
				continue
			}
			c := testCase{Class: v.Scenario, Name: v.Peer, Skipped: &message{Message: v.Reason}}
			if v.Frozen {
				c.Skipped, c.Failure = nil, &message{Message: "frozen: " + v.Reason}
			}
			suite.Cases = append(suite.Cases, c)
		}
		suites = append(suites, suite)
	}
	if r.Partial != "" {
		suites = append(suites, testSuite{Name: "run", Cases: []testCase{
			{Class: "run", Name: "complete", Error: &message{Message: r.Partial}},
		}})
	}
	return writeSuites(w, "lucarne perf", suites)
}

// caseOf returns the case of a scenario on a peer, false if it was not measured.
func caseOf(rows []Row, missed []Outcome, scenario, link string, peer Peer) (testCase, bool) {
	var figures, failures []string
	for _, row := range rows {
		figure, ok := row.Peers[peer.Name]
		if !ok || row.Scenario != scenario || row.Link != link {
			continue
		}
		figures = append(figures, row.Metric.Name+" "+figure.String())
	}
	for _, o := range missed {
		whose := o.Peer == peer.Name || o.Peer == "" && peer.Ours
		if whose && o.Scenario == scenario && o.link() == link {
			failures = append(failures, fmt.Sprintf("%s: got %s, want %s", o.Metric, o.Figure(), o.Target))
		}
	}
	c := testCase{Class: scenario, Name: peer.Name, Out: strings.Join(figures, "\n")}
	if len(failures) > 0 {
		c.Failure = &message{Message: failures[0], Text: strings.Join(failures, "\n")}
	}
	return c, len(figures) > 0
}

// properties returns what the run took place on.
func (r *Report) properties() []property {
	return []property{
		{"command", r.Command}, {"version", r.Build.Version}, {"commit", r.Build.Commit},
		{"class", r.Machine.Class}, {"cpu", r.Machine.CPU}, {"kernel", r.Machine.Kernel}, {"browser", r.Machine.Browser},
	}
}

// everyLink returns the links with results or without.
func (r *Report) everyLink() []string {
	links := r.links()
	for _, v := range r.Void {
		links = union(links, []string{v.Link})
	}
	return links
}

// WriteJUnit writes the comparison as JUnit XML: a suite for each link, a case
// for each metric. What regressed is a failure, what is inconclusive or has too few
// repetitions is skipped with the reason.
func (c *Comparison) WriteJUnit(w io.Writer) error {
	var suites []testSuite
	at := map[string]int{}
	for _, change := range c.Changes {
		i, ok := at[change.Link]
		if !ok {
			i = len(suites)
			at[change.Link] = i
			suites = append(suites, testSuite{Name: change.Link})
		}
		t := testCase{Class: change.Scenario, Name: change.Metric, Out: change.String()}
		if t.Name == "" {
			t.Name = "all"
		}
		switch change.Verdict {
		case Worse, Frozen:
			t.Failure = &message{Message: change.String()}
		case Inconclusive, Untold:
			t.Skipped = &message{Message: change.Note}
		}
		suites[i].Cases = append(suites[i].Cases, t)
	}
	return writeSuites(w, "lucarne perf compare", suites)
}

// writeSuites counts the cases and writes them.
func writeSuites(w io.Writer, name string, suites []testSuite) error {
	all := testSuites{Name: name, Suites: suites}
	for i := range suites {
		s := &suites[i]
		for _, c := range s.Cases {
			s.Tests++
			switch {
			case c.Failure != nil:
				s.Failures++
			case c.Error != nil:
				s.Errors++
			case c.Skipped != nil:
				s.Skipped++
			}
		}
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
	}
	data, err := xml.MarshalIndent(all, "", "\t")
	if err != nil {
		return fmt.Errorf("report: write JUnit: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s%s\n", xml.Header, data); err != nil {
		return fmt.Errorf("report: write JUnit: %w", err)
	}
	return nil
}
