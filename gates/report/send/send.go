package send

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/internal/printable"
)

// Bounds of one report's way to one destination.
const (
	DefaultTries   = 5
	DefaultTimeout = 30 * time.Second // of one try
	firstPause     = 500 * time.Millisecond
	longestPause   = 30 * time.Second
	patience       = 2 * time.Minute // for all pauses together
	maxAnswer      = 64 << 10        // bytes of an answer that are read
	maxWords       = 300             // bytes of an answer that are repeated
)

// Sender sends. The zero value works; the fields are for tests and for saying what happens. One goroutine uses it.
type Sender struct {
	Transport http.RoundTripper                                // nil: the usual one, with proxies of the environment
	Tries     int                                              // of a request, 0: DefaultTries
	Timeout   time.Duration                                    // of a try, 0: DefaultTimeout
	Wait      func(ctx context.Context, d time.Duration) error // nil: by the clock
	Chance    func() float64                                   // from 0 to 1, nil: random
	Say       func(string)                                     // is told of pauses, nil: nobody
}

// Result is what became of a report: how many of its points the server confirmed.
type Result struct {
	Points, Sent, Requests int
}

// Send sends all of a report, in order, and stops at the first request that fails for good. The error says how many points
// were sent and how many were not; where the server took only some of a request's points, they are among those that were not.
func (s *Sender) Send(ctx context.Context, d *Destination, r *gates.Report) (Result, error) {
	var out Result
	if err := d.Ready(); err != nil {
		return out, err
	}
	batches, err := d.Batches(r)
	if err != nil {
		return out, fmt.Errorf("send the report to %s: %w", d, err)
	}
	for _, b := range batches {
		out.Points += b.Points
	}
	client, done := s.client()
	defer done()
	for i, b := range batches {
		if err := s.request(ctx, client, d, b.Body); err != nil {
			return out, fmt.Errorf("send the report to %s: %w; %d of %d points were sent, %d were not (request %d of %d)",
				d, err, out.Sent, out.Points, out.Points-out.Sent, i+1, len(batches))
		}
		out.Sent += b.Points
		out.Requests++
	}
	return out, nil
}

// client follows no redirect: the token does not belong elsewhere.
func (s *Sender) client() (client *http.Client, done func()) {
	client = &http.Client{
		Timeout:       or(s.Timeout, DefaultTimeout),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     s.Transport,
	}
	if s.Transport != nil {
		return client, func() {}
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableCompression: true, MaxResponseHeaderBytes: maxAnswer, ForceAttemptHTTP2: true}
	client.Transport = t
	return client, t.CloseIdleConnections
}

func or[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}

// request tries until the server confirms, fails for good, or took too long.
func (s *Sender) request(ctx context.Context, client *http.Client, d *Destination, body []byte) error {
	var waited time.Duration
	for n := 1; ; n++ {
		again, err := s.try(ctx, client, d, body)
		var failure *refusal
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !again:
			return err
		case n >= or(s.Tries, DefaultTries):
			return fmt.Errorf("%w, tried %d times", err, n)
		}
		pause := s.pause(n)
		if errors.As(err, &failure) && failure.after > 0 {
			pause = failure.after
		}
		if waited+pause > patience {
			return fmt.Errorf("%w; it wants to be asked again in %s, which is longer than is waited for", err, pause.Round(time.Second))
		}
		waited += pause
		if s.Say != nil {
			s.Say(fmt.Sprintf("%s: %v; trying again in %s", d, err, pause.Round(100*time.Millisecond)))
		}
		if err := s.wait(ctx, pause); err != nil {
			return err
		}
	}
}

// pause is how long to wait after the n-th try: twice as long each time, between half of that and one and a half.
func (s *Sender) pause(n int) time.Duration {
	chance := s.Chance
	if chance == nil {
		chance = rand.Float64
	}
	return min(time.Duration(float64(firstPause<<(n-1))*(0.5+chance())), longestPause)
}

func (s *Sender) wait(ctx context.Context, d time.Duration) error {
	if s.Wait != nil {
		return s.Wait(ctx, d)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// refusal is an answer other than that of success.
type refusal struct {
	text  string
	after time.Duration // what Retry-After says, 0 for nothing
}

func (r *refusal) Error() string { return r.text }

// try makes one request; again says whether another may do better.
func (s *Sender) try(ctx context.Context, client *http.Client, d *Destination, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url.String(), bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header = d.header.Clone()
	req.Header.Set("User-Agent", "heaptop")
	resp, err := client.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			if outer.Timeout() {
				return true, fmt.Errorf("no answer within %s", client.Timeout)
			}
			err = outer.Err // the address is said elsewhere
		}
		if text := distrust(err); text != "" {
			return false, errors.New(d.hide(text))
		}
		return true, errors.New(printable.Line(d.hide(err.Error())))
	}
	defer resp.Body.Close()
	answer, readErr := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	words := d.words(answer)
	if resp.StatusCode == d.want {
		if d.kind == Datadog && words != "" {
			return false, fmt.Errorf("it answered %s, and %s", resp.Status, words)
		}
		return false, nil
	}
	r := &refusal{text: d.hide(explain(d, resp, words))}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		r.after = retryAfter(resp.Header, time.Now())
		return true, r
	}
	if readErr != nil && ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return false, r
}

// distrust says why the server's certificate is not accepted, "" where it is something else. Asking again would not help.
func distrust(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "its certificate is signed by nobody this machine trusts: name the authority's file in SSL_CERT_FILE, or add it to the system's"
	case errors.As(err, &name):
		return "its certificate is for another name: " + name.Error()
	case errors.As(err, &invalid), errors.As(err, &verify):
		return "its certificate is not valid: " + err.Error()
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS: write http:// in place of https://"
	}
	return ""
}

// explain says what an answer means, and what to do.
func explain(d *Destination, resp *http.Response, words string) string {
	text := "it answered " + strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
	if words != "" {
		text += " (" + words + ")"
	}
	switch code := resp.StatusCode; {
	case code >= 300 && code < 400:
		where := "nowhere"
		if to, err := resp.Location(); err == nil {
			where = printable.Line(to.Scheme + "://" + to.Host)
		}
		return text + ", a redirect to " + where + ", where the token does not follow: give the address that is meant"
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		if d.kind == Datadog {
			return text + ": check " + DatadogKey + " and " + DatadogSite
		}
		return text + ": check " + InfluxToken + ", or " + InfluxUser + " and " + InfluxPassword
	case code == http.StatusNotFound:
		return text + ": check the address, and that the database or bucket exists"
	case code < 300:
		return text + ", which is not what " + d.kind + " answers to what it has stored"
	}
	return text
}

// words is what an answer says of errors, in one line: the member error, message or errors of JSON, else its text.
func (d *Destination) words(answer []byte) string {
	var known struct {
		Error   string            `json:"error"`
		Message string            `json:"message"`
		Errors  []json.RawMessage `json:"errors"`
	}
	text := string(answer)
	if json.Unmarshal(answer, &known) == nil {
		text = known.Error + " " + known.Message
		for _, e := range known.Errors {
			text += " " + string(e)
		}
	} else if d.kind == Datadog && len(answer) > 0 && answer[0] != '{' {
		text = strings.TrimSpace(text)
	}
	text = printable.Line(d.hide(strings.Join(strings.Fields(text), " ")))
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "…"
	}
	return text
}

// retryAfter reads seconds or a date; 0 is nothing that can be read.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if s, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(s, 0), 1e6)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
