package github

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-github/v88/github"
)

var keyForm = pattern(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckKey refuses a key that is no word of letters, digits, dots, dashes and underscores with at most 64 of them. A key
// tells several comments or issues of one repository apart.
func CheckKey(key string) error {
	if !keyForm.MatchString(key) || strings.Contains(key, "--") {
		return fmt.Errorf("key %.80q: want letters, digits and . - _, at most 64, and no two dashes", key)
	}
	return nil
}

// marker is the hidden end of a text by which it is found again.
func marker(kind, key string) string { return "<!-- heaptop:" + kind + ":" + key + " -->" }

// Written says what became of a comment or an issue.
type Written struct {
	Number int    // of the issue or the pull request
	URL    string // where people see it
	Did    string // created, updated, reopened, closed, nothing
}

// PutComment makes body, which Comment has rendered with the same key, the client's one comment on a pull request or an
// issue: it updates its own, and else writes a new one.
func (c *Client) PutComment(ctx context.Context, number int, key, body string) (Written, error) {
	if err := CheckKey(key); err != nil {
		return Written{}, err
	}
	w := Written{Number: number}
	err := c.try(ctx, fmt.Sprintf("write the comment on %s/%s#%d", c.owner, c.name, number), func() error {
		own, err := c.ownComment(ctx, number, marker("comment", key))
		if err != nil {
			return err
		}
		if own == nil {
			made, _, err := c.api.Issues.CreateComment(ctx, c.owner, c.name, number, &github.IssueComment{Body: &body})
			w.URL, w.Did = made.GetHTMLURL(), "created"
			return err
		}
		w.URL, w.Did = own.GetHTMLURL(), "nothing"
		if own.GetBody() == body {
			return nil
		}
		made, _, err := c.api.Issues.EditComment(ctx, c.owner, c.name, own.GetID(), &github.IssueComment{Body: &body})
		w.URL, w.Did = made.GetHTMLURL(), "updated"
		return err
	})
	if err != nil {
		return Written{}, err
	}
	return w, nil
}

// ownComment finds the first comment with the marker that the token's account wrote.
func (c *Client) ownComment(ctx context.Context, number int, mark string) (*github.IssueComment, error) {
	self, err := c.self(ctx)
	if err != nil {
		return nil, err
	}
	opts := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: perPage}}
	for range maxPages {
		list, resp, err := c.api.Issues.ListComments(ctx, c.owner, c.name, number, opts)
		if err != nil {
			return nil, err
		}
		for _, one := range list {
			if strings.EqualFold(one.GetUser().GetLogin(), self) && strings.HasSuffix(strings.TrimSpace(one.GetBody()), mark) {
				return one, nil
			}
		}
		if resp.NextPage == 0 {
			return nil, nil
		}
		opts.Page = resp.NextPage
	}
	return nil, fmt.Errorf("there are more than %d comments", perPage*maxPages)
}
