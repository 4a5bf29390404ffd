package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

const (
	maxAnnotations = 9    // and one that says how many more; GitHub shows ten of a step
	maxMessage     = 3000 // bytes of one
)

// MaxSummary is how many bytes GitHub takes for the summary of one step; it drops a larger one as a whole.
const MaxSummary = 1 << 20

// GitHub writes annotations for GitHub Actions: an error for what failed or could not be measured, at the file and line
// that carry the most of a growth where they are known, and a warning for what is one. There are at most nine and one more
// that says how many were left out, errors first. A report that passed is a notice.
func GitHub(w io.Writer, r *gates.Report) error {
	b := &strings.Builder{}
	list := scenarios(r, func(s string) string { return s })
	var all []annotation
	for _, s := range worstFirst(list) {
		for _, f := range findings(s.Scenario) {
			all = append(all, annotate(s, f))
		}
	}
	// Of several scenarios the errors come first, also those of a scenario that is named later.
	var sorted []annotation
	for _, level := range []string{"error", "warning"} {
		for _, a := range all {
			if a.level == level {
				sorted = append(sorted, a)
			}
		}
	}
	switch {
	case len(list) == 0:
		sorted = []annotation{{level: "error", title: "heaptop", text: headline(r)}}
	case len(sorted) == 0:
		sorted = []annotation{{level: "notice", title: "heaptop", text: headline(r)}}
	}
	for _, a := range sorted[:min(len(sorted), maxAnnotations)] {
		a.write(b)
	}
	if more := len(sorted) - maxAnnotations; more > 0 {
		rest := annotation{level: sorted[maxAnnotations].level, title: "heaptop", text: fmt.Sprintf("%d more; the summary and the report have all", more)}
		rest.write(b)
	}
	return write(w, b)
}

// GitHubSummary writes the Markdown for the file that GITHUB_STEP_SUMMARY names, at most room bytes: MaxSummary less what
// the file holds already. It writes nothing where the headline has no room.
func GitHubSummary(w io.Writer, r *gates.Report, room int) error {
	text := markdown(r, min(room, MaxSummary))
	if len(text) > room {
		return nil
	}
	_, err := io.WriteString(w, text)
	return err
}

type annotation struct {
	level, title, text string
	file               string // empty: of no place
	line               int
}

func annotate(s named, f finding) annotation {
	a := annotation{level: "error", title: "heaptop: " + s.label, text: f.text}
	if f.verdict == gates.Warned {
		a.level = "warning"
	}
	if f.grown {
		for _, site := range s.Blame {
			if file, at, ok := place(name(site.Site)); ok {
				a.file, a.line = file, at
				break
			}
		}
		a.text += blameText(s.Scenario)
	}
	if len(a.text) > maxMessage {
		a.text = strings.ToValidUTF8(a.text[:maxMessage], "") + "…"
	}
	return a
}

func (a annotation) write(b *strings.Builder) {
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	b.WriteString("::" + a.level + " ")
	if a.file != "" {
		fmt.Fprintf(b, "file=%s,line=%d,", property.Replace(a.file), a.line)
	}
	b.WriteString("title=" + property.Replace(a.title) + "::" + message.Replace(a.text) + "\n")
}
