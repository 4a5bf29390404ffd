package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v88/github"
)

const maxClosedPages = 5 // of closed issues, the last changed first

// Drift is what an issue tells.
type Drift struct {
	Key      string
	Title    string
	Body     string   // what Issue has rendered with the same key
	Labels   []string // of a new issue
	Exceeded bool     // what the issue is about holds now
	Unknown  bool     // it could not be measured: an open issue stays open
	State    string   // a word for what exceeds; when it changes, a comment says so
	Change   string   // the comment of such a change, Markdown
	Normal   string   // the comment with which the issue is closed, Markdown
}

// The hidden notes in the text of an issue, besides its marker.
func stateNote(state string) string { return "<!-- heaptop:state:" + state + " -->" }

const closedNote = "<!-- heaptop:closed-by-itself -->"

// PutIssue keeps the one issue of a key: while what it is about holds there is one open issue with the newest text, with a
// comment when it changes; when that is over, the issue is closed with a comment. An issue that closed itself is opened
// again; one that a person closed stays closed, and a new one is written.
func (c *Client) PutIssue(ctx context.Context, d Drift) (Written, error) {
	if err := CheckKey(d.Key); err != nil {
		return Written{}, err
	}
	var w Written
	err := c.try(ctx, fmt.Sprintf("keep the issue %s of %s/%s", d.Key, c.owner, c.name), func() error {
		own, err := c.ownIssue(ctx, marker("issue", d.Key))
		if err != nil {
			return err
		}
		w, err = c.keep(ctx, own, &d)
		return err
	})
	if err != nil {
		return Written{}, err
	}
	return w, nil
}

func (c *Client) keep(ctx context.Context, own *github.Issue, d *Drift) (Written, error) {
	open := own != nil && own.GetState() == "open"
	bySelf := own != nil && !open && strings.Contains(own.GetBody(), closedNote)
	switch {
	case open && d.Unknown:
		return c.update(ctx, own, d, "updated")
	case d.Exceeded && open:
		return c.update(ctx, own, d, "updated")
	case d.Exceeded && bySelf:
		return c.update(ctx, own, d, "reopened")
	case d.Exceeded:
		return c.create(ctx, d)
	case open && !d.Unknown:
		return c.close(ctx, own, d)
	}
	return Written{Did: "nothing"}, nil
}

// ownIssue finds the issue with the marker that the token's account wrote: an open one, else the one changed last.
func (c *Client) ownIssue(ctx context.Context, mark string) (*github.Issue, error) {
	self, err := c.self(ctx)
	if err != nil {
		return nil, err
	}
	for _, state := range []string{"open", "closed"} {
		pages := maxPages
		if state == "closed" {
			pages = maxClosedPages
		}
		opts := &github.IssueListByRepoOptions{State: state, Sort: "updated", Direction: "desc", ListOptions: github.ListOptions{PerPage: perPage}}
		for range pages {
			list, resp, err := c.api.Issues.ListByRepo(ctx, c.owner, c.name, opts)
			if err != nil {
				return nil, err
			}
			for _, one := range list {
				if !one.IsPullRequest() && strings.EqualFold(one.GetUser().GetLogin(), self) && strings.HasSuffix(strings.TrimSpace(one.GetBody()), mark) {
					return one, nil
				}
			}
			if resp.NextPage == 0 {
				break
			}
			opts.ListOptions.Page = resp.NextPage
		}
	}
	return nil, nil
}

func (d *Drift) body(notes ...string) string {
	at := strings.LastIndex(d.Body, marker("issue", d.Key))
	if at < 0 {
		at = len(d.Body)
	}
	return d.Body[:at] + strings.Join(notes, "\n") + "\n" + marker("issue", d.Key) + "\n"
}

func (c *Client) create(ctx context.Context, d *Drift) (Written, error) {
	body := d.body(stateNote(d.State))
	labels := c.labels(ctx, d.Labels)
	request := &github.IssueRequest{Title: &d.Title, Body: &body, Labels: &labels}
	made, _, err := c.api.Issues.Create(ctx, c.owner, c.name, request)
	if status(err, http.StatusUnprocessableEntity) && len(labels) > 0 {
		c.say("GitHub does not take the labels of the issue, it is written without them: " + c.reason(err))
		request.Labels = nil
		made, _, err = c.api.Issues.Create(ctx, c.owner, c.name, request)
	}
	return Written{made.GetNumber(), made.GetHTMLURL(), "created"}, err
}

// labels returns those labels that exist, having created the missing ones where the token may.
func (c *Client) labels(ctx context.Context, want []string) []string {
	have := []string{}
	for _, name := range want {
		_, _, err := c.api.Issues.GetLabel(ctx, c.owner, c.name, name)
		if status(err, http.StatusNotFound) {
			_, _, err = c.api.Issues.CreateLabel(ctx, c.owner, c.name, &github.Label{Name: &name, Color: github.Ptr("d93f0b")})
			if status(err, http.StatusUnprocessableEntity) {
				err = nil // somebody was faster, or GitHub has it under other letters
			}
		}
		if err != nil {
			c.say("the issue is written without the label " + name + ": " + c.reason(err))
			continue
		}
		have = append(have, name)
	}
	return have
}

// update writes the newest text. The comment comes first, as the note in the text is what says that it was written.
func (c *Client) update(ctx context.Context, own *github.Issue, d *Drift, did string) (Written, error) {
	w := Written{own.GetNumber(), own.GetHTMLURL(), did}
	if did == "reopened" || !strings.Contains(own.GetBody(), stateNote(d.State)) {
		if err := c.comment(ctx, own, d.Change); err != nil {
			return w, err
		}
	}
	body := d.body(stateNote(d.State))
	request := &github.IssueRequest{Title: &d.Title, Body: &body}
	if did == "reopened" {
		request.State = github.Ptr("open")
	} else if own.GetBody() == body && own.GetTitle() == d.Title {
		w.Did = "nothing"
		return w, nil
	}
	_, _, err := c.api.Issues.Edit(ctx, c.owner, c.name, own.GetNumber(), request)
	return w, err
}

func (c *Client) close(ctx context.Context, own *github.Issue, d *Drift) (Written, error) {
	w := Written{own.GetNumber(), own.GetHTMLURL(), "closed"}
	if err := c.comment(ctx, own, d.Normal); err != nil {
		return w, err
	}
	body := d.body(stateNote(d.State), closedNote)
	_, _, err := c.api.Issues.Edit(ctx, c.owner, c.name, own.GetNumber(), &github.IssueRequest{Body: &body, State: github.Ptr("closed"), StateReason: github.Ptr("completed")})
	return w, err
}

// comment comments on an issue, if there is something to say.
func (c *Client) comment(ctx context.Context, on *github.Issue, text string) error {
	if text == "" {
		return nil
	}
	_, _, err := c.api.Issues.CreateComment(ctx, c.owner, c.name, on.GetNumber(), &github.IssueComment{Body: &text})
	return err
}
