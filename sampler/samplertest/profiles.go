package samplertest

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// profileRate is the mean number of bytes between two sampled objects, the runtime's default.
const profileRate = 512 << 10

// site is a place where the server allocates.
type site struct {
	size  float64 // of an object
	base  float64 // share of what the server needs
	cache bool    // all of the cache
	leak  bool    // all of the leak
	alloc float64 // share of what is allocated
	stack []sampler.Frame
}

// serve returns frames, innermost first, and below them those every request has.
func serve(frames ...sampler.Frame) []sampler.Frame {
	return append(frames,
		sampler.Frame{Function: "github.com/acme/api/server.(*Server).ServeHTTP", File: "/src/acme/api/server/server.go", Line: 91},
		sampler.Frame{Function: "net/http.serverHandler.ServeHTTP", File: "/usr/lib/go/src/net/http/server.go", Line: 3311},
		sampler.Frame{Function: "net/http.(*conn).serve", File: "/usr/lib/go/src/net/http/server.go", Line: 2073})
}

func own(function, file string, line int) sampler.Frame {
	return sampler.Frame{Function: "github.com/acme/api/" + function, File: "/src/acme/api/" + file, Line: line}
}

func mainFrame(line int) sampler.Frame {
	return sampler.Frame{Function: "main.main", File: "/src/acme/api/main.go", Line: line}
}

func std(function, file string, line int) sampler.Frame {
	return sampler.Frame{Function: function, File: "/usr/lib/go/src/" + file, Line: line}
}

// sites returns the twelve places.
func sites() []site { return append(requestSites(), longLivedSites()...) }

// requestSites allocate while a request is served.
func requestSites() []site {
	return []site{
		{size: 1024, cache: true, alloc: .02, stack: serve(
			own("cache.(*LRU).Add", "cache/lru.go", 88),
			own("server.(*Server).lookup", "server/lookup.go", 47),
		)},
		{size: 384, leak: true, alloc: .003, stack: serve(
			own("session.(*Manager).remember", "session/manager.go", 132),
			own("session.(*Manager).Login", "session/manager.go", 71),
		)},
		{size: 2048, base: .08, alloc: .22, stack: serve(
			std("bytes.growSlice", "bytes/buffer.go", 255),
			std("bytes.(*Buffer).grow", "bytes/buffer.go", 150),
			std("encoding/json.Marshal", "encoding/json/encode.go", 183),
			own("server.(*Server).reply", "server/reply.go", 24),
		)},
		{size: 64, base: .06, alloc: .19, stack: serve(
			std("encoding/json.(*decodeState).literalStore", "encoding/json/decode.go", 963),
			std("encoding/json.Unmarshal", "encoding/json/decode.go", 113),
			own("server.(*Server).decode", "server/decode.go", 19),
		)},
		{size: 256 << 10, base: .05, alloc: .05, stack: serve(
			std("compress/flate.NewWriter", "compress/flate/deflate.go", 668),
			std("compress/gzip.(*Writer).Write", "compress/gzip/gzip.go", 191),
			own("server.(*Server).reply", "server/reply.go", 31),
		)},
		{size: 32, base: .03, alloc: .10, stack: serve(
			std("fmt.Sprintf", "fmt/print.go", 239),
			own("server.key[...]", "server/lookup.go", 12),
			own("server.(*Server).lookup", "server/lookup.go", 44),
		)},
	}
}

