package goruntime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	maxBody     = 64 << 20
	dialTimeout = 2 * time.Second
)

// errTooLarge says that an answer was cut at maxBody.
var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)

// site is how messages call whom is asked.
type site struct {
	name string
	hint string // what to say when something else answers
}

const pprofHint = "not a pprof endpoint; try http://host:port/debug/pprof/"

// page asks for u and hands the body, bounded by maxBody, to read. The error wraps one of sampler's and says what came
// instead of what was asked for.
func page(ctx context.Context, c *http.Client, method, u string, at site, header http.Header, read func(h http.Header, body io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, method, u, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", at.name, errors.Join(sampler.ErrNotFound, err))
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := c.Do(req)
	if err != nil {
		return unanswered(at.name, err)
	}
	defer resp.Body.Close()
	body := &bounded{r: resp.Body, left: maxBody}
	if err := refused(at, resp, body); err != nil {
		return err
	}
	err = read(resp.Header, body)
	switch {
	case body.over:
		return sampler.Classed(sampler.ErrUnsupported, "%s: %w: %s", at.name, errTooLarge, at.hint)
	case err == nil, errors.Is(err, sampler.ErrUnsupported):
		return err
	case timedOut(err):
		return sampler.Classed(err, "%s began to answer and then hung", at.name)
	}
	return fmt.Errorf("%s: %w", at.name, err)
}

// timedOut reports whether an answer took too long. Who is asked is there, so it is none of the classes that sampler names.
func timedOut(err error) bool {
	var late net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) && late.Timeout()
}

// unanswered explains why nobody answered.
func unanswered(name string, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // without the URL, which may hold a password
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return sampler.Classed(sampler.ErrNotFound, "nobody listens at %s: %w", name, err)
	case errors.Is(err, os.ErrPermission):
		return sampler.Classed(sampler.ErrPermission, "connect to %s: %w", name, err)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("ask %s: %w", name, err)
	case timedOut(err):
		return sampler.Classed(err, "%s does not answer in time", name)
	}
	return sampler.Classed(sampler.ErrNotFound, "ask %s: %w", name, err)
}

// refused explains an answer that is none.
func refused(at site, resp *http.Response, body io.Reader) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return sampler.Classed(sampler.ErrPermission, "%s answered %s%s", at.name, resp.Status, words(body))
	case code >= 500:
		return sampler.Classed(sampler.ErrNotFound, "%s answered %s%s", at.name, resp.Status, words(body))
	case code >= 300 && code < 400:
		return sampler.Classed(sampler.ErrUnsupported, "%s redirects to %q, which is not followed: give that address", at.name, resp.Header.Get("Location"))
	case code != http.StatusOK:
		return sampler.Classed(sampler.ErrUnsupported, "%s answered %s: %s", at.name, resp.Status, at.hint)
	case kind == "text/html" && !strings.HasSuffix(resp.Request.URL.Path, "/debug/pprof/"):
		return sampler.Classed(sampler.ErrUnsupported, "%s answered text/html: %s", at.name, at.hint)
	}
	return nil
}

// words returns the first line of an error page, if it is plain text, behind a colon.
func words(body io.Reader) string {
	b := make([]byte, 200)
	n, _ := io.ReadFull(body, b)
	line, _, _ := bytes.Cut(bytes.TrimSpace(b[:n]), []byte("\n"))
	if len(line) == 0 || line[0] == '<' {
		return ""
	}
	return fmt.Sprintf(": %.100q", line)
}

// bounded reads so many bytes at most, and notes when there are more.
type bounded struct {
	r    io.Reader
	left int
	over bool
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		var one [1]byte
		n, err := io.ReadFull(b.r, one[:])
		if b.over = n > 0; b.over {
			return 0, errTooLarge
		}
		return 0, err
	}
	if len(p) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= n
	return n, err
}

// newHTTPClient returns a client with one connection and short timeouts. It follows no redirect: an endpoint is where
// the user, or the process's own sockets, said it is.
func newHTTPClient(dial func(ctx context.Context, network, addr string) (net.Conn, error), proxy func(*http.Request) (*url.URL, error)) *http.Client {
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  proxy,
			DialContext:            dial,
			MaxIdleConns:           2,
			MaxConnsPerHost:        4,
			IdleConnTimeout:        time.Minute,
			TLSHandshakeTimeout:    dialTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // a profile is compressed as it is, and text would cost the target to compress
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// all returns a read function for page that keeps the whole body.
func all(into *[]byte) func(http.Header, io.Reader) error {
	return func(_ http.Header, body io.Reader) error {
		b, err := io.ReadAll(body)
		*into = b
		return err
	}
}
