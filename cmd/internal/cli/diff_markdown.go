package cli

import (
	"fmt"
	"strings"

	"github.com/alloc-dev/heaptop/gates/report"
)

// diffMarkdown prints the report as GitHub's Markdown. Texts from files are code, so that nothing in them is markup, a
// mention or a link.
func diffMarkdown(r *diffReport) string {
	var b strings.Builder
	b.WriteString("# Memory compared\n\n")
	for _, s := range r.Sides {
		fmt.Fprintf(&b, "* %s: %s", s.Word, code(s.Name))
		if s.Time != "" {
			b.WriteString(", " + s.Time)
		}
		if s.Program != "" {
			b.WriteString(", " + code(s.Program))
		}
		if s.Word == "to" && r.Later != "" {
			b.WriteString(", " + r.Later)
		}
		if s.Note != "" {
			b.WriteString(", " + code(s.Note))
		}
		b.WriteByte('\n')
	}
	if r.Filter != "" {
		b.WriteString("* filter: " + code(r.Filter) + "\n")
	}
	for _, w := range r.Warnings {
		b.WriteString("\n> ⚠ " + code(w) + "\n")
	}
	for i := range r.Lists {
		markdownList(&b, &r.Lists[i])
	}
	return b.String()
}

func markdownList(b *strings.Builder, l *diffList) {
	fmt.Fprintf(b, "\n## %s\n\n", l.Title)
	if l.Note != "" {
		b.WriteString(l.Note + "\n\n")
	}
	if len(l.Rows) > 0 {
		markdownTable(b, l)
	}
	if l.More != "" {
		b.WriteString("\n" + l.More + "\n")
	}
	for i := range l.Rows {
		markdownStack(b, &l.Rows[i])
	}
}

func markdownTable(b *strings.Builder, l *diffList) {
	var rule strings.Builder
	for i, c := range l.Columns {
		b.WriteString("| " + strings.ToLower(c.Title) + " ")
		if i == len(l.Columns)-1 {
			rule.WriteString("| :-- ")
		} else {
			rule.WriteString("| --: ")
		}
	}
	b.WriteString("|\n" + rule.String() + "|\n")
	for _, row := range l.Rows {
		for i, c := range row.Cells {
			if l.Columns[i].Code {
				c = code(c)
			}
			b.WriteString("| " + c + " ")
		}
		b.WriteString("|\n")
	}
}

// markdownStack prints the stack of a row, folded.
func markdownStack(b *strings.Builder, row *diffRow) {
	if len(row.Stack) == 0 {
		return
	}
	fmt.Fprintf(b, "\n<details><summary>%s %s</summary>\n\n", row.Cells[0], code(row.Cells[len(row.Cells)-1]))
	if row.Detail != "" {
		b.WriteString(row.Detail + "\n\n")
	}
	for _, f := range row.Stack {
		b.WriteString("* " + code(f.Full) + "\n")
	}
	b.WriteString("\n</details>\n")
}

// code makes a text of one line a piece of code in Markdown.
func code(s string) string { return report.MarkdownCode(s) }
