package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/github"
	"github.com/alloc-dev/heaptop/gates/history"
	"github.com/alloc-dev/heaptop/gates/report"
	"github.com/alloc-dev/heaptop/tui/theme"
)

const githubLong = `Bring stored reports to where people look on GitHub: a comment on the pull request, an issue about what drifts, the summary
of the job. Several reports become one, as with heaptop report.

The token is read from GITHUB_TOKEN or GH_TOKEN. In a workflow everything else is known: the repository from
GITHUB_REPOSITORY, the pull request from the event, also after workflow_run. --dry-run prints the text and sends nothing.

When GitHub does not take the text, it goes to the job's summary, or to stdout outside of a job. A token that may only read
is a warning, as forks have no other.

Exit codes, whatever the verdict inside: 0 done, or the token may only read; 2 GitHub cannot be reached, or refuses; 3 what
was typed is wrong, or no report.`

// publication are the options of heaptop github.
type publication struct {
	env       *environment
	files     []string
	repo      string
	pr        int
	sha       string
	key       string
	author    string
	dry       bool
	threshold float64
	labels    []string
	history   string
	artifacts string
	missing   bool
}

func newGitHub(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "github comment|issue|summary FILE...",
		Short: "Bring reports to a pull request, an issue or the summary of a job",
		Long:  githubLong,
		Example: `  heaptop github comment report.json
  heaptop github comment --repo alloc-dev/heaptop --pr 12 --dry-run report.json
  heaptop github issue --threshold 2.7 --history .heaptop/history nightly.json
  heaptop github summary report.json`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			known := commandNames(c)
			return usagef("see heaptop github --help", "no command %q: heaptop github knows %s%s", args[0], strings.Join(known, ", "), didYouMean("", args[0], known))
		},
	}
	c.AddCommand(newGitHubComment(env), newGitHubIssue(env), newGitHubSummary(env))
	return c
}

func newGitHubComment(env *environment) *cobra.Command {
	o := &publication{env: env}
	c := o.command("comment FILE...", "Write or update the comment on the pull request", `Write the report as a comment on the pull request; the comment of an earlier run is updated. --key keeps several
comments apart. The comment of somebody else is never touched, whatever is in it.`,
		"  heaptop github comment report.json\n  heaptop github comment --sha \"$HEAD_SHA\" --key linux report.json", o.comment)
	f := c.Flags()
	f.IntVar(&o.pr, "pr", 0, "the `NUMBER` of the pull request; without it the event says it, or --sha")
	f.StringVar(&o.sha, "sha", "", "find the open pull request with this `COMMIT` at its head")
	o.bindAPI(c)
	return freeValues(c)
}

func newGitHubIssue(env *environment) *cobra.Command {
	o := &publication{env: env}
	c := o.command("issue FILE...", "Keep the one issue about what drifts: open it, update it, close it", `Keep one issue about what drifts. It is opened when a gate failed, when an overhead is above --threshold, or when --history
proves that something gated has grown; while that holds it is updated, with a comment when something changes; it is closed
with a comment when all is well again, and opened again if that does not last. One that a person closed stays closed, and
a new one is opened. What could not be measured closes nothing; --incomplete says that it has not even left a report.`,
		"  heaptop github issue --threshold 2.7 nightly.json\n  heaptop github issue --history .heaptop/history --dry-run nightly.json", o.issue)
	f := c.Flags()
	f.Float64Var(&o.threshold, "threshold", 0, "what an overhead ratio may be at most; 0 leaves that to the verdict")
	f.StringArrayVar(&o.labels, "label", []string{"performance", "memory", "needs-investigation"}, "a `LABEL` of a new issue; may be repeated")
	f.StringVar(&o.history, "history", "", "the `DIR` with earlier reports: what has grown in it is told")
	f.BoolVar(&o.missing, "incomplete", false, "something could not be measured and has left no report: close nothing")
	o.bindAPI(c)
	return freeValues(c)
}

func newGitHubSummary(env *environment) *cobra.Command {
	o := &publication{env: env}
	c := o.command("summary FILE...", "Append the report to the summary of the job", `Append the report to the file that GITHUB_STEP_SUMMARY names, as far as GitHub has room in it. No token is needed. Without
that variable it goes to stdout.`,
		"  heaptop github summary report.json\n  heaptop github summary --dry-run report.json", o.summary)
	f := c.Flags()
	f.StringVar(&o.history, "history", "", "the `DIR` with earlier reports: what has grown in it is told")
	return freeValues(c)
}

