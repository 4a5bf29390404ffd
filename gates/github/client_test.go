package github_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates/github"
)

const mark = "<!-- heaptop:comment:memory -->"

func TestACommentIsWrittenOnceAndThenUpdated(t *testing.T) {
	for _, login := range []string{"heap-bot", ""} { // a person's token, and the one of Actions
		f := newFake(t)
		f.login = login
		var said []string
		var waits []time.Duration
		for i := range 250 { // three pages of others, some of which carry the marker
			f.comments[7] = append(f.comments[7], &comment{ID: int64(i), Body: "hello " + mark, User: account{"stranger"}})
		}
		c := f.client(t, &said, &waits)
		w, err := c.PutComment(t.Context(), 7, "memory", "first\n"+mark+"\n")
		if err != nil || w.Did != "created" || w.URL == "" {
			t.Fatalf("%+v, %v", w, err)
		}
		if w, err = f.client(t, &said, &waits).PutComment(t.Context(), 7, "memory", "second\n"+mark+"\n"); err != nil || w.Did != "updated" {
			t.Fatalf("%+v, %v", w, err)
		}
		if w, err = c.PutComment(t.Context(), 7, "memory", "second\n"+mark+"\n"); err != nil || w.Did != "nothing" {
			t.Fatalf("%+v, %v", w, err)
		}
		if w, err = c.PutComment(t.Context(), 7, "arm", "third\n<!-- heaptop:comment:arm -->\n"); err != nil || w.Did != "created" {
			t.Fatalf("another key: %+v, %v", w, err)
		}
		if n := len(f.comments[7]); n != 252 || f.comments[7][250].Body != "second\n"+mark+"\n" {
			t.Errorf("%d comments, the own one is %q", n, f.comments[7][250].Body)
		}
		for _, other := range f.comments[7][:250] {
			if other.Body != "hello "+mark {
				t.Fatalf("the comment of %s was changed to %q", other.User.Login, other.Body)
			}
		}
	}
}

// TestAnswersOfAnotherServer: a proxy that wants a login answers with a page, and 200.
func TestAnswersOfAnotherServer(t *testing.T) {
	for _, page := range []string{"<html>please log in</html>", `[{"id": 1`} {
		f := newFake(t)
		f.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
			fmt.Fprint(w, page)
			return true
		}
		var said []string
		var waits []time.Duration
		_, err := f.client(t, &said, &waits).PutComment(t.Context(), 7, "memory", "x"+mark)
		if err == nil || !strings.Contains(err.Error(), f.URL) || !strings.Contains(err.Error(), "does not speak as GitHub's API") {
			t.Errorf("an answer of %q: %v", page, err)
		}
	}
}

func TestErrorsSayTheNextStepAndNeverTheToken(t *testing.T) {
	for _, c := range []struct {
		name    string
		code    int
		message string
		want    error
		text    string
	}{
		{"bad token", 401, "Bad credentials", github.ErrToken, "does not accept the token"},
		{"read-only token", 403, "Resource not accessible by integration", github.ErrReadOnly, "Resource not accessible"},
		{"not there", 404, "Not Found", github.ErrNotFound, "404"},
		{"locked away", 410, "Issues are disabled", github.ErrNotFound, "disabled"},
		{"not valid", 422, "Validation Failed", nil, "422 Validation Failed"},
		{"a long answer", 400, strings.Repeat("x\x1b[31m\n", 1000), nil, "…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if r.Method == http.MethodPost {
					fail(w, c.code, c.message)
				}
				return r.Method == http.MethodPost
			}
			var said []string
			var waits []time.Duration
			_, err := f.client(t, &said, &waits).PutComment(t.Context(), 7, "memory", "x"+mark)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "o/r#7") {
				t.Errorf("error is %v", err)
			}
			if len(waits) > 0 || len(err.Error()) > 600 || strings.Contains(err.Error(), token) {
				t.Errorf("waited %v for %v", waits, err)
			}
		})
	}
}

