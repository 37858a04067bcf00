package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dashboard is what is looked at of one of Grafana's.
type dashboard struct {
	UID, Title string
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []struct {
		ID          int
		Type, Title string
		Datasource  struct{ UID string }
		GridPos     struct{ H, W, X, Y int }
		Targets     []struct {
			RefID, Expr string
			Datasource  struct{ UID string }
		}
	}
}

// metricName finds the names of metrics in an expression of PromQL: those of this
// binary's own, and of the runtime's and the process's.
var metricName = regexp.MustCompile(`\b(?:lucarne|go|process)_[a-z0-9_]+`)

// Every expression of the dashboard asks for something that this binary tells, and all that
// it tells of itself is asked for.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../../images/deploy/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" || len(d.Panels) == 0 {
		t.Errorf("uid %q, title %q, %d panels", d.UID, d.Title, len(d.Panels))
	}
	_, told := series(scraped(t, example(t)))
	asked, ids := map[string]bool{}, map[int]bool{}
	ask := func(where, expression string) {
		names := metricName.FindAllString(expression, -1)
		if len(names) == 0 {
			t.Errorf("%s: no metric in %q", where, expression)
		}
		for _, name := range names {
			asked[name] = true
			if !told[name] {
				t.Errorf("%s asks for %s, which nobody tells", where, name)
			}
		}
	}
	source := false
	for _, v := range d.Templating.List {
		source = source || v.Name == "datasource" && v.Type == "datasource"
		if v.Definition != "" {
			ask("variable "+v.Name, v.Definition)
		}
	}
	if !source {
		t.Error("no variable for the data source")
	}
	for _, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] {
			t.Errorf("panel %q: id %d is none, or another panel's", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.GridPos.W <= 0 || p.GridPos.H <= 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q lies at %+v", p.Title, p.GridPos)
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("panel %q asks for nothing", p.Title)
		}
		var refs []string
		for _, target := range p.Targets {
			if slices.Contains(refs, target.RefID) || p.Datasource.UID != "${datasource}" || target.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q: query %s is not the only one of its name, or has no data source", p.Title, target.RefID)
			}
			refs = append(refs, target.RefID)
			ask("panel "+p.Title, target.Expr)
		}
	}
	family := regexp.MustCompile(`_(sum|count)$`)
	for name := range told {
		if strings.HasPrefix(name, "lucarne_") && !family.MatchString(name) && !asked[name] {
			t.Errorf("%s is told, and in no panel", name)
		}
	}
}
