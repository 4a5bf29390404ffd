package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
)

// acceptFor is for how long the advice suggests to accept a growth.
const acceptFor = 90 * 24 * time.Hour

// tip is something to do next; code, if any, is YAML to go with it.
type tip struct{ text, code string }

// advice says what to do next, each thing once, with the first scenario that it is about as the example.
func advice(r *gates.Report) []tip {
	var out []tip
	if len(r.Scenarios) == 0 {
		return []tip{{text: "name what shall be measured in heaptop.yml, which heaptop --headless reads, or behind --: heaptop --headless --limit peak_rss=64MB -- COMMAND"}}
	}
	for _, step := range []func(*gates.Scenario, time.Time) tip{adviseRegression, adviseLimit, adviseUnmeasured, adviseInconclusive, adviseSlack} {
		for i := range r.Scenarios {
			if a := step(&r.Scenarios[i], r.FinishedAt); a.text != "" {
				out = append(out, a)
				break
			}
		}
	}
	return out
}

func adviseRegression(s *gates.Scenario, at time.Time) tip {
	i := slices.IndexFunc(s.Comparisons, func(c gates.Comparison) bool {
		return c.Gated && c.Verdict == gates.Regressed && c.Accepted == "" && there(c.ChangePercent)
	})
	if i < 0 {
		return tip{}
	}
	c := s.Comparisons[i]
	return tip{
		text: "undo the growth of " + name(c.Metric) + " in " + name(s.Name) + "; or, if it is wanted, accept it for a while in heaptop.yml:",
		code: "accept:\n" + acceptEntry(s.Name, c, at),
	}
}

// acceptEntry is the entry of heaptop.yml that accepts a growth whose size is known.
func acceptEntry(scenario string, c gates.Comparison, at time.Time) string {
	until := "DATE"
	if !at.IsZero() {
		until = at.UTC().Add(acceptFor).Format(time.DateOnly)
	}
	return fmt.Sprintf("  - { scenario: %s, metric: %s, up_to: %s,\n      until: %s, because: \"...\" }",
		yamlWord(scenario), yamlWord(c.Metric), percent(math.Ceil(*c.ChangePercent+0.5)), until)
}

func adviseLimit(s *gates.Scenario, _ time.Time) tip {
	i := slices.IndexFunc(s.Gates, func(g gates.Gate) bool { return g.Verdict == gates.Failed && there(g.Value) })
	if i < 0 {
		return tip{}
	}
	g := s.Gates[i]
	how := "heaptop debug hotspots names the allocation sites of a running process"
	switch {
	case s.Overhead != nil:
		how = "the breakdown names the documents that take the most"
	case g.Metric == "used_memory" || g.Metric == "peak_used_memory":
		how = "the dashboard lists the biggest keys and clients of a Redis server, and heaptop debug leaks names what grows"
	case len(s.Blame) > 0:
		how = "the sites that grew are where to look"
	}
	return tip{text: fmt.Sprintf("bring %s of %s below its limit: %s; or raise the limit on purpose, measured was %s",
		name(g.Metric), name(s.Name), how, quantity(g.Unit, *g.Value))}
}

func adviseUnmeasured(s *gates.Scenario, _ time.Time) tip {
	switch {
	case s.Verdict != gates.Unmeasured:
		return tip{}
	case s.Error != "" && (s.Kind == gates.KindCommand || s.Kind == gates.KindBench):
		return tip{text: name(s.Name) + " could not be measured, which is no pass: see that its command works by itself, then run it again"}
	}
	return tip{text: name(s.Name) + " could not be measured, which is no pass: remove what is in the way, then run it again"}
}

func adviseInconclusive(s *gates.Scenario, _ time.Time) tip {
	i := slices.IndexFunc(s.Comparisons, func(c gates.Comparison) bool { return c.Gated && c.Verdict == gates.Inconclusive })
	if i < 0 {
		return tip{}
	}
	return tip{text: "for a verdict on " + name(s.Comparisons[i].Metric) + " of " + name(s.Name) +
		" allow a larger max_increase, or gate a metric that repeats exactly: allocs, alloc_bytes, or live_heap at a checkpoint"}
}

func adviseSlack(s *gates.Scenario, _ time.Time) tip {
	i := slices.IndexFunc(s.Gates, func(g gates.Gate) bool {
		return g.Verdict == gates.Passed && there(g.SetTo) && there(g.HeadroomPercent)
	})
	if i < 0 {
		return tip{}
	}
	g := s.Gates[i]
	return tip{text: fmt.Sprintf("the limit of %s in %s leaves %s free, so it would miss a large growth: the most that was measured is %s",
		name(g.Metric), name(s.Name), percent(math.Round(*g.HeadroomPercent)), quantity(g.Unit, *g.SetTo))}
}

// yamlWord makes a name one word of YAML within braces.
func yamlWord(s string) string {
	s = name(s)
	plain := func(r rune) bool {
		return r < 0x80 && (r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}
	if s != "" && s[0] > '9' && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return strings.ReplaceAll(strconv.Quote(s), "<!--", `\u003c!--`) // so that no name looks like a hidden marker of a comment
}
