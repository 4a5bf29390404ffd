package github

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/go-github/v88/github"
)

const maxEvent = 32 << 20 // bytes of the file that GITHUB_EVENT_PATH names; GitHub's payloads have at most 25 MB

// Event is what is needed of the event that started a workflow.
type Event struct {
	PR    int    // the number of the pull request, 0 where the event has none
	SHA   string // the commit at the head of the pull request, or of the run that has ended; "" where there is none
	RunID int64  // the run that has ended, of workflow_run
}

// ReadEvent reads the file that GITHUB_EVENT_PATH names.
func ReadEvent(path string) (Event, error) {
	f, err := os.Open(path)
	if err != nil {
		return Event{}, fmt.Errorf("read the event: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxEvent+1))
	if err != nil {
		return Event{}, fmt.Errorf("read the event %s: %w", path, err)
	}
	if len(data) > maxEvent {
		return Event{}, fmt.Errorf("read the event %s: it is larger than %d MiB", path, maxEvent>>20)
	}
	e, err := parseEvent(data)
	if err != nil {
		return Event{}, fmt.Errorf("read the event %s: %w", path, err)
	}
	return e, nil
}

// parseEvent reads the payload of pull_request and of workflow_run. Of any other event nothing is known. A pull request that
// workflow_run lists is not used: the list is empty for forks, so that the commit has to be asked for anyway.
func parseEvent(data []byte) (Event, error) {
	var in struct {
		PullRequest *struct {
			Number int `json:"number"`
			Head   struct {
				SHA string `json:"sha"`
			} `json:"head"`
		} `json:"pull_request"`
		WorkflowRun *struct {
			ID      int64  `json:"id"`
			HeadSHA string `json:"head_sha"`
		} `json:"workflow_run"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return Event{}, err
	}
	var e Event
	switch {
	case in.WorkflowRun != nil:
		e = Event{SHA: in.WorkflowRun.HeadSHA, RunID: in.WorkflowRun.ID}
	case in.PullRequest != nil:
		e = Event{PR: in.PullRequest.Number, SHA: in.PullRequest.Head.SHA}
	}
	if e.RunID < 0 {
		return Event{}, fmt.Errorf("workflow run %d: that is none", e.RunID)
	}
	if e.PR < 0 || e.SHA != "" && !IsCommit(e.SHA) {
		return Event{}, fmt.Errorf("pull request %d at commit %.60q: that is none", e.PR, e.SHA)
	}
	return e, nil
}

var commitForm = pattern(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// IsCommit reports whether a text is the full name of a commit.
func IsCommit(s string) bool { return commitForm.MatchString(s) }

// PullRequestOf finds the open pull request whose head is the commit. It is an error that wraps ErrNotFound when there is
// none, and one when there are several: a comment on the wrong one is worse than none.
func (c *Client) PullRequestOf(ctx context.Context, commit string) (int, error) {
	if !IsCommit(commit) {
		return 0, fmt.Errorf("commit %.80q: want its full name of 40 or 64 digits", commit)
	}
	found := map[int]bool{}
	what := "find the pull request of commit " + commit[:12]
	err := c.try(ctx, what, func() error {
		clear(found)
		// The commit's own list does not have pull requests from forks everywhere; the list of open ones has all.
		opts := &github.PullRequestListOptions{State: "open", ListOptions: github.ListOptions{PerPage: perPage}}
		for range maxPages {
			list, resp, err := c.api.PullRequests.List(ctx, c.owner, c.name, opts)
			if err != nil {
				return err
			}
			for _, pr := range list {
				if strings.EqualFold(pr.GetHead().GetSHA(), commit) {
					found[pr.GetNumber()] = true
				}
			}
			if resp.NextPage == 0 {
				return nil
			}
			opts.Page = resp.NextPage
		}
		return fmt.Errorf("there are more than %d open pull requests", perPage*maxPages)
	})
	if err != nil {
		return 0, err
	}
	if len(found) > 1 {
		return 0, fmt.Errorf("%s: %d open ones have it at their head; name one", what, len(found))
	}
	for number := range found {
		return number, nil
	}
	return 0, fmt.Errorf("%s: no open one has it at its head, a newer commit may be there by now: %w", what, ErrNotFound)
}
