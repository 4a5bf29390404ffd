package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const (
	maxCommentSites  = 5  // of one scenario
	maxCommentAccept = 20 // entries to paste
)

// CommentOptions say what goes into a comment besides the report.
type CommentOptions struct {
	Room   int                                // bytes at most; the headline is written even where it has no room
	Source func(file string, line int) string // the address of a line of the repository's own files, "" where there is none; nil: no links
	Links  []Link                             // behind the report, of the caller and not of strangers
	Notes  []string                           // sentences below the headline, which may hold names of strangers
}

// Link is an address that the caller vouches for. Text is plain.
type Link struct{ Text, URL string }

// Comment returns the report as people discuss it on a pull request or in an issue, in GitHub flavoured Markdown: the
// verdict in the first line, regressions with their interval and severity, what else is no pass, the gates with their
// headroom, the sites that carry a growth, improvements, how to measure it again at home and how to accept it. What is most
// important comes first and what has no room is counted. Nothing that a stranger named becomes markup, a link or a mention.
func Comment(r *gates.Report, o CommentOptions) string {
	m := &bounded{left: o.Room - 200} // for the line that says what is missing
	head := "## " + sign(r.Verdict) + " " + prose(headline(r)) + "\n"
	if at := where(r); at != "" {
		head += "\n" + prose(at) + "\n"
	}
	m.b.WriteString(head)
	m.left -= len(head)
	list := scenarios(r, func(s string) string { return s })
	for _, note := range slices.Concat(o.Notes, atMost(r.Warnings, maxWarnings)) {
		m.add("\n> " + prose(line(note)) + "\n")
	}
	again := commentAgain(r)
	m.left -= len(again) // it has its place, however much there is to tell
	commentFindings(m, list)
	commentGates(m, list)
	for _, s := range list {
		if len(s.Blame) > 0 && s.Verdict != gates.Passed {
			m.add(commentSites(s, o.Source))
		}
	}
	commentImproved(m, list)
	m.left += len(again)
	m.add(again)
	m.add(commentAccept(r))
	for _, s := range list {
		for _, note := range notes(s.Scenario) {
			m.add("\n> " + MarkdownCode(s.label) + ": " + prose(note) + "\n")
		}
	}
	for _, l := range o.Links {
		m.add("\n[" + prose(line(l.Text)) + "](" + l.URL + ")\n")
	}
	if m.missed > 0 {
		m.b.WriteString("\n" + unit.Things(m.missed, "part") + " of this report did not fit; the JSON report has all.\n")
	}
	return m.b.String()
}

// commentFindings writes what is no pass: regressions first, then limits and what was not measured, then warnings.
func commentFindings(m *bounded, list []named) {
	type told struct {
		rank int
		text string
	}
	var all []told
	for _, s := range worstFirst(list) {
		for _, f := range findings(s.Scenario) {
			t := told{severity(f.verdict) * 2, "* " + sign(f.verdict) + " " + MarkdownCode(s.label) + ": " + prose(f.text) + "\n"}
			if c := regressionOf(s.Scenario, f); c != nil {
				t.rank++
				if c.Severity == gates.SeverityCritical {
					t.text = "* 🚨 **critical** " + strings.TrimPrefix(t.text, "* ")
				}
			}
			all = append(all, t)
		}
		if s.Trend != nil && s.Trend.Verdict == "growing" {
			all = append(all, told{0, "* " + MarkdownCode(s.label) + ": " + prose(trendWords(s.Trend)) + "\n"})
		}
	}
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b told) int { return cmp.Compare(b.rank, a.rank) })
	m.add("\n**What is no pass**\n\n")
	for i, t := range all {
		if !m.add(t.text) {
			m.missed += len(all) - i - 1 // the rest is less bad
			return
		}
	}
}

// regressionOf is the comparison that a finding tells, nil where it tells something else.
func regressionOf(s *gates.Scenario, f finding) *gates.Comparison {
	for i := range s.Comparisons {
		c := &s.Comparisons[i]
		if c.Gated && c.Verdict == gates.Regressed && c.Metric == f.metric && comparisonWords(*c) == f.text {
			return c
		}
	}
	return nil
}

