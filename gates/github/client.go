package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v88/github"

	"github.com/alloc-dev/heaptop/gates/internal/printable"
)

// DefaultAPI is the API of github.com.
const DefaultAPI = "https://api.github.com"

const (
	perPage     = 100
	maxPages    = 50       // of a list: 5,000 comments
	maxAnswer   = 64 << 20 // bytes of one answer
	maxTries    = 4
	maxWait     = 5 * time.Minute // for a rate limit, of all tries together
	oneTry      = 30 * time.Second
	actionsName = "github-actions[bot]" // whose token GITHUB_TOKEN is
)

// The errors that callers decide upon. They are wrapped in what was tried and GitHub's words.
var (
	// ErrReadOnly is what a token that may not write gets, as in the workflow of a pull request from a fork.
	ErrReadOnly = errors.New("the token may not do this")
	// ErrNotFound is what is not there, or what the token may not see: GitHub does not tell one from the other.
	ErrNotFound = errors.New("not found, or not visible to the token")
	// ErrToken is a token that GitHub does not know.
	ErrToken = errors.New("GitHub does not accept the token")
	// ErrLimited is a rate limit that lasts longer than is waited for.
	ErrLimited = errors.New("GitHub's rate limit is used up")
)

// Options say which repository is spoken to, as whom.
type Options struct {
	Token  string
	Repo   string // owner/name
	API    string // "" is DefaultAPI
	Author string // the account of the token, "" asks GitHub; a token of Actions cannot ask and is github-actions[bot]
	Client *http.Client
	Say    func(string)                                     // is told of waits and of what was left out, nil: nobody
	Wait   func(ctx context.Context, d time.Duration) error // nil: by the clock
}

// Client speaks for one token with one repository. It is used by one goroutine.
type Client struct {
	api         *github.Client
	owner, name string
	author      string
	token       string // never shown, whoever repeats it
	say         func(string)
	wait        func(ctx context.Context, d time.Duration) error
}

var repoForm = pattern(`^[A-Za-z0-9][A-Za-z0-9-]{0,99}/[A-Za-z0-9._-]{1,100}$`)

// New returns a client. It refuses a missing token, a repository that is no owner/name, and an API that is no URL of http
// or https or has a user in it. Nothing is sent.
func New(o Options) (*Client, error) {
	if !repoForm.MatchString(o.Repo) {
		return nil, fmt.Errorf("repository %.80q: want owner/name", o.Repo)
	}
	if o.Token == "" || strings.IndexFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return nil, fmt.Errorf("a token is needed to speak to GitHub: %w", ErrToken)
	}
	api := o.API
	if api == "" {
		api = DefaultAPI
	}
	at, err := url.Parse(api)
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" || at.User != nil || at.RawQuery != "" {
		return nil, errors.New("the address of GitHub's API: want a URL such as " + DefaultAPI)
	}
	api = strings.TrimSuffix(api, "/") + "/"
	hc := &http.Client{}
	if o.Client != nil {
		*hc = *o.Client
	}
	hc.CheckRedirect = sameHost
	inner := hc.Transport
	if inner == nil {
		inner = http.DefaultTransport
	}
	hc.Transport = bounding{inner}
	c, err := github.NewClient(github.WithHTTPClient(hc), github.WithTimeout(oneTry), github.WithAuthToken(o.Token), github.WithUserAgent("heaptop"),
		github.WithURLs(&api, nil), github.WithDisableRateLimitCheck())
	if err != nil {
		return nil, fmt.Errorf("make a client of GitHub's API: %w", err)
	}
	owner, name, _ := strings.Cut(o.Repo, "/")
	out := &Client{api: c, owner: owner, name: name, author: o.Author, token: o.Token, say: o.Say, wait: o.Wait}
	if out.say == nil {
		out.say = func(string) {}
	}
	if out.wait == nil {
		out.wait = sleep
	}
	return out, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// sameHost refuses to carry the token elsewhere.
func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) >= 5 || req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
		return errors.New("GitHub's API redirects to another host, where the token does not belong")
	}
	return nil
}

// bounding limits how much of an answer is read.
type bounding struct{ http.RoundTripper }

