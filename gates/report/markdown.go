package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const (
	maxMarkdown = 60_000 // bytes; GitHub takes 65,536 characters in a comment or an issue
	maxPhrase   = 600    // bytes of one sentence, before it is escaped
)

// Markdown writes GitHub flavoured Markdown of at most 60,000 bytes, so that it fits a comment: the verdict, what is no
// pass with what explains it, what to do next, and all numbers in a fold. What does not fit is counted. Nothing that a
// stranger named becomes markup, a link, a mention or the end of a table's cell.
func Markdown(w io.Writer, r *gates.Report) error {
	_, err := io.WriteString(w, markdown(r, maxMarkdown))
	return err
}

// markdown returns the report in at most room bytes, as long as the headline fits.
func markdown(r *gates.Report, room int) string {
	m := &bounded{left: room - 200} // for the line that says what is missing
	head := "## " + sign(r.Verdict) + " " + prose(headline(r)) + "\n"
	if at := where(r); at != "" {
		head += "\n" + prose(at) + "\n"
	}
	m.b.WriteString(head)
	m.left -= len(head)
	for _, warning := range atMost(r.Warnings, maxWarnings) {
		m.add("\n> " + prose(line(warning)) + "\n")
	}
	list := scenarios(r, func(s string) string { return s })
	bad := worstFirst(list)
	for i, s := range bad {
		if !m.add(markdownProblem(s)) {
			m.missed += len(bad) - i - 1 // the rest is less bad
			break
		}
	}
	m.passedNotes(list)
	m.stability(list)
	m.overheads(list)
	if m.missed > 0 {
		m.b.WriteString("\n" + unit.Things(m.missed, "part") + " of this report did not fit; the JSON report has all.\n")
		m.left, m.missed = min(m.left, 0), 0
	}
	if next := advice(r); len(next) > 0 {
		var b strings.Builder
		b.WriteString("\n**Next**\n\n")
		for _, a := range next {
			b.WriteString("* " + prose(a.text) + "\n")
			if a.code != "" {
				b.WriteString("  ```yaml\n  " + strings.ReplaceAll(a.code, "\n", "\n  ") + "\n  ```\n")
			}
		}
		m.add(b.String())
	}
	m.fold(list)
	return m.b.String()
}

// passedNotes adds what weakens the numbers of the scenarios that passed: the others' stand with their problems.
func (m *bounded) passedNotes(list []named) {
	for _, s := range list {
		if s.Verdict != gates.Passed {
			continue
		}
		for _, note := range notes(s.Scenario) {
			m.add("\n> " + MarkdownCode(s.label) + ": " + prose(note) + "\n")
		}
	}
}

// bounded is a text that takes whole blocks, as long as there is room.
type bounded struct {
	b      strings.Builder
	left   int // bytes
	missed int // blocks that did not fit
}

func (m *bounded) add(block string) bool {
	if len(block) > m.left {
		m.missed++
		return false
	}
	m.left -= len(block)
	m.b.WriteString(block)
	return true
}

// fold adds the table of all numbers, as far as there is room.
func (m *bounded) fold(list []named) {
	const begin = "\n<details><summary>All numbers</summary>\n\n" +
		"| scenario | metric | value | limit | baseline | change | verdict |\n| :-- | :-- | --: | --: | --: | --: | :-- |\n"
	const end = "\n</details>\n"
	m.left -= len(end)
	if len(list) == 0 || !m.add(begin) {
		return
	}
	for i, s := range list {
		var b strings.Builder
		for _, r := range rows(s.Scenario) {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", MarkdownCode(s.label), MarkdownCode(strings.TrimSpace(r.metric)), prose(r.value), prose(r.limit),
				prose(r.baseline), prose(r.change), prose(r.verdict))
		}
		if !m.add(b.String()) {
			fmt.Fprintf(&m.b, "\n%s more did not fit; the JSON report has all.\n", unit.Things(len(list)-i, "scenario"))
			break
		}
	}
	m.b.WriteString(end)
}

