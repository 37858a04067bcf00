package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// foot is what has to be known to read the tables, a sentence each: what the machine's
// host withheld, what Chromium does to the answers to input, and which targets were kept.
func (r *Report) foot() []string {
	return slices.DeleteFunc([]string{r.withheld(), r.deferred(), r.promises()}, func(text string) bool { return text == "" })
}

// withheld says how much of the machine its host withheld while it was measured; ""
// where that was nothing. It voids no repetition: a shared host may withhold a tenth of
// a core for hours, and peers that take turns meet the same.
func (r *Report) withheld() string {
	most := slices.MaxFunc(append([]Result{{}}, r.Results...), func(a, b Result) int { return cmp.Compare(a.Steal, b.Steal) })
	if most.Steal < 0.005 {
		return ""
	}
	return fmt.Sprintf("The machine's host withheld %.2f of a core at most (%s).", most.Steal, most.name())
}

// promises says how many targets were kept, and names the others; "" if there are none.
func (r *Report) promises() string {
	outcomes := r.Outcomes()
	if len(outcomes) == 0 {
		return ""
	}
	var others []string
	for _, o := range outcomes {
		if !o.Kept {
			others = append(others, fmt.Sprintf("%s %s %s", o.name(), o.Metric, o))
		}
	}
	text := fmt.Sprintf("%d of %d targets kept", len(outcomes)-len(others), len(outcomes))
	if len(others) > 0 {
		text += ": " + strings.Join(others, "; ")
	}
	return text + "."
}

// deferred says why answers to input come later by WebSocket than by WebRTC; "" where
// none were measured.
func (r *Report) deferred() string {
	answers := func(result Result) bool { return slices.Contains([]string{"key", "click", "typing"}, result.Scenario) }
	if !slices.ContainsFunc(r.Results, answers) {
		return ""
	}
	return "After a key or a click Chromium holds a page's WebSocket messages back for up to a frame " +
		"(DeferRendererTasksAfterInput); what comes by WebRTC is not held back."
}