// longLivedSites allocate when the server or a connection begins.
func longLivedSites() []site {
	return []site{
		{size: 96, base: .30, alloc: .06, stack: []sampler.Frame{
			own("store.(*Index).insert", "store/index.go", 214),
			own("store.Load", "store/load.go", 58),
			own("server.New", "server/server.go", 33),
			mainFrame(27),
		}},
		{size: 1 << 20, base: .20, alloc: .02, stack: []sampler.Frame{
			own("store.(*arena).grow", "store/arena.go", 40),
			own("store.Load", "store/load.go", 61),
			own("server.New", "server/server.go", 33),
			mainFrame(27),
		}},
		{size: 4096, base: .12, alloc: .11, stack: []sampler.Frame{
			std("bufio.NewReaderSize", "bufio/bufio.go", 57),
			std("net/http.newBufioReader", "net/http/server.go", 858),
			std("net/http.(*conn).serve", "net/http/server.go", 2004),
		}},
		{size: 4096, base: .09, alloc: .09, stack: []sampler.Frame{
			std("bufio.NewWriterSize", "bufio/bufio.go", 603),
			std("net/http.newBufioWriterSize", "net/http/server.go", 874),
			std("net/http.(*conn).serve", "net/http/server.go", 2006),
		}},
		{size: 512, base: .05, alloc: .12, stack: []sampler.Frame{
			std("net/textproto.readMIMEHeader", "net/textproto/reader.go", 520),
			std("net/http.readRequest", "net/http/request.go", 1102),
			std("net/http.(*conn).serve", "net/http/server.go", 2034),
		}},
		{size: 448, base: .02, alloc: .017, stack: []sampler.Frame{
			std("runtime.malg", "runtime/proc.go", 5131),
			std("runtime.newproc1", "runtime/proc.go", 5201),
		}},
	}
}