func markdownProblem(s named) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s %s %s\n\n", sign(s.Verdict), MarkdownCode(s.label), prose(name(string(s.Verdict))))
	all := findings(s.Scenario)
	for _, f := range all[:min(len(all), textFindings)] {
		b.WriteString("* " + prose(f.text) + "\n")
	}
	if len(all) > textFindings {
		fmt.Fprintf(&b, "* and %d more\n", len(all)-textFindings)
	}
	if s.Trend != nil && s.Trend.Verdict == "growing" {
		b.WriteString("* " + prose(trendWords(s.Trend)) + "\n")
	}
	if len(s.Blame) > 0 {
		b.WriteString("\n" + prose(blameTitle(s.Scenario)) + "\n\n| share | change | site |\n| --: | --: | :-- |\n")
	}
	for _, site := range s.Blame[:min(len(s.Blame), maxSites)] {
		share, change, at := blameWords(site)
		fmt.Fprintf(&b, "| %s | %s | %s |\n", prose(share), prose(change), MarkdownCode(at))
	}
	if s.BlameNote != "" {
		b.WriteString("\n" + prose(line(s.BlameNote)) + "\n")
	}
	for _, note := range notes(s.Scenario) {
		b.WriteString("\n> " + prose(note) + "\n")
	}
	return b.String()
}

// sign is the picture of a verdict, which always stands beside its word.
func sign(v gates.Verdict) string {
	switch v {
	case gates.Passed:
		return "✅"
	case gates.Warned:
		return "⚠️"
	case gates.Failed:
		return "❌"
	}
	return "❔"
}

// prose escapes a sentence that is safe to print, and cuts a very long one.
func prose(s string) string {
	if len(s) > maxPhrase {
		s = strings.ToValidUTF8(s[:maxPhrase], "") + "…"
	}
	return MarkdownText(s)
}

// MarkdownText makes a sentence of one line safe in GitHub's Markdown: no markup, no HTML, no link, no mention, no
// reference to an issue, and no end of a table's cell. GitHub looks for mentions and references in the finished text,
// where an entity has become its character again; an invisible space behind the sign is what keeps them from being one.
func MarkdownText(s string) string {
	s = strings.ReplaceAll(s, "www.", "www\x00")
	var b strings.Builder
	for i, r := range s {
		link := r == ':' && (strings.HasPrefix(s[i:], "://") || strings.HasPrefix(s[i:], "::")) // the second begins a command of GitHub Actions
		switch {
		case r == 0:
			b.WriteString("&#46;")
		case r == '@' || r == '#':
			fmt.Fprintf(&b, "&#%d;&#8203;", r)
		case r == '-' && issueNumber(s, i):
			b.WriteString("-&#8203;")
		case r == '_' && i > 0 && i+1 < len(s) && wordByte(s[i-1]) && wordByte(s[i+1]): // within a word it means nothing
			b.WriteRune(r)
		case link, r < 0x80 && strings.ContainsRune("\\`*_{}[]<>!|~&$", r):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// issueNumber reports whether the dash at i is the one of GH-12, which GitHub takes for an issue.
func issueNumber(s string, i int) bool {
	return i >= 2 && strings.EqualFold(s[i-2:i], "gh") && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9'
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// MarkdownCode makes a text of one line a piece of code that no character in it can end, in tables and in HTML too. Where
// it holds what a code span cannot, every character that means something becomes an entity.
func MarkdownCode(s string) string {
	if s == "" {
		return ""
	}
	if !strings.ContainsAny(s, "`|\\<>&") {
		return "`" + s + "`"
	}
	var b strings.Builder
	b.WriteString("<code>")
	for _, r := range s {
		if r < 0x80 && r != ' ' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			fmt.Fprintf(&b, "&#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteString("</code>")
	return b.String()
}
