package cli_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// The guide's table of budgets, between these lines.
const (
	budgetsBegin = "<!-- budgets: made by TestBudgetsOfTheGuide -->\n"
	budgetsEnd   = "<!-- end of budgets -->\n"
)

// The guide has the budget of every workload as it is gated; -update writes it.
func TestBudgetsOfTheGuide(t *testing.T) {
	var rows []string
	of := map[string][]string{} // the workloads of a row
	for _, s := range scenario.All() {
		for _, b := range s.Budgets {
			m, ok := gates.MetricOf(b.Metric)
			if !ok {
				t.Errorf("%s has a budget on %s, which gates do not know", s.Name, b.Metric)
			}
			row := fmt.Sprintf("| %s %s | %s |\n", b.Metric, gates.FormatValue(strings.TrimSuffix(m.Unit, " per session"), b.Max), b.Because)
			if of[row] == nil {
				rows = append(rows, row)
			}
			of[row] = append(of[row], s.Name)
		}
	}
	var want strings.Builder
	want.WriteString("| scenario | budget | why |\n|---|---|---|\n")
	for _, row := range rows {
		want.WriteString("| " + strings.Join(of[row], ", ") + " " + row)
	}
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), budgetsBegin)
	table, after, ends := strings.Cut(rest, budgetsEnd)
	if !begins || !ends {
		t.Fatalf("%s has no place for the budgets", guide)
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(guide, []byte(before+budgetsBegin+want.String()+budgetsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want.String() {
		t.Errorf("%s has other budgets than the table of scenarios: go test ./cmd/internal/cli -run %s -update\n%s", guide, t.Name(), table)
	}
	for _, s := range scenario.All() {
		if !strings.Contains(string(text), s.Name) && s.Suite != "" {
			t.Errorf("%s does not tell of %s", guide, s.Name)
		}
	}
}
