package goruntime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"runtime"
	rpprof "runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

func startSleep(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd.Process.Pid
}

// hanging returns the address of a server that takes connections and never answers.
func hanging(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// What a wrong endpoint answers is named, with a sort the caller can tell and a next step.
func TestNoEndpoint(t *testing.T) {
	for name, x := range map[string]struct {
		serve http.HandlerFunc
		want  error
		words string
	}{
		"html": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>welcome</html>")
		}, sampler.ErrUnsupported, "answered text/html: not a pprof endpoint; try http://host:port/debug/pprof/"},
		"404": {http.NotFound, sampler.ErrUnsupported, "404"},
		"500": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "out of\x1b[2J order", 500) }, sampler.ErrNotFound, `500 Internal Server Error: "out of\x1b[2J order"`},
		"401": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, sampler.ErrPermission, "401"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		}, sampler.ErrUnsupported, `redirects to "http://192.0.2.1/"`},
		"text": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello\n") }, sampler.ErrUnsupported, "not a pprof endpoint"},
		"huge": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "heap profile: 0: 0 [0: 0] @ heap/1048576\n")
			line := []byte(strings.Repeat("x", 1<<20) + "\n")
			for range 2 << 10 {
				if _, err := w.Write(line); err != nil {
					return
				}
			}
		}, sampler.ErrUnsupported, "larger than 64 MiB"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "heap profile: 0: 0 [0: 0] @ heap/1048576\n")
		}, nil, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(x.serve)
			defer s.Close()
			u, err := parsePprofURL(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			e, err := openEndpoint(t.Context(), u, askEvery, nil)
			if err == nil {
				e.close()
				t.Fatal("taken for a pprof endpoint")
			}
			if x.want != nil && !errors.Is(err, x.want) || !strings.Contains(err.Error(), x.words) {
				t.Errorf("want %v, %q; got: %v", x.want, x.words, err)
			}
			for _, class := range []error{sampler.ErrUnsupported, sampler.ErrNotFound, sampler.ErrPermission} {
				if strings.Contains(err.Error(), class.Error()) {
					t.Errorf("the words of the class add nothing: %v", err)
				}
			}
		})
	}
}

// Who hangs is there: to say that there is no such target would be wrong.
func TestWhoHangsIsNotAbsent(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	u, err := parsePprofURL(hanging(t))
	if err != nil {
		t.Fatal(err)
	}
	c := newHTTPClient(nil, nil)
	defer c.CloseIdleConnections()
	err = page(ctx, c, http.MethodGet, u.page("", ""), u.site(), nil, all(new([]byte)))
	if err == nil || errors.Is(err, sampler.ErrNotFound) || !errors.Is(err, context.DeadlineExceeded) || !strings.HasSuffix(err.Error(), " does not answer in time") {
		t.Errorf("%v", err)
	}
}

// An endpoint that stops answering costs the system's figures nothing: readings go on, with its last answer and the time of
// that.
func TestEndpointThatHangsLater(t *testing.T) {
	hang := make(chan struct{})
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked > 2 {
			<-hang
		}
		if r.URL.Path == "/debug/pprof/heap" {
			rpprof.Lookup("heap").WriteTo(w, 1)
		}
	}))
	defer s.Close()
	defer close(hang)
	u, err := parsePprofURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	e, err := openEndpoint(t.Context(), u, time.Millisecond, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	var snap sampler.Snapshot
	first := e.last.at
	for i := range 4 {
		begun := time.Now()
		snap.Reset(begun)
		if err := e.read(t.Context(), &snap); err != nil || len(snap.Samples) == 0 || !snap.RuntimeTime().Equal(first) {
			t.Errorf("reading %d: %d samples of %v, %v", i, len(snap.Samples), snap.RuntimeTime(), err)
		}
		if took := time.Since(begun); took > statsTimeout/2 {
			t.Errorf("reading %d took %v", i, took)
		}
	}
}

func TestParsePprofURL(t *testing.T) {
	for in, want := range map[string]string{
		"localhost:6060":          "http://localhost:6060/debug/pprof/heap?debug=1",
		"http://localhost:6060":   "http://localhost:6060/debug/pprof/heap?debug=1",
		"http://h:1/":             "http://h:1/debug/pprof/heap?debug=1",
		"http://h:1/debug/pprof":  "http://h:1/debug/pprof/heap?debug=1",
		"http://h:1/debug/pprof/": "http://h:1/debug/pprof/heap?debug=1",
		"https://h/admin/debug/pprof/goroutine?k=v&a=&debug=2&seconds=5": "https://h/admin/debug/pprof/heap?k=v&a=&debug=1",
		"http://u:p@h:1/x#frag": "http://u:p@h:1/x/debug/pprof/heap?debug=1",
		"http://[::1]:6060":     "http://[::1]:6060/debug/pprof/heap?debug=1",
	} {
		u, err := parsePprofURL(in)
		if err != nil || u.page("heap", "debug=1") != want {
			t.Errorf("%s: %s, %v; want %s", in, u.page("heap", "debug=1"), err, want)
		}
	}
	for _, in := range []string{"", "ftp://h/", "http://", "http://h:x/", "http:// h/"} {
		if u, err := parsePprofURL(in); err == nil {
			t.Errorf("%q is taken for %s", in, u.name())
		}
	}
}