// command is what the three have in common.
func (o *publication) command(use, short, long, example string, run func(context.Context, *gates.Report) error) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example,
		ValidArgsFunction: cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("see "+c.CommandPath()+" --help", "want a report that heaptop --headless --output wrote")
			}
			o.files = args
			if err := o.check(); err != nil {
				return err
			}
			r, err := readMerged(o.files)
			if err != nil {
				return err
			}
			return run(c.Context(), r)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.repo, "repo", "", "the repository as `OWNER/NAME` (default: GITHUB_REPOSITORY)")
	f.StringVar(&o.artifacts, "artifact-url", "", "the `URL` of logs and reports (default: the run of the workflow)")
	f.BoolVar(&o.dry, "dry-run", false, "print the text and send nothing")
	return c
}

// bindAPI adds the flags of what is sent.
func (o *publication) bindAPI(c *cobra.Command) {
	c.Flags().StringVar(&o.key, "key", "memory", "a `WORD` that keeps several of one repository apart")
	c.Flags().StringVar(&o.author, "author", "", "the `ACCOUNT` of the token, where GitHub does not say it (default: github-actions[bot] then)")
}

// freeValues registers that the values of the flags are nobody's to guess.
func freeValues(c *cobra.Command) *cobra.Command {
	for _, name := range []string{"repo", "artifact-url", "key", "author", "pr", "sha", "threshold", "label"} {
		if c.Flags().Lookup(name) == nil {
			continue
		}
		if err := c.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions); err != nil {
			panic(err) // the flag was bound before
		}
	}
	return c
}

func readMerged(paths []string) (*gates.Report, error) {
	var list []stored
	for _, path := range paths {
		r, err := readReportFile(path)
		if err != nil {
			return nil, err
		}
		list = append(list, stored{path, r})
	}
	return merge(list), nil
}

// check refuses what was typed wrong, before anything is read.
func (o *publication) check() error {
	o.repo = cmp.Or(o.repo, o.env.Getenv("GITHUB_REPOSITORY"))
	if o.key != "" {
		if err := github.CheckKey(o.key); err != nil {
			return &usageError{fmt.Errorf("--key: %w", err), ""}
		}
	}
	switch {
	case o.pr < 0:
		return usagef("", "--pr %d: want the number of a pull request", o.pr)
	case o.pr > 0 && o.sha != "":
		return usagef("", "--pr and --sha both name the pull request: one of them")
	case o.sha != "" && !github.IsCommit(o.sha):
		return usagef("", "--sha %s: want the full name of a commit, 40 or 64 digits", o.sha)
	case !(o.threshold >= 0 && o.threshold < 1e9):
		return usagef("", "--threshold %g: want a ratio such as 2.7", o.threshold)
	}
	return nil
}

// text are the options of what is rendered. commit is where lines are linked to.
func (o *publication) text(commit string) github.CommentOptions {
	server := cmp.Or(o.env.Getenv("GITHUB_SERVER_URL"), "https://github.com")
	out := github.CommentOptions{Key: o.key, Server: server, Repo: o.repo, Commit: commit, Artifacts: o.artifacts}
	if run := o.env.Getenv("GITHUB_RUN_ID"); out.Artifacts == "" && run != "" && o.repo != "" {
		out.Artifacts = server + "/" + o.repo + "/actions/runs/" + run
	}
	return out
}

func (o *publication) client() (*github.Client, error) {
	token := cmp.Or(o.env.Getenv("GITHUB_TOKEN"), o.env.Getenv("GH_TOKEN"))
	const help = "in a workflow: env: { GITHUB_TOKEN: ${{ github.token }} }; or look at the text first with --dry-run"
	if token == "" {
		return nil, usagef(help, "no token: GITHUB_TOKEN and GH_TOKEN are not set")
	}
	c, err := github.New(github.Options{Token: token, Repo: o.repo, API: o.env.Getenv("GITHUB_API_URL"), Author: o.author, Say: o.say})
	if err != nil {
		return nil, &usageError{err, "name the repository with --repo OWNER/NAME; " + help}
	}
	return c, nil
}

// say tells of waits and of what was left out.
func (o *publication) say(text string) { printLines(o.env.Err, "heaptop: ", text) }

// comment writes the comment, and where GitHub does not take it the summary of the job.
func (o *publication) comment(ctx context.Context, r *gates.Report) error {
	event, err := o.event()
	if err != nil {
		return err
	}
	commit := cmp.Or(o.sha, event.SHA, r.Environment.Commit, o.env.Getenv("GITHUB_SHA"))
	body := github.Comment(r, o.text(commit))
	if o.dry {
		_, err := fmt.Fprint(o.env.Out, body)
		return err
	}
	return o.orElse(body, func() error {
		client, err := o.client()
		if err != nil {
			return err
		}
		number := cmp.Or(o.pr, event.PR)
		if o.sha != "" && o.pr == 0 {
			number = 0 // what was typed counts more than the event
		}
		if sha := cmp.Or(o.sha, event.SHA); number == 0 && sha != "" {
			if number, err = client.PullRequestOf(ctx, sha); err != nil {
				return err
			}
		}
		if number == 0 {
			return usagef("say it with --pr NUMBER or --sha COMMIT", "which pull request? The event names none")
		}
		w, err := client.PutComment(ctx, number, o.key, body)
		if err == nil {
			o.told("comment", w)
		}
		return err
	})
}

