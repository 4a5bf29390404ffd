package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// open listens in a folder of the test's own and returns a client that speaks to the agent.
func open(t *testing.T) (io.Closer, *http.Client) {
	t.Helper()
	t.Setenv("XDG_RUNTIME_DIR", shortDir(t))
	a, err := Listen(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a, clientOf(t, Addr(a))
}

// shortDir is t.TempDir with a name that leaves room for a socket's path.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ht")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func clientOf(t *testing.T, path string) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func ask(t *testing.T, c *http.Client, method, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://localhost"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(Header, "test")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

type reply struct {
	PID     int
	Time    int64
	Took    int64
	NumGC   uint64
	Samples map[string]float64
	Buckets []string
	Counts  []uint64
	Cycles  []struct {
		N     uint64
		End   int64
		Pause int64
		Live  *float64
		Goal  *float64
		Kind  string
	}
}

func readReply(t *testing.T, c *http.Client, query string) reply {
	t.Helper()
	code, body := ask(t, c, http.MethodGet, Prefix+"/metrics"+query)
	var r reply
	if err := json.Unmarshal([]byte(body), &r); code != http.StatusOK || err != nil {
		t.Fatalf("%d %v: %s", code, err, body)
	}
	return r
}

func TestMetricsAgreeWithMemStats(t *testing.T) {
	_, c := open(t)
	hold := make([]byte, 32<<20)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := readReply(t, c, "?buckets")
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(hold)
	if got.PID != os.Getpid() || got.Took <= 0 || time.Since(time.Unix(0, got.Time)) > time.Minute {
		t.Errorf("pid %d, took %d, time %d", got.PID, got.Took, got.Time)
	}
	const slack = 4 << 20
	for name, want := range map[string][2]uint64{
		"/memory/classes/heap/objects:bytes": {before.HeapAlloc - slack, after.HeapAlloc + slack},
		"/memory/classes/total:bytes":        {before.Sys, after.Sys},
		"/gc/heap/allocs:bytes":              {before.TotalAlloc, after.TotalAlloc},
		"/gc/cycles/total:gc-cycles":         {uint64(before.NumGC), uint64(after.NumGC)},
		"/gc/cycles/forced:gc-cycles":        {uint64(before.NumForcedGC), uint64(after.NumForcedGC)},
		"/gc/heap/live:bytes":                {32 << 20, 32<<20 + slack},
	} {
		v, ok := got.Samples[name]
		if !ok || v < float64(want[0]) || v > float64(want[1]) {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	pauses := got.Samples["/gc/pauses/total:seconds"] * 1e9
	if pauses < float64(before.PauseTotalNs)-1 || pauses > float64(after.PauseTotalNs)+1 {
		t.Errorf("pauses %v ns, want %d to %d", pauses, before.PauseTotalNs, after.PauseTotalNs)
	}
	if n, now := got.Samples[goroutines], float64(runtime.NumGoroutine()); n < now-3 || n > now+3 {
		t.Errorf("%v goroutines, the runtime says %v", n, now)
	}
	if len(got.Buckets) != len(got.Counts)+1 || got.Buckets[0] != "-Inf" && got.Buckets[0] != "0" {
		t.Errorf("%d buckets %v, %d counts", len(got.Buckets), got.Buckets[:1], len(got.Counts))
	}
	if again := readReply(t, c, ""); again.Buckets != nil || again.Cycles != nil {
		t.Error("buckets or cycles came unasked")
	}
}

// The scavenger returns memory and the allocator takes it back at any time: the figures agree where nobody moved any
// between two readings of the runtime's.
func TestReleasedMemoryAgreesWithMemStats(t *testing.T) {
	_, c := open(t)
	const name = "/memory/classes/heap/released:bytes"
	var before, after runtime.MemStats
	for deadline := time.Now().Add(10 * time.Second); ; {
		runtime.ReadMemStats(&before)
		got, ok := readReply(t, c, "").Samples[name]
		runtime.ReadMemStats(&after)
		if ok && before.HeapReleased == after.HeapReleased && got == float64(after.HeapReleased) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %v (%t), the runtime says %d and then %d", name, got, ok, before.HeapReleased, after.HeapReleased)
		}
	}
}

func TestCyclesSince(t *testing.T) {
	_, c := open(t)
	first := readReply(t, c, "?since=0")
	for i := range 3 {
		if code, body := ask(t, c, http.MethodPost, Prefix+"/gc"); code != http.StatusOK {
			t.Fatal(code, body)
		}
		// The runtime tells of a collection a moment after it ended.
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			r := readReply(t, c, fmt.Sprintf("?since=%d", first.NumGC))
			if last := r.Cycles[len(r.Cycles)-1]; last.Live != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("cycle %d: its live heap is not told", i)
			}
		}
	}
	r := readReply(t, c, fmt.Sprintf("?since=%d", first.NumGC))
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	if uint64(len(r.Cycles)) != r.NumGC-first.NumGC || len(r.Cycles) < 3 {
		t.Fatalf("%d cycles, %d to %d", len(r.Cycles), first.NumGC, r.NumGC)
	}
	for i, cy := range r.Cycles {
		if cy.N != first.NumGC+uint64(i)+1 {
			t.Errorf("cycle %d is numbered %d", i, cy.N)
		}
		at := uint64(stats.NumGC) - cy.N
		if cy.End != stats.PauseEnd[at].UnixNano() || cy.Pause != int64(stats.Pause[at]) {
			t.Errorf("cycle %d ended %d with pause %d, the runtime says %v %v", cy.N, cy.End, cy.Pause, stats.PauseEnd[at].UnixNano(), stats.Pause[at])
		}
	}
	if last := r.Cycles[len(r.Cycles)-1]; last.Kind != "forced" || last.Live == nil || last.Goal == nil || *last.Goal < *last.Live {
		t.Errorf("the last cycle is %+v", last)
	}
}

