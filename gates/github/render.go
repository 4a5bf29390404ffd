package github

import (
	"fmt"
	"hash/fnv"
	"net/url"
	"path"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report"
)

// MaxComment is how many characters GitHub takes in a comment or an issue. Bytes are counted, which are never fewer.
const MaxComment = 65536

// CommentOptions say what a comment, an issue or a summary has besides the report.
type CommentOptions struct {
	Key       string   // CheckKey holds
	Server    string   // of the repository, "" is https://github.com
	Repo      string   // owner/name
	Commit    string   // where the lines are linked to; the report's own commit where it is ""
	Artifacts string   // the address of the artifacts or of the run, "" for none; only one of http or https is written
	Drift     []string // what the history says, a sentence each
}

// Comment renders the comment on a pull request, with the marker by which PutComment finds it at its end. It has at most
// MaxComment bytes.
func Comment(r *gates.Report, o CommentOptions) string {
	return marked(r, o, marker("comment", o.Key))
}

// Issue renders the text of the issue about a report that exceeds something, as Comment does.
func Issue(r *gates.Report, o CommentOptions) string {
	return marked(r, o, marker("issue", o.Key))
}

// Summary renders what a job shows as its summary, in at most room bytes; it is empty where not even the verdict fits.
func Summary(r *gates.Report, o CommentOptions, room int) string {
	text := report.Comment(r, o.report(room))
	if len(text) > room {
		return ""
	}
	return text
}

// notesRoom is kept free for what an issue notes behind its text.
const notesRoom = 400

func marked(r *gates.Report, o CommentOptions, mark string) string {
	return report.Comment(r, o.report(MaxComment-len(mark)-notesRoom)) + "\n" + mark + "\n"
}

func (o CommentOptions) report(room int) report.CommentOptions {
	out := report.CommentOptions{Room: room, Notes: o.Drift}
	if to := linkable(o.Artifacts); to != "" {
		out.Links = append(out.Links, report.Link{Text: "logs and reports", URL: to})
	}
	if repoForm.MatchString(o.Repo) && IsCommit(o.Commit) {
		server := linkable(o.Server)
		if server == "" {
			server = "https://github.com"
		}
		out.Source = func(file string, line int) string {
			if !sourceForm.MatchString(file) || path.Clean(file) != file || strings.HasPrefix(file, "../") {
				return ""
			}
			return fmt.Sprintf("%s/%s/blob/%s/%s#L%d", strings.TrimSuffix(server, "/"), o.Repo, o.Commit, file, line)
		}
	}
	return out
}

// sourceForm is a file within the repository. A file of another module, or of the standard library, is named in reports
// without its folder; it has none here, and is not linked.
var sourceForm = pattern(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_.+-]+)*/[A-Za-z0-9_.+-]+\.(go|s|c|h|cc|cpp)$`)

// linkable returns an address that can stand in Markdown as it is, or "".
func linkable(address string) string {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" || at.User != nil || strings.ContainsAny(address, " ()<>[]\\\"'`|\n\r\t") {
		return ""
	}
	for _, r := range address {
		if r <= ' ' || r > '~' {
			return ""
		}
	}
	return address
}

// StateOf is a word that changes when other gates, or other comparisons, are no pass.
func StateOf(r *gates.Report) string {
	h := fnv.New64a()
	add := func(parts ...string) { h.Write([]byte(strings.Join(parts, "\x00") + "\x01")) }
	add(string(r.Verdict))
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		if s.Verdict == gates.Passed {
			continue
		}
		add("scenario", s.Name, string(s.Verdict))
		for _, g := range s.Gates {
			if g.Verdict != gates.Passed {
				add("gate", g.Metric, string(g.Verdict))
			}
		}
		for _, c := range s.Comparisons {
			if c.Gated && c.Means() != gates.Passed {
				add("comparison", c.Metric, c.Verdict, c.Severity)
			}
		}
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
