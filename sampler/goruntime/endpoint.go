package goruntime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	askEvery       = 5 * time.Second // statistics and heap profiles of an endpoint stop the world
	statsTimeout   = 5 * time.Second
	profileTimeout = 30 * time.Second
	manyGoroutines = 20_000 // above, their stacks are asked for without states, which stops the world for less time
)

// endpoint asks a net/http/pprof endpoint. Its statistics come from heap?debug=1, for which the target stops the world
// and writes out all its allocation sites: they are asked for in the background, every 5 s at most.
type endpoint struct {
	url     pprofURL
	client  *http.Client
	every   time.Duration // askEvery, but in tests
	cancel  context.CancelFunc
	ctx     context.Context
	running sync.WaitGroup
	found   bool // on a port of the process, not named by the user

	result   chan *stats // holds the answer to the last question
	asking   bool
	asked    time.Time
	lastRead time.Time
	seen     bool // since and forced are those of a reading that was told
	since    uint64
	forced   uint64
	last     *stats // the last answer, told again until the next one comes

	heap sampler.Profile // the last one, told again when asked for too soon
}

// stats is one answer.
type stats struct {
	at         time.Time
	mem        *memStats
	goroutines sampler.Reading
	err        error
}

// openEndpoint asks once, so that what is no pprof endpoint is known at once.
func openEndpoint(ctx context.Context, u pprofURL, every time.Duration, proxy func(*http.Request) (*url.URL, error)) (*endpoint, error) {
	e := newEndpoint(u, every, proxy)
	first := e.ask(ctx)
	if first.err != nil {
		e.close()
		return nil, first.err
	}
	e.last, e.asked, e.lastRead = first, first.at, first.at
	return e, nil
}

func newEndpoint(u pprofURL, every time.Duration, proxy func(*http.Request) (*url.URL, error)) *endpoint {
	e := &endpoint{url: u, client: newHTTPClient(nil, proxy), every: every, result: make(chan *stats, 1)}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.last = &stats{err: fmt.Errorf("%s has not answered yet", u.name())}
	return e
}

// sparedEndpoint is the endpoint of a program that is read by other means: it is asked for nothing until it is needed.
func sparedEndpoint(u pprofURL, every time.Duration) *endpoint {
	e := newEndpoint(u, every, nil)
	e.lastRead = time.Now()
	e.spare()
	return e
}

// spare keeps no connection from now on: it would count among the program's files and goroutines.
func (e *endpoint) spare() {
	was := e.client
	t := was.Transport.(*http.Transport).Clone()
	t.DisableKeepAlives = true
	e.client = &http.Client{Transport: t, CheckRedirect: was.CheckRedirect}
	was.CloseIdleConnections()
}

func (e *endpoint) name() string { return "pprof" }

func (e *endpoint) close() {
	e.cancel()
	e.running.Wait()
	e.client.CloseIdleConnections()
}

// ask reads the statistics and counts the goroutines.
func (e *endpoint) ask(ctx context.Context) *stats {
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	s := &stats{at: time.Now()}
	s.err = page(ctx, e.client, http.MethodGet, e.url.page("heap", "debug=1"), e.url.site(), nil, func(_ http.Header, body io.Reader) (err error) {
		s.mem, err = parseMemStats(body)
		if errors.Is(err, errNoMemStats) {
			err = sampler.Classed(sampler.ErrUnsupported, "%s is %w: %s", e.url.name(), err, pprofHint)
		}
		return err
	})
	if s.err == nil {
		s.goroutines = e.count(ctx)
	}
	return s
}

// indexRow is how net/http/pprof lists the goroutines on its first page, which costs the target nothing.
const indexRow = `<td>(\d{1,9})</td><td><a href='?"?goroutine\?`

