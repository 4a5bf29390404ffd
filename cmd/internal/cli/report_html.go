package cli

import (
	"cmp"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/history"
	"github.com/alloc-dev/heaptop/gates/report"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const formatHTML = "html"

// onPage is what a page of reports tells besides them: where each is from, their history and what it links to.
type onPage struct {
	history []string // folders and reports
	typed   []string // NAME=URL

	links   []page.Fact
	picture *picture
}

// parse reads what was typed, and the address of the run where GitHub Actions runs heaptop.
func (o *onPage) parse(env *environment, formats []string) error {
	asked := slices.ContainsFunc(formats, func(f string) bool { name, _, _ := strings.Cut(f, "="); return name == formatHTML })
	for flag, list := range map[string][]string{"--history": o.history, "--link": o.typed} {
		if len(list) > 0 && !asked {
			return usagef("add --format html=FILE", "%s is for the format html", flag)
		}
	}
	for _, t := range o.typed {
		name, address, _ := strings.Cut(t, "=")
		if name == "" || !linkable(address) { // it is not repeated here, as it may hold a password
			return usagef("such as --link profiles=https://example.com/profiles", "--link: want a name and an https address without a password")
		}
		o.links = append(o.links, page.Fact{Name: name, Value: address, Link: address})
	}
	if run := runAddress(env.Getenv); asked && run != "" {
		o.links = append(o.links, page.Fact{Name: "run", Value: run, Link: run})
	}
	return nil
}

// linkable says whether an address may stand on a page that others open.
func linkable(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil
}

// runAddress is where GitHub shows the run, with its artifacts; "" elsewhere.
func runAddress(getenv func(string) string) string {
	repo, run := getenv("GITHUB_REPOSITORY"), getenv("GITHUB_RUN_ID")
	address := cmp.Or(getenv("GITHUB_SERVER_URL"), "https://github.com") + "/" + repo + "/actions/runs/" + run
	if repo == "" || run == "" || !linkable(address) {
		return ""
	}
	return address
}

// read reads the history.
func (o *onPage) read(env *environment) error {
	if len(o.history) == 0 {
		return nil
	}
	from := &remembering{env: env, paths: o.history}
	h, err := from.read()
	if err != nil {
		return err
	}
	all := h.Series()
	shown, err := from.chosen(all)
	if err != nil {
		return err
	}
	o.picture = &picture{history: h, series: shown, hidden: len(all) - len(shown), drift: history.DriftOf(shown)}
	return nil
}

// extras are what the page tells besides the report that list was merged to.
func (o *onPage) extras(list []stored) report.Extras {
	out := report.Extras{Facts: o.links}
	if o.picture != nil {
		first, last := o.picture.facts()[1], o.picture.facts()[2]
		out.Facts = append(slices.Clone(out.Facts), page.Fact{Name: "history", Value: unit.Things(len(o.picture.history.Reports), "report") + ", " + first.Value + " to " + last.Value})
		out.Notes = o.picture.notes()
	}
	out.Parts = func(level int) []page.Part {
		var parts []page.Part
		if len(list) > 1 {
			parts = append(parts, reportsPart(list, max(pageRows>>level, 10)))
		}
		if o.picture != nil {
			parts = append(parts, o.picture.parts(level)...)
		}
		return parts
	}
	return out
}

// reportsPart is the table of the reports that a page is made of.
func reportsPart(list []stored, rows int) page.Part {
	t := &page.Table{Caption: "Reports of this page", Columns: []page.Column{{Title: "file", Code: true}, {Title: "verdict"}, {Title: "finished"}, {Title: "scenarios"},
		{Title: "system"}, {Title: "processor"}, {Title: "Go"}, {Title: "commit", Code: true}}}
	for _, s := range list {
		r, e := s.report, s.report.Environment
		finished := "-"
		if !r.FinishedAt.IsZero() {
			finished = r.FinishedAt.UTC().Format("2006-01-02 15:04 UTC")
		}
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{{Text: s.path}, {Text: string(r.Verdict), Tone: report.Tone(r.Verdict)}, {Text: finished},
			{Text: unit.Things(len(r.Scenarios), "scenario")}, {Text: e.OS + "/" + e.Arch}, {Text: e.CPU}, {Text: e.Go}, {Text: shortHash(e.Commit)}}})
	}
	return page.Part{Title: "Reports", Blocks: []page.Block{capRows(t, rows)}}
}

// withPage lets the outlets of the format html write the page of these reports.
func (r *reports) withPage(o *onPage, list []stored) {
	also := o.extras(list)
	for i := range r.list {
		if r.list[i].format.Name == formatHTML {
			r.list[i].format.Write = func(w io.Writer, all *gates.Report) error { return report.HTMLWith(w, all, also) }
		}
	}
}
