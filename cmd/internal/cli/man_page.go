package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manPage is one page: its file, and its text in the macros of man(7).
type manPage struct {
	name string
	text []byte
}

// manPages makes the pages of a command and of those below it. Help texts are plain: a line that begins with two spaces is as
// it is written, others are filled. They are no Markdown, which would lose <words> and join what stands in columns.
func manPages(c *cobra.Command, date string) []manPage {
	c.InitDefaultHelpFlag()
	list := []manPage{{manName(c) + ".1", []byte(manText(c, date))}}
	for _, sub := range manChildren(c) {
		list = append(list, manPages(sub, date)...)
	}
	return list
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func manChildren(c *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(c.Commands()), func(sub *cobra.Command) bool { return !sub.IsAvailableCommand() })
}

func manText(c *cobra.Command, date string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH \"%s\" \"1\" \"%s\" \"heaptop\" \"User Commands\"\n", roffWord(strings.ToUpper(manName(c))), date)
	b.WriteString(".nh\n.ad l\n") // names of flags and metrics are not torn apart
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roffWord(manName(c)), roffLine(lowerFirst(c.Short)))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n%s\n", roffLine(c.UseLine()))
	b.WriteString(".SH DESCRIPTION\n")
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	roffText(&b, long)
	manFlags(&b, "OPTIONS", c.NonInheritedFlags())
	manFlags(&b, "OPTIONS OF EVERY COMMAND", c.InheritedFlags())
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n")
		roffText(&b, c.Example)
	}
	var also []string
	if c.HasParent() {
		also = append(also, manName(c.Parent()))
	}
	for _, sub := range manChildren(c) {
		also = append(also, manName(sub))
	}
	for i, name := range also {
		if i == 0 {
			b.WriteString(".SH SEE ALSO\n")
		}
		comma := ","
		if i == len(also)-1 {
			comma = ""
		}
		fmt.Fprintf(&b, ".BR %s (1)%s\n", roffWord(name), comma)
	}
	return b.String()
}

// lowerFirst makes a phrase of a sentence, but for a word in capitals.
func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

func manFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	b.WriteString(".SH " + title + "\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		names := `\fB\-\-` + roffWord(f.Name) + `\fR`
		if f.Shorthand != "" {
			names = `\fB\-` + roffWord(f.Shorthand) + `\fR, ` + names
		}
		if value != "" {
			names += ` \fI` + roffWord(value) + `\fR`
		}
		if d := f.DefValue; !slices.Contains([]string{"", "0", "0s", "false", "[]"}, d) && !strings.Contains(usage, "(default") {
			usage += " (default " + d + ")"
		}
		b.WriteString(".TP\n" + names + "\n" + roffLine(usage) + "\n")
	})
}

// roffText writes paragraphs, and lines that begin with two spaces as they are.
func roffText(b *strings.Builder, text string) {
	filled, begun := true, false
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		if strings.TrimSpace(line) == "" {
			if !filled {
				b.WriteString(".fi\n")
				filled = true
			}
			b.WriteString(".PP\n")
			begun = false
			continue
		}
		if fill := !strings.HasPrefix(line, "  "); fill != filled {
			switch {
			case fill:
				b.WriteString(".fi\n")
			case begun:
				b.WriteString(".br\n.nf\n")
			default:
				b.WriteString(".nf\n")
			}
			filled = fill
		}
		begun = true
		b.WriteString(roffLine(line) + "\n")
	}
	if !filled {
		b.WriteString(".fi\n")
	}
}

// roffLine writes a line of text: no macro at its beginning, no escape within.
func roffLine(s string) string {
	s = roffWord(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, `\(aq`) {
		return `\&` + s
	}
	return s
}

// roffWord writes a text within a line. Dashes and quotes stay those that a shell takes.
func roffWord(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\(rs`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '\'':
			b.WriteString(`\(aq`)
		case r == '"':
			b.WriteString(`\(dq`)
		case r == '`':
			b.WriteString(`\(ga`)
		case r == '^':
			b.WriteString(`\(ha`)
		case r == '~':
			b.WriteString(`\(ti`)
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case r < ' ' || r == 0x7f:
		case r > '~':
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
