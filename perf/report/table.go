package report

import (
	"fmt"
	"io"
	"strings"
)

// WriteTable writes the medians of all metrics as a table for a terminal: each
// peer's, ours above the floor, and the ratio of ours to each other peer's with its
// interval; at the end of a line whether a target was kept. At its foot is what
// has to be known to read it.
func (r *Report) WriteTable(w io.Writer) error {
	g := &grid{left: 1}
	others := r.others()
	head := []string{""}
	for _, p := range r.Peers {
		head = append(head, p.Name)
	}
	head = append(head, "floor +")
	for _, p := range others {
		head = append(head, "/ "+p.Name)
	}
	where := ""
	rows := r.Summarize()
	for _, row := range rows {
		if at := row.Scenario + " over " + row.Link; at != where {
			if where == "" {
				g.add(append(head, "")...)
			}
			where = at
			g.add(at)
		}
		g.add(r.cells(row, others)...)
	}
	if text := sure(rows); text != "" {
		g.add(text)
	}
	for _, text := range r.foot() {
		g.add(text)
	}
	for _, v := range r.Void {
		g.add(v.String())
	}
	if r.Partial != "" {
		g.add("the run ended early: " + r.Partial)
	}
	if _, err := g.WriteTo(w); err != nil {
		return fmt.Errorf("report: write table: %w", err)
	}
	return nil
}

// cells returns a row of the table.
func (r *Report) cells(row Row, others []Peer) []string {
	cells := []string{"  " + row.Metric.Name}
	for _, p := range r.Peers {
		cells = append(cells, row.median(p.Name))
	}
	above := ""
	if row.Above.N > 0 {
		above = number(row.Above.Median)
	}
	cells = append(cells, above)
	for _, p := range others {
		cells = append(cells, row.ratio(p.Name))
	}
	var wanted []string
	for _, o := range row.Outcomes {
		wanted = append(wanted, o.String())
	}
	return append(cells, strings.Join(wanted, "; "))
}

// WriteMarkdown writes the short table for the README: the headline metrics and
// those with a target, one table for each link, with WriteTable's foot.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var out strings.Builder
	others := r.others()
	link := ""
	for _, row := range r.Summarize() {
		if !row.Metric.Headline && len(row.Outcomes) == 0 {
			continue
		}
		if row.Link != link {
			link = row.Link
			if out.Len() > 0 {
				out.WriteString("\n")
			}
			r.markdownHead(&out, link, others)
		}
		fmt.Fprintf(&out, "| %s: %s |", row.Scenario, row.Metric.Text)
		for _, p := range r.Peers {
			fmt.Fprintf(&out, " %s |", row.median(p.Name))
		}
		for _, p := range others {
			fmt.Fprintf(&out, " %s |", row.ratio(p.Name))
		}
		var wanted []string
		for _, o := range row.Outcomes {
			wanted = append(wanted, o.String())
		}
		fmt.Fprintf(&out, " %s |\n", strings.Join(wanted, "; "))
	}
	for _, text := range r.foot() {
		fmt.Fprintf(&out, "\n%s\n", text)
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("report: write Markdown: %w", err)
	}
	return nil
}

func (r *Report) markdownHead(out *strings.Builder, link string, others []Peer) {
	head := []string{"over " + link}
	for _, p := range r.Peers {
		head = append(head, p.Name)
	}
	for _, p := range others {
		head = append(head, "ratio to "+p.Name)
	}
	head = append(head, "wanted")
	fmt.Fprintf(out, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
}

// others returns the peers to which ours is compared.
func (r *Report) others() []Peer {
	var others []Peer
	for _, p := range r.Peers {
		if !p.Ours && !p.Floor {
			others = append(others, p)
		}
	}
	return others
}

// median returns a peer's figure, empty if it was not measured.
func (row Row) median(peer string) string {
	if s, ok := row.Peers[peer]; ok {
		return number(s.Median)
	}
	return ""
}

// ratio returns ours divided by another's, empty if they were not both measured.
func (row Row) ratio(peer string) string {
	s, ok := row.Ratios[peer]
	if !ok {
		return ""
	}
	if s.N == 1 {
		return fmt.Sprintf("%.2f", s.Median)
	}
	return fmt.Sprintf("%.2f [%.2f, %.2f]", s.Median, s.Low, s.High)
}

// String says what has no result, and why.
func (v Void) String() string {
	return fmt.Sprintf("%s over %s on %s: no result: %s", v.Scenario, v.Link, v.Peer, v.Reason)
}