func TestProfilesAndText(t *testing.T) {
	_, c := open(t)
	for _, name := range []string{"heap", "goroutine"} {
		if code, body := ask(t, c, http.MethodGet, Prefix+"/profile/"+name); code != http.StatusOK || !strings.HasPrefix(body, "\x1f\x8b") {
			t.Errorf("%s: %d, %d bytes, not gzipped", name, code, len(body))
		}
	}
	if _, body := ask(t, c, http.MethodGet, Prefix+"/profile/goroutine?debug=2"); !strings.Contains(body, "TestProfilesAndText") {
		t.Errorf("the goroutines lack this test: %s", body)
	}
	var i Info
	if _, body := ask(t, c, http.MethodGet, Prefix+"/info"); json.Unmarshal([]byte(body), &i) != nil ||
		i.PID != os.Getpid() || i.GoVersion != runtime.Version() || i.MaxProcs != runtime.GOMAXPROCS(0) || i.Started.After(time.Now()) {
		t.Errorf("info %s", body)
	}
}

func TestTuning(t *testing.T) {
	percent := debug.SetGCPercent(100)
	limit := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) })
	_, c := open(t)
	if code, body := ask(t, c, http.MethodPost, Prefix+"/gogc?percent=55"); code != http.StatusOK || body != "{\"previous\":100}\n" {
		t.Error(code, body)
	}
	if code, body := ask(t, c, http.MethodPost, Prefix+"/gomemlimit?bytes=1234567890"); code != http.StatusOK {
		t.Error(code, body)
	}
	r := readReply(t, c, "")
	if r.Samples["/gc/gogc:percent"] != 55 || r.Samples["/gc/gomemlimit:bytes"] != 1234567890 {
		t.Error(r.Samples["/gc/gogc:percent"], r.Samples["/gc/gomemlimit:bytes"])
	}
	if code, _ := ask(t, c, http.MethodPost, Prefix+"/freeosmemory"); code != http.StatusOK {
		t.Error(code)
	}
	for path, want := range map[string]int{
		"/gogc": 400, "/gogc?percent=x": 400, "/gogc?percent=-2": 400, "/gogc?percent=99999999999": 400,
		"/gomemlimit?bytes=-1": 400, "/gomemlimit?bytes=1e9": 400, "/nothing": 404,
	} {
		if code, body := ask(t, c, http.MethodPost, Prefix+path); code != want {
			t.Errorf("%s answered %d %s", path, code, body)
		}
	}
	for path, want := range map[string]int{"/gc": 405, "/profile/cmdline": 404, "/profile/heap?debug=1": 400, "/profile/heap?debug=x": 400, "/metrics?since=x": 400} {
		if code, body := ask(t, c, http.MethodGet, Prefix+path); code != want {
			t.Errorf("%s answered %d %s", path, code, body)
		}
	}
	resp, err := c.Post("http://localhost"+Prefix+"/gc", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("without the header: %s", resp.Status)
	}
}

func TestTCPOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:80", "example.com:80", "127.0.0.1"} {
		if a, err := Listen(Options{Addr: addr}); err == nil {
			a.Close()
			t.Errorf("listens on %s", addr)
		}
	}
	a, err := Listen(Options{Addr: "localhost:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	u := url.URL{Scheme: "http", Host: Addr(a), Path: Prefix + "/info"}
	for host, want := range map[string]int{"": 200, "localhost:1": 200, "evil.example": 403, "10.0.0.1": 403} {
		req, _ := http.NewRequest(http.MethodGet, u.String(), nil)
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("host %q: %s", host, resp.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// After Close nothing is left: no goroutine, no socket, no connection.
func TestCloseLeavesNothing(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", shortDir(t))
	before := runtime.NumGoroutine()
	for range 3 {
		a, err := Listen(Options{})
		if err != nil {
			t.Fatal(err)
		}
		c := clientOf(t, Addr(a))
		readReply(t, c, "?since=0")
		ask(t, c, http.MethodPost, Prefix+"/gc")
		half, err := net.Dial("unix", Addr(a))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(half, "GET /heap")
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if _, err := half.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is still open")
		}
		half.Close()
		c.CloseIdleConnections()
		if _, err := os.Lstat(SocketPath(os.Getpid())); err == nil {
			t.Error("the socket is still there")
		}
		if err := a.Close(); err != nil {
			t.Error("closed twice:", err)
		}
	}
	runtime.GC() // the last cleanup finds the agent closed
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	a, _ := open(t)
	var open []net.Conn
	for range maxConns + 3 {
		c, err := net.Dial("unix", Addr(a))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	// The ones above the bound are closed at once; the first ones are answered.
	for _, c := range open[maxConns:] {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("a connection too many: %v", err)
		}
	}
	fmt.Fprintf(open[0], "GET %s/info HTTP/1.1\r\nHost: x\r\n\r\n", Prefix)
	open[0].SetReadDeadline(time.Now().Add(10 * time.Second))
	if line, err := bufio.NewReader(open[0]).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Errorf("the first connection: %q, %v", line, err)
	}
}

func TestStandardLibraryOnly(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(string(out)); len(got) != 1 || filepath.Base(got[0]) != "agent" {
		t.Errorf("depends on %v", got)
	}
	out, err = exec.Command("go", "list", "-deps", ".").Output()
	if err != nil || strings.Contains(string(out), "net/http/pprof") {
		t.Errorf("publishes profiles on the program's own server (%v)", err)
	}
}

func BenchmarkMetrics(b *testing.B) {
	r := newReader()
	defer r.close()
	b.ReportAllocs()
	for b.Loop() {
		r.json(1, 0, false, false)
	}
}
