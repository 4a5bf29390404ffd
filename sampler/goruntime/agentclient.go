package goruntime

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/agent"
	"github.com/alloc-dev/heaptop/sampler/internal/peer"
)

const (
	agentTimeout = time.Second // for statistics; the agent sits on this machine and stops nothing for them
	agentHost    = "http://localhost"
	gcTimeout    = time.Minute
)

// agentClient asks heaptop's agent in a program, over a unix socket.
type agentClient struct {
	path    string
	pid     atomic.Int64 // of the process at the other end as this system counts, 0 when it cannot tell
	info    agent.Info
	client  *http.Client
	buckets []float64
	counts  []uint64
	seen    bool
	since   uint64
	reply   agentReply
}

// agentReply is the answer to GET metrics.
type agentReply struct {
	Time    int64              `json:"time"`
	Samples map[string]float64 `json:"samples"`
	Buckets []string           `json:"buckets"`
	Counts  []uint64           `json:"counts"`
	NumGC   uint64             `json:"numgc"`
	Cycles  []agentCycle       `json:"cycles"`
}

// What of an answer is used at most: the runtime has some 120 metrics, and remembers 256 collections.
const (
	agentSamples    = 500
	agentCycles     = 256
	agentNameLength = 100
)

// add adds the samples in the order of their names. Whoever answers may make names up: what is not of the families that a
// Go program can tell of itself is left out, so that nothing takes the place of what the kernel says.
func (r *agentReply) add(s *sampler.Snapshot) {
	n := 0
	for _, name := range slices.Sorted(maps.Keys(r.Samples)) {
		if n < agentSamples && isRuntimeMetric(name) {
			n++
			s.Add(sampler.Metric(name), r.Samples[name])
		}
	}
}

// isRuntimeMetric reports whether a name can be one of package runtime/metrics, or of what the program counts itself.
func isRuntimeMetric(name string) bool {
	family, _, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	switch family {
	case "cgo", "cpu", "gc", "memory", "sched", "sync", "work":
	default:
		return false
	}
	strange := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("/_-:", c)
	}
	return name[0] == '/' && len(name) <= agentNameLength && strings.Count(name, ":") == 1 && name[len(name)-1] != ':' && !strings.ContainsFunc(name, strange)
}

type agentCycle struct {
	N     uint64   `json:"n"`
	End   int64    `json:"end"`
	Pause int64    `json:"pause"`
	Live  *float64 `json:"live"`
	Goal  *float64 `json:"goal"`
	Kind  string   `json:"kind"`
}

// openAgent connects to the socket at path. With a pid it refuses one that belongs to another process, where the
// system can tell.
func openAgent(ctx context.Context, path string, pid int) (*agentClient, error) {
	a := &agentClient{path: path}
	a.client = newHTTPClient(func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := (&net.Dialer{Timeout: agentTimeout}).DialContext(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		owner := peer.PID(c)
		a.pid.Store(int64(owner))
		if pid != 0 && owner != 0 && owner != pid {
			c.Close()
			return nil, fmt.Errorf("the socket belongs to process %d, not %d", owner, pid)
		}
		return c, nil
	}, nil)
	var body []byte
	if err := a.ask(ctx, http.MethodGet, "/info", agentTimeout, all(&body)); err != nil {
		a.close()
		return nil, err
	}
	if err := json.Unmarshal(body, &a.info); err != nil || a.info.GoVersion == "" {
		a.close()
		if err != nil {
			return nil, sampler.Classed(sampler.ErrUnsupported, "%s is no agent of heaptop: %w", path, err)
		}
		return nil, sampler.Classed(sampler.ErrUnsupported, "%s is no agent of heaptop: it does not name its version of Go", path)
	}
	return a, nil
}

func (a *agentClient) name() string { return "agent" }

func (a *agentClient) site() site { return site{a.path, "not heaptop's agent"} }

func (a *agentClient) close() { a.client.CloseIdleConnections() }