// heapProfile returns the sites as a profile with the default rate: whole samples, scaled as the runtime scales them.
func (m *model) heapProfile() *profile.Profile {
	b := newBuilder()
	b.p.SampleType = []*profile.ValueType{
		{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"},
		{Type: "inuse_objects", Unit: "count"}, {Type: "inuse_space", Unit: "bytes"},
	}
	b.p.PeriodType, b.p.Period = &profile.ValueType{Type: "space", Unit: "bytes"}, profileRate
	b.p.DefaultSampleType = "inuse_space"
	for _, s := range sites() {
		held := m.held(s)
		objects, space := sampled(held, s.size)
		allocs, allocSpace := sampled(max(s.alloc*m.allocated, held), s.size)
		if allocs > 0 {
			b.add(s.stack, map[string][]int64{"bytes": {int64(s.size)}}, allocs, allocSpace, objects, space)
		}
	}
	return b.p
}

// sampled returns what a profile tells of so many bytes in objects of size: a whole number of samples, scaled.
func sampled(held, size float64) (objects, space int64) {
	chance := 1 - math.Exp(-size/profileRate)
	n := math.Round(held / size * chance)
	count := math.Round(n / chance)
	return int64(count), int64(count * size)
}

// groups returns the goroutines, the largest group first.
func (m *model) groups() []sampler.GoroutineGroup {
	waits := func(low, high float64) (a, b sampler.Reading) {
		return sampler.Known(math.Floor(min(low, m.now))), sampler.Known(math.Floor(min(high, m.now)))
	}
	group := func(count int, state string, low, high float64, by sampler.Frame, stack ...sampler.Frame) sampler.GoroutineGroup {
		g := sampler.GoroutineGroup{Count: count, State: state, Stack: stack, CreatedBy: by}
		g.WaitMin, g.WaitMax = waits(low, high)
		return g
	}
	listen := std("net/http.(*Server).Serve", "net/http/server.go", 3424)
	conns := group(28, "IO wait", 0, 41, listen, std("internal/poll.(*FD).Read", "internal/poll/fd_unix.go", 165),
		std("net.(*conn).Read", "net/net.go", 196), std("net/http.(*connReader).Read", "net/http/server.go", 798), std("net/http.(*conn).serve", "net/http/server.go", 2034))
	workers := group(16, "chan receive", 0, 3, own("worker.New", "worker/pool.go", 22), own("worker.(*Pool).run", "worker/pool.go", 41))
	rest := []sampler.GoroutineGroup{
		group(1, "IO wait", 0, 0, mainFrame(35), std("internal/poll.(*FD).Accept", "internal/poll/fd_unix.go", 611), std("net.(*TCPListener).Accept", "net/tcpsock.go", 380), listen),
		group(1, "select", m.now, m.now, sampler.Frame{}, own("server.(*Server).Run", "server/server.go", 64), mainFrame(41)),
		{Count: 1, State: "running", WaitMin: sampler.Known(0), WaitMax: sampler.Known(0)},
	}
	groups := []sampler.GoroutineGroup{conns, workers}
	if m.leaked() > 0 {
		oldest := m.now - 30
		groups = append(groups, group(m.leaked(), "chan send", m.now-30*float64(m.leaked()), oldest, own("notify.(*Hub).Publish", "notify/hub.go", 57), own("notify.(*Hub).deliver", "notify/hub.go", 83)))
	}
	for i := len(groups) - 1; i > 0 && groups[i].Count > groups[i-1].Count; i-- {
		groups[i], groups[i-1] = groups[i-1], groups[i]
	}
	return append(groups, rest...)
}

func (m *model) goroutineProfile() *profile.Profile {
	b := newBuilder()
	b.p.SampleType = []*profile.ValueType{{Type: "goroutine", Unit: "count"}}
	b.p.PeriodType, b.p.Period = b.p.SampleType[0], 1
	for _, g := range m.groups() {
		stack := g.Stack
		if len(stack) == 0 {
			stack = []sampler.Frame{std("runtime/pprof.runtime_goroutineProfileWithLabels", "runtime/mprof.go", 1341)}
		}
		b.add(stack, nil, int64(g.Count))
	}
	return b.p
}

// builder makes a profile of stacks.
type builder struct {
	p         *profile.Profile
	functions map[string]*profile.Function
	locations map[string]*profile.Location
}

func newBuilder() *builder {
	m := &profile.Mapping{ID: 1, Start: 0x400000, Limit: 0xa00000, File: "/srv/api-server", HasFunctions: true, HasFilenames: true, HasLineNumbers: true}
	return &builder{
		p:         &profile.Profile{Mapping: []*profile.Mapping{m}},
		functions: make(map[string]*profile.Function), locations: make(map[string]*profile.Location),
	}
}

func (b *builder) add(stack []sampler.Frame, labels map[string][]int64, values ...int64) {
	s := &profile.Sample{Value: values, NumLabel: labels}
	for _, f := range stack {
		s.Location = append(s.Location, b.location(f))
	}
	b.p.Sample = append(b.p.Sample, s)
}

func (b *builder) location(f sampler.Frame) *profile.Location {
	key := fmt.Sprintf("%s:%d", f.Function, f.Line)
	if l := b.locations[key]; l != nil {
		return l
	}
	fn := b.functions[f.Function]
	if fn == nil {
		fn = &profile.Function{ID: uint64(len(b.functions) + 1), Name: f.Function, SystemName: strings.TrimSuffix(f.Function, "[...]"), Filename: f.File}
		b.functions[f.Function] = fn
		b.p.Function = append(b.p.Function, fn)
	}
	l := &profile.Location{
		ID: uint64(len(b.locations) + 1), Mapping: b.p.Mapping[0], Address: 0x401000 + 0x40*uint64(len(b.locations)),
		Line: []profile.Line{{Function: fn, Line: int64(f.Line)}},
	}
	b.locations[key] = l
	b.p.Location = append(b.p.Location, l)
	return l
}

// profile encodes p. The caller holds mu.
func (f *Fake) profile(p *profile.Profile, took time.Duration) (sampler.Profile, error) {
	p.TimeNanos = f.now.UnixNano()
	var data bytes.Buffer
	if err := p.Write(&data); err != nil {
		return sampler.Profile{}, fmt.Errorf("encode a profile: %w", err)
	}
	return sampler.Profile{Time: f.now, Took: took, Source: "agent", Data: data.Bytes()}, nil
}
