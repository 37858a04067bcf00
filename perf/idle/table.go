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

// readings are what several desktops, or their processes of one name, have cost.
type readings struct {
	memory []int // bytes
	cpu    []time.Duration
}

func (r *readings) add(memory int, cpu time.Duration) {
	r.memory, r.cpu = append(r.memory, memory), append(r.cpu, cpu)
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
	programs, whole := map[string]*readings{}, readings{}
	for _, d := range r.Desktops {
		whole.add(d.Memory, d.CPU)
		for _, p := range d.Processes {
			if programs[p.Name] == nil {
				programs[p.Name] = new(readings)
			}
			programs[p.Name].add(p.Memory, p.CPU)
		}
	}
	names := slices.SortedFunc(maps.Keys(programs), func(a, b string) int {
		return cmp.Or(cmp.Compare(median(programs[b].memory), median(programs[a].memory)), strings.Compare(a, b))
	})
	for _, name := range names {
		row("`"+name+"`", median(programs[name].memory), median(programs[name].cpu))
	}
	memory, cpu := median(whole.memory), median(whole.cpu)
	row("a desktop, median", memory, cpu)
	row("a desktop, the dearest", slices.Max(whole.memory), slices.Max(whole.cpu))
	row(fmt.Sprintf("%d desktops, extrapolated", crowd), crowd*memory, crowd*cpu)
	_, err := io.WriteString(w, b.String())
	return err
}