// The text of heap?debug=1 says the same as runtime.MemStats.
func TestParseMemStats(t *testing.T) {
	runtime.GC()
	var page bytes.Buffer
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := rpprof.Lookup("heap").WriteTo(&page, 1); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	m, err := parseMemStats(&page)
	if err != nil {
		t.Fatal(err)
	}
	if m.values["NumGC"] != uint64(after.NumGC) || before.NumGC != after.NumGC {
		t.Skip("a collection came in between")
	}
	var s sampler.Snapshot
	m.samples(&s)
	m.cycles(&s, uint64(after.NumGC)-1, uint64(after.NumForcedGC)-1)
	last := (after.NumGC + 255) % 256
	want := sampler.GCCycle{Number: uint64(after.NumGC), Kind: "forced", End: time.Unix(0, int64(after.PauseEnd[last])), Pause: sampler.Known(float64(after.PauseNs[last]) / 1e9)}
	if len(s.Cycles) != 1 || s.Cycles[0] != want {
		t.Errorf("cycles %+v, want %+v", s.Cycles, want)
	}
	for metric, v := range map[sampler.Metric]uint64{
		sampler.GoHeapGoal: after.NextGC, sampler.GoCyclesForced: uint64(after.NumForcedGC),
	} {
		if got, ok := s.Get(metric); !ok || got != float64(v) {
			t.Errorf("%s is %v, %t, want %d", metric, got, ok, v)
		}
	}
	// The classes add up to all there is, as runtime/metrics promises of them.
	var sum float64
	for _, x := range s.Samples {
		if strings.HasPrefix(string(x.Metric), "/memory/classes/") && x.Metric != sampler.GoClassTotal {
			sum += x.Value
		}
	}
	if total, _ := s.Get(sampler.GoClassTotal); sum != total {
		t.Errorf("the classes add up to %.0f, the total is %.0f", sum, total)
	}
}

func FuzzMemStats(f *testing.F) {
	var page bytes.Buffer
	if err := rpprof.Lookup("heap").WriteTo(&page, 1); err != nil {
		f.Fatal(err)
	}
	text := page.String()
	f.Add(text[strings.LastIndex(text, "# runtime.MemStats"):])
	f.Fuzz(func(t *testing.T, trailer string) {
		m, err := parseMemStats(strings.NewReader("heap profile: 0: 0 [0: 0] @ heap/1\n" + trailer))
		if err != nil {
			return
		}
		var s sampler.Snapshot
		m.samples(&s)
		m.cycles(&s, 0, 0)
		for _, x := range s.Samples {
			if x.Value < 0 {
				t.Errorf("%s is %v", x.Metric, x.Value)
			}
		}
		if len(s.Cycles) > ringSize {
			t.Errorf("%d cycles", len(s.Cycles))
		}
	})
}

const stacks = `goroutine 1 [running]:
main.main()
	/src/main.go:10 +0x1d

goroutine 7 [chan receive, 5 minutes, locked to thread]:
main.(*T).wait(0xc000012345, {0x1, 0x2})
	/src/a b.go:12 +0x5d
main.F[...](...)
	/src/main.go:13
created by main.start in goroutine 1
	/src/main.go:9 +0x20

goroutine 8 [chan receive, 3 minutes]:
main.(*T).wait(0xc000054321, {0x1, 0x2})
	/src/a b.go:12 +0x5d
main.F[...](...)
	/src/main.go:13
created by main.start in goroutine 1
	/src/main.go:9 +0x20

goroutine 9 [select (durable), synctest bubble 4]:
main.deep(0x1)
	/src/main.go:20 +0x5d
...23 frames elided...
main.top()
	/src/main.go:21 +0x5d
created by main.start
	/src/main.go:9 +0x20
`