// commentGates writes the table of the limits, the worst first.
func commentGates(m *bounded, list []named) {
	type gate struct {
		of string
		gates.Gate
	}
	var all []gate
	for _, s := range list {
		for _, g := range s.Gates {
			all = append(all, gate{s.label, g})
		}
	}
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b gate) int { return severity(b.Verdict) - severity(a.Verdict) })
	head := "\n| scenario | gate | value | limit | headroom | verdict |\n| :-- | :-- | --: | --: | --: | :-- |\n"
	for i, g := range all {
		value, headroom := "", ""
		if there(g.Value) {
			value = quantity(g.Unit, *g.Value)
		}
		if there(g.HeadroomPercent) {
			headroom = percent(*g.HeadroomPercent)
		}
		row := fmt.Sprintf("| %s | %s | %s | %s | %s | %s %s |\n", MarkdownCode(g.of), MarkdownCode(name(g.Metric)), prose(value),
			prose(quantity(g.Unit, g.Limit)), prose(headroom), sign(g.Verdict), prose(name(string(g.Verdict))))
		if !m.add(head + row) {
			m.missed += len(all) - i - 1
			return
		}
		head = ""
	}
}

// commentSites writes where the growth of a scenario comes from, with links to the lines.
func commentSites(s named, source func(string, int) string) string {
	var b strings.Builder
	b.WriteString("\n" + MarkdownCode(s.label) + ": " + prose(blameTitle(s.Scenario)) + "\n\n| share | change | site |\n| --: | --: | :-- |\n")
	for _, site := range s.Blame[:min(len(s.Blame), maxCommentSites)] {
		share, change, at := blameWords(site)
		cell := MarkdownCode(at)
		if file, number, ok := place(at); ok && source != nil {
			if to := source(file, number); to != "" {
				cell = "[" + cell + "](" + to + ")"
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", prose(share), prose(change), cell)
	}
	if s.BlameNote != "" {
		b.WriteString("\n" + prose(line(s.BlameNote)) + "\n")
	}
	return b.String()
}

// commentImproved names what became smaller.
func commentImproved(m *bounded, list []named) {
	var b strings.Builder
	n := 0
	for _, s := range list {
		for _, c := range s.Comparisons {
			if c.Verdict == gates.Improved {
				b.WriteString("* " + MarkdownCode(s.label) + ": " + prose(comparisonWords(c)) + "\n")
				n++
			}
		}
	}
	if n > 0 {
		m.add("\n<details><summary>" + unit.Things(n, "improvement") + "</summary>\n\n" + b.String() + "\n</details>\n")
	}
}

// commentAgain is the command that measures the same at home, with the seed of the order of the runs.
func commentAgain(r *gates.Report) string {
	var names []string
	against := ""
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		if s.Verdict == gates.Passed {
			continue
		}
		if !plainWord(s.Name) {
			names = []string{"all"} // a shell may read more into that name than its letters
			break
		}
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return ""
	}
	for i := range r.Scenarios {
		for _, c := range r.Scenarios[i].Comparisons {
			for word := range strings.FieldsSeq(c.Against) {
				if against == "" && len(word) >= 10 && strings.Trim(word, "0123456789abcdef") == "" {
					against = word
				}
			}
		}
	}
	command := "heaptop --headless --scenario " + strings.Join(names[:min(len(names), 50)], ",")
	if against != "" {
		command += " --against " + against
	}
	if r.Seed > 0 {
		command += " --seed " + strconv.FormatUint(r.Seed, 10)
	}
	return "\n**Measure it again**\n\n```sh\n" + command + "\n```\n"
}

// plainWord reports whether a name means nothing but itself to a shell and to --scenario.
func plainWord(s string) bool {
	return s != "" && s[0] != '-' && len(s) <= maxName && strings.IndexFunc(s, func(r rune) bool {
		return r >= 0x80 || !wordByte(byte(r)) && !strings.ContainsRune("_-./", r)
	}) < 0
}

// commentAccept is what goes into heaptop.yml where the growth is wanted.
func commentAccept(r *gates.Report) string {
	var entries []string
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		for _, c := range s.Comparisons {
			if c.Gated && c.Verdict == gates.Regressed && c.Accepted == "" && there(c.ChangePercent) && len(entries) < maxCommentAccept {
				entries = append(entries, acceptEntry(s.Name, c, r.FinishedAt))
			}
		}
	}
	if len(entries) == 0 {
		return ""
	}
	return "\n**Accept it**: where the growth is wanted, write why into heaptop.yml:\n\n```yaml\naccept:\n" + strings.Join(entries, "\n") + "\n```\n"
}