func TestLimitsAndFailuresOfTheServerAreWaitedFor(t *testing.T) {
	reset := func(in time.Duration) string { return strconv.FormatInt(time.Now().Add(in).Unix(), 10) }
	for _, c := range []struct {
		name    string
		code    int
		headers map[string]string
		docs    string
		want    [2]time.Duration // the wait, from and to
	}{
		{"429 with Retry-After", 429, map[string]string{"Retry-After": "17"}, "", [2]time.Duration{17 * time.Second, 17 * time.Second}},
		{"secondary limit with Retry-After", 403, map[string]string{"Retry-After": "30"}, "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits", [2]time.Duration{30 * time.Second, 30 * time.Second}},
		{"secondary limit without", 403, nil, "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits", [2]time.Duration{time.Minute, time.Minute}},
		{"primary limit until its reset", 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Limit": "5000", "X-RateLimit-Reset": reset(90 * time.Second)}, "", [2]time.Duration{60 * time.Second, 92 * time.Second}},
		{"502", 502, nil, "", [2]time.Duration{time.Second, time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			answered := false
			f.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if r.Method != http.MethodPost || answered {
					return false
				}
				answered = true
				for k, v := range c.headers {
					w.Header().Set(k, v)
				}
				send(w, c.code, map[string]string{"message": "You have exceeded a limit", "documentation_url": c.docs})
				return true
			}
			var said []string
			var waits []time.Duration
			w, err := f.client(t, &said, &waits).PutComment(t.Context(), 7, "memory", "x"+mark)
			if err != nil || w.Did != "created" || len(waits) != 1 || waits[0] < c.want[0] || waits[0] > c.want[1] || len(said) != 1 {
				t.Errorf("%+v, %v after waiting %v: %q", w, err, waits, said)
			}
		})
	}
}

func TestALongLimitEndsTheTries(t *testing.T) {
	f := newFake(t)
	f.before = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.Header().Set("Retry-After", "3600")
		fail(w, 429, "Too Many Requests")
		return true
	}
	var said []string
	var waits []time.Duration
	_, err := f.client(t, &said, &waits).PutComment(t.Context(), 7, "memory", "x"+mark)
	if !errors.Is(err, github.ErrLimited) || len(waits) != 0 || !strings.Contains(err.Error(), "1h") {
		t.Errorf("%v after waiting %v", err, waits)
	}
	f.before = func(w http.ResponseWriter, _ *http.Request, _ int) bool { fail(w, 503, "Unicorn"); return true }
	_, err = f.client(t, &said, &waits).PutComment(t.Context(), 7, "memory", "x"+mark)
	if err == nil || len(waits) != 3 || !strings.Contains(err.Error(), "4 times") {
		t.Errorf("%v after waiting %v", err, waits)
	}
}

// An answer that is lost after the server has done what was asked leads to no second comment.
func TestALostAnswerMakesNoSecondComment(t *testing.T) {
	f := newFake(t)
	f.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.Method == http.MethodPost && len(f.comments[7]) == 0 {
			f.comments[7] = append(f.comments[7], &comment{ID: 1, Body: "x" + mark, User: account{"heap-bot"}})
			panic(http.ErrAbortHandler)
		}
		return false
	}
	var said []string
	var waits []time.Duration
	w, err := f.client(t, &said, &waits).PutComment(t.Context(), 7, "memory", "x"+mark)
	if err != nil || len(f.comments[7]) != 1 || w.Did != "nothing" {
		t.Errorf("%+v, %v, %d comments", w, err, len(f.comments[7]))
	}
}

func TestTheTokenStaysWithItsHost(t *testing.T) {
	var got []string
	other := newFake(t)
	other.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		got = append(got, r.Header.Get("Authorization"))
		return false
	}
	f := newFake(t)
	f.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
		return true
	}
	var said []string
	var waits []time.Duration
	if _, err := f.client(t, &said, &waits).PutComment(t.Context(), 7, "memory", "x"+mark); err == nil || len(got) > 0 {
		t.Errorf("%v; the other host got %q", err, got)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, o := range []github.Options{
		{Token: token}, {Token: token, Repo: "o"}, {Token: token, Repo: "../o"}, {Token: token, Repo: "o/r/x"}, {Repo: "o/r"}, {Token: "a b", Repo: "o/r"},
		{Token: token, Repo: "o/r", API: "api.github.com"}, {Token: token, Repo: "o/r", API: "https://user:pass@host"}, {Token: token, Repo: "o/r", API: "file:///etc"},
	} {
		if _, err := github.New(o); err == nil || strings.Contains(err.Error(), "pass") || strings.Contains(err.Error(), token) {
			t.Errorf("%+v gives %v", o, err)
		}
	}
	for _, key := range []string{"", "a b", "a-->", "a--b", strings.Repeat("x", 65), "é"} {
		if github.CheckKey(key) == nil {
			t.Errorf("key %q is taken", key)
		}
	}
}