func TestParseStacks(t *testing.T) {
	var g sampler.Goroutines
	if err := parseStacks(strings.NewReader(stacks), &g); err != nil {
		t.Fatal(err)
	}
	if g.Total != 4 || len(g.Groups) != 3 {
		t.Fatalf("%d goroutines in %d groups", g.Total, len(g.Groups))
	}
	start := sampler.Frame{Function: "main.start", File: "/src/main.go", Line: 9}
	want := sampler.GoroutineGroup{
		Count: 2, State: "chan receive", WaitMin: sampler.Known(180), WaitMax: sampler.Known(300), CreatedBy: start,
		Stack: []sampler.Frame{{Function: "main.(*T).wait", File: "/src/a b.go", Line: 12}, {Function: "main.F[...]", File: "/src/main.go", Line: 13}},
	}
	if got := fmt.Sprintf("%+v", g.Groups[0]); got != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %s\nwant %+v", got, want)
	}
	if last := g.Groups[2]; last.State != "select" || last.WaitMax.OK || len(last.Stack) != 2 || last.CreatedBy != start {
		t.Errorf("got %+v", last)
	}
	for _, text := range []string{"", "hello\n", "<html>", "goroutine profile: total 3\n"} {
		if err := parseStacks(strings.NewReader(text), &g); !errors.Is(err, errNotGoroutines) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestManyStacksAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range maxGroups + 5 {
		fmt.Fprintf(&b, "goroutine %d [select]:\nmain.f%d()\n\t/m.go:1 +0x1\n\n", i, i)
	}
	var g sampler.Goroutines
	if err := parseStacks(strings.NewReader(b.String()), &g); err != nil {
		t.Fatal(err)
	}
	if g.Total != maxGroups+5 || len(g.Groups) != maxGroups || len(g.Warnings) != 1 {
		t.Errorf("%d goroutines, %d groups, warnings %v", g.Total, len(g.Groups), g.Warnings)
	}
}

// Both texts tell of the same goroutines.
func TestParseCountedAgreesWithStacks(t *testing.T) {
	stop := make(chan struct{})
	for range 50 {
		go func() { <-stop }()
	}
	defer close(stop)
	read := func(debug int, parse func(io.Reader, *sampler.Goroutines) error) (total, mine int) {
		var page bytes.Buffer
		var g sampler.Goroutines
		if err := errors.Join(rpprof.Lookup("goroutine").WriteTo(&page, debug), parse(&page, &g)); err != nil {
			t.Fatal(err)
		}
		for _, grp := range g.Groups {
			if strings.Contains(fmt.Sprint(grp.Stack), "TestParseCountedAgreesWithStacks.func1") {
				mine += grp.Count
			}
		}
		return g.Total, mine
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		t1, m1 := read(1, parseCounted)
		t2, m2 := read(2, parseStacks)
		if t1 == t2 && m1 == 50 && m2 == 50 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("counted %d with %d of mine, stacks %d with %d", t1, m1, t2, m2)
		}
	}
}

func FuzzGoroutines(f *testing.F) {
	f.Add(stacks)
	f.Add("goroutine profile: total 2\n2 @ 0x1 0x2\n#\t0x1\tmain.f+0x1\t\t/m.go:1\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func(io.Reader, *sampler.Goroutines) error{parseStacks, parseCounted} {
			var g sampler.Goroutines
			if err := parse(strings.NewReader(text), &g); err != nil {
				continue
			}
			sum := 0
			for _, grp := range g.Groups {
				sum += grp.Count
			}
			if sum > g.Total || sum < g.Total && len(g.Warnings) == 0 {
				t.Errorf("groups of %d, total %d", sum, g.Total)
			}
		}
	})
}

func TestParseListener(t *testing.T) {
	for line, want := range map[string]string{
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0": "127.0.0.1:8080 127.0.0.1:8080",
		"   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0":    "0.0.0.0:22 127.0.0.1:22",
		"   1: 010200C0:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0":    "192.0.2.1:22 ",
		"   0: 00000000000000000000000001000000:17AC 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 9": "[::1]:6060 [::1]:6060",
		"   0: 00000000000000000000000000000000:17AC 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 9": "[::]:6060 [::1]:6060",
		"   0: 0100007F:1F90 00000000:0000 01 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0": "",
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode":     "",
		"   0: 0100007F0:1F90 0:0 0A 0:0 0:0 0 0 0 9":                                                          "",
		"": "",
	} {
		l, ok := parseListener([]byte(line))
		got := ""
		if ok {
			at, reachable := l.loopback()
			if got = l.addr.String() + " "; reachable {
				got += at.String()
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func FuzzListener(f *testing.F) {
	f.Add("   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0")
	f.Fuzz(func(t *testing.T, line string) {
		if l, ok := parseListener([]byte(line)); ok && (l.inode == 0 || !l.addr.IsValid()) {
			t.Errorf("%+v", l)
		}
	})
}
