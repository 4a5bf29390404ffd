package github_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates/github"
)

// FuzzEvent: whatever is in the file of the event, what comes of it is the name of a commit, and no request below 0.
func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"pull_request":{"number":7,"head":{"sha":"` + strings.Repeat("a", 40) + `"}}}`))
	f.Add([]byte(`{"workflow_run":{"id":-1,"head_sha":"../x\u001b"}}`))
	f.Add([]byte(`{"pull_request":null,"workflow_run":[]}`))
	path := filepath.Join(f.TempDir(), "event.json")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := github.ReadEvent(path)
		if e.PR < 0 || e.SHA != "" && !github.IsCommit(e.SHA) || err != nil && e != (github.Event{}) || e.RunID < 0 {
			t.Errorf("%q is %+v, %v", b, e, err)
		}
	})
}

// FuzzAPI: whatever answers as GitHub, the client ends, and errors do not tell the token.
func FuzzAPI(f *testing.F) {
	commit := strings.Repeat("a", 40)
	f.Add(200, []byte(`[{"number":7,"head":{"sha":"`+commit+`"}}]`), "")
	f.Add(200, []byte(`[null,{"head":null},{"number":-1}]`), `<https://api.github.com/x?page=2>; rel="next"`)
	f.Add(403, []byte(`{"message":"`+token+`","errors":[{"code":"x"}]}`), "<>")
	f.Add(502, []byte("<html>"), "")
	f.Fuzz(func(t *testing.T, code int, body []byte, link string) {
		answers := transport(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200 + (code%400+400)%400, Header: http.Header{"Link": {link}, "Retry-After": {link}, "Location": {link}},
				Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
		})
		c, err := github.New(github.Options{Token: token, Repo: "o/r", Client: &http.Client{Transport: answers},
			Wait: func(context.Context, time.Duration) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		number, err1 := c.PullRequestOf(t.Context(), commit)
		_, err2 := c.PutComment(t.Context(), 1, "key", "text")
		_, err3 := c.PutIssue(t.Context(), github.Drift{Key: "key", Title: "t", Body: "b"})
		if err1 == nil && number < 1 {
			t.Errorf("%q: pull request %d", body, number)
		}
		for _, err := range []error{err1, err2, err3} {
			if err != nil && strings.Contains(err.Error(), token) {
				t.Errorf("the error tells the token: %v", err)
			}
		}
	})
}

// transport answers without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