// event is what started the workflow; nothing is known outside of one.
func (o *publication) event() (github.Event, error) {
	path := o.env.Getenv("GITHUB_EVENT_PATH")
	if path == "" || o.pr > 0 {
		return github.Event{}, nil
	}
	e, err := github.ReadEvent(path)
	if err != nil {
		return e, &usageError{err, "GITHUB_EVENT_PATH names the file of the event; --pr makes it unnecessary"}
	}
	return e, nil
}

// told says what became of it, where people find it.
func (o *publication) told(what string, w github.Written) {
	verb := w.Did
	if verb == "nothing" {
		verb = "left as it is"
	}
	fmt.Fprintln(o.env.Out, theme.Clean(strings.TrimSpace(what+" "+verb+" "+w.URL)))
}

// orElse sends a text, and where that fails puts it into the summary of the job, or on stdout: a verdict is never lost.
func (o *publication) orElse(body string, send func() error) error {
	err := send()
	if err == nil {
		return nil
	}
	place := "the job's summary"
	path := o.env.Getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		place = "stdout"
		fmt.Fprint(o.env.Out, body)
	} else if also := appendSummary(path, body); also != nil {
		return errors.Join(err, also)
	}
	if errors.Is(err, github.ErrReadOnly) {
		o.say("warning: " + err.Error() + "; the report is in " + place)
		o.say("give the job permissions: { pull-requests: write, issues: write }; a pull request from a fork has none, use workflow_run for it")
		return nil
	}
	o.say("the report is in " + place)
	switch {
	case errors.Is(err, github.ErrToken):
		return &hinted{err, "see that the token is not expired, and is of this server"}
	case errors.Is(err, github.ErrNotFound):
		return &hinted{err, "see the name of the repository, and that the token may read it"}
	}
	return err
}

// summary writes the summary of the job.
func (o *publication) summary(_ context.Context, r *gates.Report) error {
	text := o.text(cmp.Or(r.Environment.Commit, o.env.Getenv("GITHUB_SHA")))
	drift, err := o.drift()
	if err != nil {
		return err
	}
	text.Drift = sentences(drift)
	path := o.env.Getenv("GITHUB_STEP_SUMMARY")
	if o.dry || path == "" {
		_, err := fmt.Fprint(o.env.Out, github.Summary(r, text, report.MaxSummary))
		return err
	}
	room := int64(report.MaxSummary - 1)
	if at, err := os.Stat(path); err == nil {
		room = max(0, room-at.Size())
	}
	body := github.Summary(r, text, int(room))
	if body == "" {
		return fmt.Errorf("write the job's summary %s: GitHub has no room for more than the %d bytes in it", path, report.MaxSummary-1-room)
	}
	return appendSummary(path, body)
}

// appendSummary appends to the summary of a step, where GitHub has room for it: it drops a larger one as a whole.
func appendSummary(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the job's summary: %w", err)
	}
	if at, statErr := file.Stat(); statErr == nil && at.Size()+int64(len(text))+1 > report.MaxSummary {
		err = fmt.Errorf("it holds %d bytes already, and %d more are beyond what GitHub takes", at.Size(), len(text))
	} else {
		_, err = file.WriteString(text + "\n")
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the job's summary %s: %w", path, err)
	}
	return nil
}

// drift is what the history proves to have grown.
func (o *publication) drift() ([]history.Drift, error) {
	if o.history == "" {
		return nil, nil
	}
	h, err := history.Read([]string{o.history})
	if err != nil {
		return nil, &usageError{err, "--history names the folder with earlier reports"}
	}
	for i, s := range h.Skipped {
		if i == 3 {
			o.say(fmt.Sprintf("%d more files of the history are left out", len(h.Skipped)-i))
			break
		}
		o.say("left out of the history: " + s.Path + ": " + s.Reason)
	}
	return h.Drift(), nil
}

const maxDriftTold = 20

func sentences(drift []history.Drift) []string {
	var out []string
	for i, d := range drift {
		if i == maxDriftTold {
			out = append(out, fmt.Sprintf("%d more have grown", len(drift)-i))
			break
		}
		out = append(out, d.String())
	}
	return out
}
