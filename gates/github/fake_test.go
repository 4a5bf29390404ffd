package github_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates/github"
)

const token = "ghs_SecretSecretSecret"

// fake answers as GitHub documents: pages with Link headers, errors with their bodies.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	login    string // "" for a token that may not ask for its account
	comments map[int][]*comment
	issues   []*issue
	labels   map[string]bool
	pulls    []pull
	requests []string                                                 // "METHOD /path?query"
	before   func(w http.ResponseWriter, r *http.Request, n int) bool // answers in place of the server when it returns true
}

type account struct {
	Login string `json:"login"`
}
type comment struct {
	ID   int64   `json:"id"`
	Body string  `json:"body"`
	User account `json:"user"`
	URL  string  `json:"html_url"`
}
type issue struct {
	Number int              `json:"number"`
	Title  string           `json:"title"`
	Body   string           `json:"body"`
	State  string           `json:"state"`
	Reason string           `json:"state_reason,omitempty"`
	User   account          `json:"user"`
	URL    string           `json:"html_url"`
	Pull   *struct{}        `json:"pull_request,omitempty"`
	Labels []map[string]any `json:"labels"`
}
type pull struct {
	Number int `json:"number"`
	Head   struct {
		SHA string `json:"sha"`
	} `json:"head"`
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{login: "heap-bot", comments: map[int][]*comment{}, labels: map[string]bool{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

// client speaks to the fake; the waits are kept and not waited for.
func (f *fake) client(t *testing.T, said *[]string, waits *[]time.Duration) *github.Client {
	t.Helper()
	c, err := github.New(github.Options{Token: token, Repo: "o/r", API: f.URL,
		Say:  func(s string) { *said = append(*said, s) },
		Wait: func(_ context.Context, d time.Duration) error { *waits = append(*waits, d); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r.Method+" "+r.URL.RequestURI())
	if f.before != nil && f.before(w, r, len(f.requests)) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+token {
		fail(w, 401, "Bad credentials")
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/repos/o/r")
	switch {
	case r.URL.Path == "/user" && f.login != "":
		send(w, 200, account{f.login})
	case r.URL.Path == "/user":
		fail(w, 403, "Resource not accessible by integration")
	case path == r.URL.Path:
		fail(w, 404, "Not Found")
	case path == "/pulls":
		pages(w, r, f.URL, f.pulls)
	case strings.HasPrefix(path, "/labels"):
		f.serveLabels(w, r, strings.TrimPrefix(path, "/labels"))
	case strings.HasPrefix(path, "/issues/comments/"):
		f.edit(w, r, strings.TrimPrefix(path, "/issues/comments/"))
	case strings.HasSuffix(path, "/comments"):
		n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(path, "/issues/"), "/comments"))
		f.serveComments(w, r, n)
	case strings.HasPrefix(path, "/issues"):
		f.serveIssues(w, r, strings.TrimPrefix(strings.TrimPrefix(path, "/issues"), "/"))
	default:
		fail(w, 404, "Not Found")
	}
}

func (f *fake) name() string {
	if f.login == "" {
		return "github-actions[bot]"
	}
	return f.login
}

func (f *fake) serveComments(w http.ResponseWriter, r *http.Request, n int) {
	if r.Method == http.MethodGet {
		pages(w, r, f.URL, f.comments[n])
		return
	}
	c := &comment{ID: int64(1000*n + len(f.comments[n])), User: account{f.name()}}
	if !take(w, r, c) || !fits(w, c.Body) {
		return
	}
	c.URL = fmt.Sprintf("https://github.example/o/r/pull/%d#issuecomment-%d", n, c.ID)
	f.comments[n] = append(f.comments[n], c)
	send(w, 201, c)
}

func (f *fake) edit(w http.ResponseWriter, r *http.Request, id string) {
	for _, list := range f.comments {
		for _, c := range list {
			if strconv.FormatInt(c.ID, 10) == id {
				if take(w, r, c) && fits(w, c.Body) {
					send(w, 200, c)
				}
				return
			}
		}
	}
	fail(w, 404, "Not Found")
}

func (f *fake) serveLabels(w http.ResponseWriter, r *http.Request, name string) {
	name, _ = url.PathUnescape(strings.TrimPrefix(name, "/"))
	if r.Method == http.MethodPost {
		var in struct{ Name string }
		if !take(w, r, &in) {
			return
		}
		if f.labels[in.Name] {
			fail(w, 422, "Validation Failed")
			return
		}
		f.labels[in.Name] = true
		send(w, 201, map[string]string{"name": in.Name})
		return
	}
	if !f.labels[name] {
		fail(w, 404, "Not Found")
		return
	}
	send(w, 200, map[string]string{"name": name})
}

func (f *fake) serveIssues(w http.ResponseWriter, r *http.Request, number string) {
	switch r.Method {
	case http.MethodGet:
		var list []*issue
		for i := len(f.issues) - 1; i >= 0; i-- {
			if f.issues[i].State == r.URL.Query().Get("state") {
				list = append(list, f.issues[i])
			}
		}
		pages(w, r, f.URL, list)
	case http.MethodPost:
		var in struct {
			Title, Body string
			Labels      []string
		}
		if !take(w, r, &in) || !fits(w, in.Body) {
			return
		}
		one := &issue{Number: 100 + len(f.issues), Title: in.Title, Body: in.Body, State: "open", User: account{f.name()}}
		for _, l := range in.Labels {
			one.Labels = append(one.Labels, map[string]any{"name": l})
		}
		one.URL = fmt.Sprintf("https://github.example/o/r/issues/%d", one.Number)
		f.issues = append(f.issues, one)
		send(w, 201, one)
	default:
		for _, one := range f.issues {
			if strconv.Itoa(one.Number) == number {
				if take(w, r, one) && fits(w, one.Body) {
					send(w, 200, one)
				}
				return
			}
		}
		fail(w, 404, "Not Found")
	}
}

func take(w http.ResponseWriter, r *http.Request, to any) bool {
	if err := json.NewDecoder(r.Body).Decode(to); err != nil {
		fail(w, 400, "Problems parsing JSON")
		return false
	}
	return true
}

func fits(w http.ResponseWriter, body string) bool {
	if body == "" || len(body) > 65536 {
		fail(w, 422, "Validation Failed: body is too long (maximum is 65536 characters)")
		return false
	}
	return true
}

func send(w http.ResponseWriter, code int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(what)
}

func fail(w http.ResponseWriter, code int, message string) {
	send(w, code, map[string]string{"message": message, "documentation_url": "https://docs.github.com/rest"})
}

// pages sends one page of a list, with the links to the others.
func pages[T any](w http.ResponseWriter, r *http.Request, server string, list []T) {
	q := r.URL.Query()
	per, _ := strconv.Atoi(q.Get("per_page"))
	page, _ := strconv.Atoi(q.Get("page"))
	page = max(page, 1)
	if per == 0 {
		per = 30
	}
	from, to := min((page-1)*per, len(list)), min(page*per, len(list))
	if to < len(list) {
		q.Set("page", strconv.Itoa(page+1))
		next := server + r.URL.Path + "?" + q.Encode()
		w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next", <%s>; rel="last"`, next, next))
	}
	out := list[from:to]
	if out == nil {
		out = []T{}
	}
	send(w, 200, out)
}

// readOnly answers as GitHub does to a token that may not write.
func readOnly(w http.ResponseWriter, r *http.Request, _ int) bool {
	if r.Method != http.MethodGet {
		fail(w, 403, "Resource not accessible by integration")
		return true
	}
	return false
}
