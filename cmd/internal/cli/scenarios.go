package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/scenario"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const scenariosLong = `List the built-in scenarios: workloads on real components, which prove that the gates work and show how scenarios of your own
can look.

--suite of heaptop --headless measures one group of them, --scenario some, heaptop --headless alone the three suites
terminal_operations, plugin_system and load_testing. A policy names one, or a suite, by builtin.

Figures per session are divided by the sessions. A scenario with a budget of its own has it in place of the preset's limit.`

// listing are the options of heaptop scenarios.
type listing struct {
	env    *environment
	format string
	suite  string
}

func listFormats() []string { return []string{"text", "json"} }

func newScenarios(env *environment) *cobra.Command {
	o := &listing{env: env, format: "text"}
	c := &cobra.Command{
		Use:     "scenarios",
		Short:   "List the built-in scenarios",
		Long:    scenariosLong,
		Example: "  heaptop scenarios\n  heaptop scenarios --suite stability\n  heaptop scenarios --format json",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("see heaptop scenarios --help", "scenarios takes no argument, and %q was typed", args[0])
			}
			return o.run()
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := c.Flags()
	f.SortFlags = false
	f.Var(&choice{&o.format, listFormats(), "unknown format, known are"}, "format", "how to show them")
	f.Var(&choice{&o.suite, scenario.Suites(), "unknown suite, known are"}, "suite", "only those of one `SUITE`: "+strings.Join(scenario.Suites(), ", "))
	return c
}

// listed is a scenario as the list has it.
type listed struct {
	Name     string         `json:"name"`
	Suite    string         `json:"suite,omitempty"`
	Summary  string         `json:"summary"`
	Sessions int            `json:"sessions"`
	Steps    int            `json:"steps,omitempty"` // of one measurement; absent where it serves until it is ended
	Rate     float64        `json:"steps_per_second,omitempty"`
	Budgets  []listedBudget `json:"budgets,omitempty"`
}

type listedBudget struct {
	Metric  string  `json:"metric"`
	Max     float64 `json:"max"`
	Unit    string  `json:"unit"`
	Because string  `json:"because"`
}

func (o *listing) list() []listed {
	list := []listed{}
	for _, s := range scenario.All() {
		if o.suite != "" && s.Suite != o.suite {
			continue
		}
		l := listed{Name: s.Name, Suite: s.Suite, Summary: s.Summary, Sessions: max(s.Sessions, 1), Steps: s.Steps, Rate: s.Rate}
		for _, b := range s.Budgets {
			m, _ := gates.MetricOf(b.Metric)
			l.Budgets = append(l.Budgets, listedBudget{b.Metric, b.Max, m.Unit, b.Because})
		}
		list = append(list, l)
	}
	return list
}

func (o *listing) run() error {
	list := o.list()
	if o.format == "json" {
		e := json.NewEncoder(o.env.Out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(list)
	}
	return writeScenarios(o.env.Out, list)
}

// writeScenarios prints the list in its groups, and below each the budgets that its scenarios have.
func writeScenarios(to io.Writer, list []listed) error {
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].Suite == list[0].Suite {
			n++
		}
		if err := writeSuite(to, list[:n]); err != nil {
			return err
		}
		if list = list[n:]; len(list) > 0 {
			fmt.Fprintln(to)
		}
	}
	return nil
}

func writeSuite(to io.Writer, list []listed) error {
	if list[0].Suite != "" {
		fmt.Fprintln(to, list[0].Suite)
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	var budgets []listedBudget
	of := map[listedBudget][]string{}
	for _, s := range list {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", s.Name, unit.Things(s.Sessions, "session"), s.Summary)
		for _, b := range s.Budgets {
			if of[b] == nil {
				budgets = append(budgets, b)
			}
			of[b] = append(of[b], s.Name)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, b := range budgets {
		fmt.Fprintf(to, "  Budget of %s:\n    %s at most %s. %s\n", strings.Join(of[b], ", "), b.Metric, gates.FormatValue(b.Unit, b.Max), b.Because)
	}
	return nil
}