func (a *agentClient) ask(ctx context.Context, method, path string, timeout time.Duration, read func(http.Header, io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return page(ctx, a.client, method, agentHost+agent.Prefix+path, a.site(), http.Header{agent.Header: {"heaptop"}}, read)
}

// read adds the runtime's statistics.
func (a *agentClient) read(ctx context.Context, s *sampler.Snapshot) error {
	query := url.Values{}
	if a.seen {
		query.Set("since", strconv.FormatUint(a.since, 10))
	}
	if a.buckets == nil {
		query.Set("buckets", "1")
	}
	r := &a.reply
	clear(r.Samples)
	*r = agentReply{Samples: r.Samples, Counts: r.Counts[:0]} // decoding into used elements would keep what they had
	err := a.ask(ctx, http.MethodGet, "/metrics?"+query.Encode(), agentTimeout, func(_ http.Header, body io.Reader) error {
		if err := json.NewDecoder(body).Decode(r); err != nil {
			return fmt.Errorf("read statistics of %s: %w", a.path, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.add(s)
	if err := a.histogram(s); err != nil {
		s.Warn(err)
	}
	a.cycles(s)
	a.seen, a.since = true, r.NumGC
	return nil
}

func (a *agentClient) histogram(s *sampler.Snapshot) error {
	r := &a.reply
	if len(r.Counts) == 0 {
		return nil // this version of Go has none
	}
	if a.buckets == nil {
		b := make([]float64, 0, len(r.Buckets))
		for _, text := range r.Buckets {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || math.IsNaN(v) {
				return fmt.Errorf("read pauses of %s: bucket %q", a.path, text)
			}
			b = append(b, v)
		}
		if !slices.IsSorted(b) {
			return fmt.Errorf("read pauses of %s: buckets out of order", a.path)
		}
		a.buckets = b
	}
	if len(a.buckets) != len(r.Counts)+1 {
		return fmt.Errorf("read pauses of %s: %d buckets, %d counts", a.path, len(a.buckets), len(r.Counts))
	}
	a.counts = append(a.counts[:0], r.Counts...)
	s.Histograms = append(s.Histograms, sampler.Histogram{Metric: sampler.GoGCPauses, Buckets: a.buckets, Counts: a.counts})
	return nil
}

func (a *agentClient) cycles(s *sampler.Snapshot) {
	before, list := a.since, a.reply.Cycles
	for _, c := range list[max(len(list)-agentCycles, 0):] {
		if c.N <= before {
			continue
		}
		before = c.N
		pause := float64(c.Pause) / 1e9
		s.Cycles = append(s.Cycles, sampler.GCCycle{
			Number: c.N, End: time.Unix(0, c.End), Kind: c.Kind,
			Live: optional(c.Live), Goal: optional(c.Goal), Pause: optional(&pause),
		})
	}
}

// optional is unknown for what was not told, or cannot be.
func optional(v *float64) sampler.Reading {
	if v == nil || *v < 0 {
		return sampler.Reading{}
	}
	return sampler.Known(*v)
}

func (a *agentClient) heapProfile(ctx context.Context) (sampler.Profile, error) {
	return readProfile(ctx, a.client, agentHost+agent.Prefix+"/profile/heap", a.site(), a.name())
}

func (a *agentClient) goroutineProfile(ctx context.Context) (sampler.Profile, error) {
	return readProfile(ctx, a.client, agentHost+agent.Prefix+"/profile/goroutine", a.site(), a.name())
}

func (a *agentClient) goroutines(ctx context.Context) (sampler.Goroutines, error) {
	count := func(context.Context) sampler.Reading {
		n, ok := a.reply.Samples[string(sampler.GoGoroutines)]
		return sampler.Reading{Value: n, OK: ok}
	}
	address := func(query string) string { return agentHost + agent.Prefix + "/profile/goroutine?" + query }
	return readGoroutines(ctx, a.client, count, address, a.site(), a.name())
}

func (a *agentClient) collect(ctx context.Context) error { return a.post(ctx, "/gc") }

func (a *agentClient) setGCPercent(ctx context.Context, percent int) error {
	return a.post(ctx, "/gogc?percent="+strconv.Itoa(percent))
}

func (a *agentClient) setMemoryLimit(ctx context.Context, bytes int64) error {
	return a.post(ctx, "/gomemlimit?bytes="+strconv.FormatInt(bytes, 10))
}

func (a *agentClient) freeOSMemory(ctx context.Context) error { return a.post(ctx, "/freeosmemory") }

func (a *agentClient) post(ctx context.Context, path string) error {
	return a.ask(ctx, http.MethodPost, path, gcTimeout, func(_ http.Header, body io.Reader) error {
		_, err := io.Copy(io.Discard, body)
		return err
	})
}