// count reads the number of goroutines; it is unknown where the first page is not served.
func (e *endpoint) count(ctx context.Context) sampler.Reading {
	var body []byte
	if err := page(ctx, e.client, http.MethodGet, e.url.page("", ""), e.url.site(), nil, all(&body)); err != nil {
		return sampler.Reading{}
	}
	m := regexp.MustCompile(indexRow).FindSubmatch(body)
	if m == nil {
		return sampler.Reading{}
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	return sampler.Reading{Value: n, OK: err == nil}
}

// read adds the statistics: new ones, if they are due and come soon, else the last ones again, with their own time. It
// waits for an answer half as long as the time between readings, and no more than statsTimeout; one that comes later
// belongs to a later reading, unless it is too old by then.
func (e *endpoint) read(ctx context.Context, s *sampler.Snapshot) error {
	now := time.Now()
	wait := min(max(now.Sub(e.lastRead)/2, 100*time.Millisecond), statsTimeout)
	e.lastRead = now
	if !e.asking {
		if now.Sub(e.asked) < e.every {
			return e.tell(s)
		}
		e.asking, e.asked = true, now
		e.running.Go(func() { e.result <- e.ask(e.ctx) })
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case got := <-e.result:
		e.asking, e.last = false, got
		return e.tell(s)
	case <-timer.C:
		return e.tell(s)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell adds the last answer to a snapshot.
func (e *endpoint) tell(s *sampler.Snapshot) error {
	got := e.last
	if got.err != nil {
		return got.err
	}
	age := s.Time.Sub(got.at)
	if age > e.every+statsTimeout {
		return fmt.Errorf("the answer of %s is %v old and left out", e.url.name(), age.Round(time.Second))
	}
	if age > 0 {
		s.Runtime = got.at
	}
	got.mem.samples(s)
	if got.goroutines.OK {
		s.Add(sampler.GoGoroutines, got.goroutines.Value)
	}
	last := got.mem.values["NumGC"]
	if e.seen && last >= e.since {
		got.mem.cycles(s, e.since, e.forced)
	}
	e.seen, e.since, e.forced = true, last, got.mem.values["NumForcedGC"]
	return nil
}

// profile reads a page in pprof's format.
func (e *endpoint) profile(ctx context.Context, name, query string) (sampler.Profile, error) {
	return readProfile(ctx, e.client, e.url.page(name, query), e.url.site(), e.name())
}

func readProfile(ctx context.Context, c *http.Client, u string, at site, source string) (sampler.Profile, error) {
	ctx, cancel := context.WithTimeout(ctx, profileTimeout)
	defer cancel()
	p := sampler.Profile{Time: time.Now(), Source: source}
	if err := page(ctx, c, http.MethodGet, u, at, nil, all(&p.Data)); err != nil {
		return sampler.Profile{}, err
	}
	p.Took = time.Since(p.Time)
	// A gzip header, or the first field of an uncompressed profile: its sample types.
	if !bytes.HasPrefix(p.Data, []byte{0x1f, 0x8b}) && !bytes.HasPrefix(p.Data, []byte{0x0a}) {
		return sampler.Profile{}, sampler.Classed(sampler.ErrUnsupported, "%s answered %.20q: not a profile", at.name, p.Data)
	}
	return p, nil
}

func (e *endpoint) heapProfile(ctx context.Context) (sampler.Profile, error) {
	if len(e.heap.Data) > 0 && time.Since(e.heap.Time) < e.every {
		return e.heap, nil
	}
	p, err := e.profile(ctx, "heap", "")
	if err == nil {
		e.heap = p
	}
	return p, err
}

func (e *endpoint) goroutineProfile(ctx context.Context) (sampler.Profile, error) {
	return e.profile(ctx, "goroutine", "")
}

func (e *endpoint) goroutines(ctx context.Context) (sampler.Goroutines, error) {
	return readGoroutines(ctx, e.client, e.count, func(debug string) string { return e.url.page("goroutine", debug) }, e.url.site(), e.name())
}

// readGoroutines reads all goroutines as text, with their states unless there are too many.
func readGoroutines(ctx context.Context, c *http.Client, count func(context.Context) sampler.Reading, address func(query string) string, at site, source string) (sampler.Goroutines, error) {
	ctx, cancel := context.WithTimeout(ctx, profileTimeout)
	defer cancel()
	g := sampler.Goroutines{Time: time.Now(), Source: source}
	n := count(ctx)
	parse, query := parseStacks, "debug=2"
	if n.OK && n.Value > manyGoroutines {
		parse, query = parseCounted, "debug=1"
		g.Warnings = append(g.Warnings, fmt.Errorf("states and waiting times of %.0f goroutines are left out: reading them would stop the program for long", n.Value))
	}
	err := page(ctx, c, http.MethodGet, address(query), at, nil, func(_ http.Header, body io.Reader) error {
		err := parse(body, &g)
		if errors.Is(err, errNotGoroutines) {
			err = sampler.Classed(sampler.ErrUnsupported, "%s: %w", at.name, err)
		}
		return err
	})
	g.Took = time.Since(g.Time)
	return g, err
}

// collect forces a collection, which the endpoint does before it writes a heap profile.
func (e *endpoint) collect(ctx context.Context) error {
	e.heap = sampler.Profile{}
	_, err := e.profile(ctx, "heap", "gc=1")
	return err
}