func TestPullRequestOf(t *testing.T) {
	f := newFake(t)
	sha := func(n int) string { return fmt.Sprintf("%040x", n) }
	for i := range 230 {
		p := pull{Number: i + 1}
		p.Head.SHA = sha(i)
		if i == 20 {
			p.Head.SHA = sha(10)
		}
		f.pulls = append(f.pulls, p)
	}
	var said []string
	var waits []time.Duration
	c := f.client(t, &said, &waits)
	if n, err := c.PullRequestOf(t.Context(), sha(225)); n != 226 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := c.PullRequestOf(t.Context(), sha(999)); !errors.Is(err, github.ErrNotFound) {
		t.Errorf("of no pull request: %v", err)
	}
	if n, err := c.PullRequestOf(t.Context(), sha(10)); err == nil || !strings.Contains(err.Error(), "2 open ones") {
		t.Errorf("of two: %d, %v", n, err)
	}
	if _, err := c.PullRequestOf(t.Context(), "main/../.."); err == nil {
		t.Error("a name that is no commit is sent")
	}
}

func drift(state string, exceeded, unknown bool) github.Drift {
	return github.Drift{Key: "memory", Title: "Memory", Body: "text of " + state + "\n<!-- heaptop:issue:memory -->\n", Labels: []string{"performance", "memory"},
		Exceeded: exceeded, Unknown: unknown, State: state, Change: "it changed", Normal: "back to normal"}
}

// TestTheLifeOfAnIssue goes through nights that are told with what is expected of each.
func TestTheLifeOfAnIssue(t *testing.T) {
	f := newFake(t)
	f.labels["memory"] = true
	f.issues = append(f.issues,
		&issue{Number: 1, State: "open", Body: "mine <!-- heaptop:issue:memory -->", User: account{"stranger"}},
		&issue{Number: 2, State: "open", Body: "a pull request <!-- heaptop:issue:memory -->", User: account{"heap-bot"}, Pull: &struct{}{}})
	var said []string
	var waits []time.Duration
	for i, night := range []struct {
		d        github.Drift
		did      string
		open     int // own ones
		comments int // of all on the first own issue
	}{
		{drift("a", false, false), "nothing", 0, 0},
		{drift("a", false, true), "nothing", 0, 0}, // what was not measured opens nothing
		{drift("a", true, false), "created", 1, 0},
		{drift("a", true, false), "nothing", 1, 0}, // the same text
		{drift("b", true, false), "updated", 1, 1},
		{drift("b", true, false), "nothing", 1, 1},
		{drift("c", false, true), "updated", 1, 2}, // not measured: it stays open
		{drift("d", false, false), "closed", 0, 3},
		{drift("d", false, false), "nothing", 0, 3},
		{drift("e", true, false), "reopened", 1, 4},
		{drift("f", false, false), "closed", 0, 5},
	} {
		w, err := f.client(t, &said, &waits).PutIssue(t.Context(), night.d)
		open := 0
		for _, one := range f.issues[2:] {
			if one.State == "open" {
				open++
			}
		}
		if err != nil || w.Did != night.did || open != night.open || len(f.comments[102]) != night.comments {
			t.Fatalf("night %d: %+v, %v; %d are open with %d comments; want %+v", i+1, w, err, open, len(f.comments[102]), night)
		}
	}
	if len(f.issues) != 3 || len(f.issues[2].Labels) != 2 || !f.labels["performance"] || f.issues[2].Reason != "completed" {
		t.Errorf("%d issues, the last %+v", len(f.issues), f.issues[len(f.issues)-1])
	}
	if f.issues[0].Body != "mine <!-- heaptop:issue:memory -->" || f.issues[0].State != "open" {
		t.Errorf("the issue of somebody else is %+v", f.issues[0])
	}
	// A person closes it: a new one is written.
	f.issues[2].State, f.issues[2].Body = "open", strings.ReplaceAll(f.issues[2].Body, "<!-- heaptop:closed-by-itself -->", "")
	f.issues[2].State = "closed"
	if w, err := f.client(t, &said, &waits).PutIssue(t.Context(), drift("g", true, false)); err != nil || w.Did != "created" || w.Number != 103 {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestLabelsThatAreRefusedDoNotLoseTheIssue(t *testing.T) {
	for name, refuse := range map[string]func(r *http.Request) int{
		"may not create labels": func(r *http.Request) int {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/labels") {
				return 403
			}
			return 0
		},
		"somebody was faster": func(r *http.Request) int {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/labels") {
				return 422
			}
			return 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				code := refuse(r)
				if code > 0 {
					fail(w, code, "Validation Failed")
				}
				return code > 0
			}
			var said []string
			var waits []time.Duration
			w, err := f.client(t, &said, &waits).PutIssue(t.Context(), drift("a", true, false))
			if err != nil || w.Did != "created" || len(f.issues) != 1 {
				t.Fatalf("%+v, %v", w, err)
			}
			if told := slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "without the label") }); told != (name == "may not create labels") {
				t.Errorf("it said %q", said)
			}
		})
	}
}