func (b bounding) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err == nil && resp.Body != nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// try does an operation, which must be one that can be repeated as a whole, until it works, fails for good, or took too
// long. what says what is tried.
func (c *Client) try(ctx context.Context, what string, operation func() error) error {
	var waited time.Duration
	for n := 1; ; n++ {
		err := operation()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
		pause, again := pauseAfter(err, n, time.Now())
		if !again {
			return c.explain(what, err)
		}
		if n >= maxTries || waited+pause > maxWait {
			if limited(err) {
				return fmt.Errorf("%s: %w for %s more: try again then", what, ErrLimited, pause.Round(time.Second))
			}
			return c.explain(what+", "+strconv.Itoa(n)+" times", err)
		}
		waited += pause
		c.say(fmt.Sprintf("%s: %s; trying again in %s", what, c.reason(err), pause.Round(time.Second)))
		if err := c.wait(ctx, pause); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

// reply is the head of the HTTP answer behind an error.
type reply struct {
	code   int
	header http.Header
}

// answer is the reply behind an error, nil where there was none.
func answer(err error) *reply {
	var plain *github.ErrorResponse
	var primary *github.RateLimitError
	var secondary *github.AbuseRateLimitError
	switch {
	case errors.As(err, &plain):
		return &reply{plain.Response.StatusCode, plain.Response.Header}
	case errors.As(err, &primary):
		return &reply{primary.Response.StatusCode, primary.Response.Header}
	case errors.As(err, &secondary):
		return &reply{secondary.Response.StatusCode, secondary.Response.Header}
	}
	return nil
}

// limited reports whether an answer is one of a rate limit: the primary one has no requests remaining, the secondary one
// says when to try again, or says so in words.
func limited(err error) bool {
	var primary *github.RateLimitError
	var secondary *github.AbuseRateLimitError
	if errors.As(err, &primary) || errors.As(err, &secondary) {
		return true
	}
	r := answer(err)
	return r != nil && (r.code == http.StatusTooManyRequests ||
		r.code == http.StatusForbidden && (r.header.Get("Retry-After") != "" || strings.Contains(strings.ToLower(message(err)), "rate limit")))
}

// pauseAfter says how long to wait before the next try, as GitHub's documentation asks for: what Retry-After says, else
// until the limit's reset, else a minute for a limit, and 1, 2, 4 seconds for a server or a network that fails.
func pauseAfter(err error, n int, now time.Time) (time.Duration, bool) {
	r := answer(err)
	backoff := time.Second << (n - 1)
	switch {
	case r == nil:
		var network *url.Error
		return backoff, errors.As(err, &network) && !strings.Contains(err.Error(), "redirects to another host")
	case limited(err):
		if s, err := strconv.Atoi(r.header.Get("Retry-After")); err == nil && s >= 0 {
			return time.Duration(min(s, 1e6)) * time.Second, true
		}
		if at, err := strconv.ParseInt(r.header.Get("X-RateLimit-Reset"), 10, 64); err == nil && r.header.Get("X-RateLimit-Remaining") == "0" {
			return max(time.Second, time.Unix(at, 0).Sub(now)+time.Second), true
		}
		return time.Minute, true
	}
	return backoff, r.code >= 500
}

// message is what GitHub says of an error.
func message(err error) string {
	var plain *github.ErrorResponse
	var primary *github.RateLimitError
	var secondary *github.AbuseRateLimitError
	switch {
	case errors.As(err, &plain):
		text := plain.Message
		for _, e := range plain.Errors {
			text += "; " + strings.TrimSpace(e.Resource+" "+e.Field+" "+e.Code+" "+e.Message)
		}
		return text
	case errors.As(err, &primary):
		return primary.Message
	case errors.As(err, &secondary):
		return secondary.Message
	}
	return err.Error()
}

// reason is what GitHub said, in one line of at most 300 bytes, or what the network did.
func (c *Client) reason(err error) string {
	text := message(err)
	if r := answer(err); r != nil {
		text = strconv.Itoa(r.code) + " " + text
	}
	text = printable.Line(strings.Join(strings.Fields(strings.ReplaceAll(text, c.token, "[token]")), " "))
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// explain makes an error of GitHub's answer.
func (c *Client) explain(what string, err error) error {
	r := answer(err)
	if r == nil {
		var foreign *json.SyntaxError
		if errors.As(err, &foreign) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%s: what answers at %s does not speak as GitHub's API does: %w", what, c.api.BaseURL(), err)
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	switch r.code {
	case http.StatusUnauthorized:
		return fmt.Errorf("%s: %w (%s)", what, ErrToken, c.reason(err))
	case http.StatusForbidden:
		return fmt.Errorf("%s: %w (%s)", what, ErrReadOnly, c.reason(err))
	case http.StatusNotFound, http.StatusGone:
		return fmt.Errorf("%s: %w (%s)", what, ErrNotFound, c.reason(err))
	}
	return fmt.Errorf("%s: GitHub answers %s", what, c.reason(err))
}

// status reports whether an error is an answer of that status.
func status(err error, code int) bool {
	r := answer(err)
	return r != nil && r.code == code
}

// self returns the account of the token. A token of an installation, such as the one of Actions, may not ask for it.
func (c *Client) self(ctx context.Context) (string, error) {
	if c.author != "" {
		return c.author, nil
	}
	user, _, err := c.api.Users.Get(ctx, "")
	switch {
	case status(err, http.StatusForbidden) && !limited(err) || status(err, http.StatusNotFound):
		c.author = actionsName
	case err != nil:
		return "", err
	default:
		c.author = user.GetLogin()
	}
	return c.author, nil
}
