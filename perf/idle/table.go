package idle

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// crowd is for how many desktops the figures are extrapolated.
const crowd = 60

// median returns the middle one, of two the greater; 0 of none.
func median[T cmp.Ordered](values []T) (middle T) {
	if len(values) > 0 {
		middle = slices.Sorted(slices.Values(values))[len(values)/2]
	}
	return middle
}

// WriteTable writes the report as a table in Markdown: for each program the median of the
// desktops, then a whole desktop, and the sum for many of them.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	viewers := "without a viewer"
	if r.Paused {
		viewers = "each with a viewer whose page is hidden"
	}
	fmt.Fprintf(&b, "%d idle desktops for %.0f s, %s:\n\n", len(r.Desktops), r.Length.Seconds(), viewers)
	fmt.Fprintf(&b, "| | PSS, MB | CPU, %% of a core |\n| --- | --- | --- |\n")
	row := func(name string, memory int, cpu time.Duration) {
		fmt.Fprintf(&b, "| %s | %.1f | %.3f |\n", name, float64(memory)/1e6, 100*cpu.Seconds()/r.Length.Seconds())
	}
	programs := map[string]*struct {
		memory []int
		cpu    []time.Duration
	}{}
	var memory []int
	var cpu []time.Duration
	for _, d := range r.Desktops {
		memory, cpu = append(memory, d.Memory), append(cpu, d.CPU)
		for _, p := range d.Processes {
			if programs[p.Name] == nil {
				programs[p.Name] = &struct {
					memory []int
					cpu    []time.Duration
				}{}
			}
			programs[p.Name].memory = append(programs[p.Name].memory, p.Memory)
			programs[p.Name].cpu = append(programs[p.Name].cpu, p.CPU)
		}
	}
	names := slices.SortedFunc(maps.Keys(programs), func(a, b string) int {
		return cmp.Or(cmp.Compare(median(programs[b].memory), median(programs[a].memory)), strings.Compare(a, b))
	})
	for _, name := range names {
		row("`"+name+"`", median(programs[name].memory), median(programs[name].cpu))
	}
	row("a desktop, median", median(memory), median(cpu))
	row("a desktop, the dearest", slices.Max(memory), slices.Max(cpu))
	row(fmt.Sprintf("%d desktops, extrapolated", crowd), crowd*median(memory), crowd*median(cpu))
	_, err := io.WriteString(w, b.String())
	return err
}
