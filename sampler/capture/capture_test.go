package capture

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// taken returns a snapshot of a made-up server with every part.
func taken(t testing.TB) *Snapshot {
	t.Helper()
	f := samplertest.New(samplertest.Options{})
	s := &Snapshot{
		Meta: Meta{Version: "v0.1.0", Go: "go1.26.8"}, Info: f.Describe(), Note: "before the deploy\n\x1b[31m",
		Sample: new(sampler.Snapshot), Ledger: json.RawMessage(`{"rows":[{"key":"heap_live","bytes":12.5}]}`),
	}
	if err := f.Read(t.Context(), s.Sample); err != nil {
		t.Fatal(err)
	}
	s.Sample.Cycles[0].Pause = sampler.Reading{}
	s.Sample.Warn(errors.New("read smaps_rollup: permission denied"))
	heap, err := f.HeapProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	goroutines, err := f.GoroutineProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	maps, err := f.Mappings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Heap, s.Goroutine, s.Mappings = &heap, &goroutines, &maps
	return s
}

// alike compares snapshots: samples in any order, warnings by text, JSON by meaning.
func alike() cmp.Options {
	return cmp.Options{
		cmp.Transformer("values", func(s []sampler.Sample) map[sampler.Metric]float64 {
			m := make(map[sampler.Metric]float64)
			for _, x := range s {
				m[x.Metric] = x.Value
			}
			return m
		}),
		cmp.Comparer(func(a, b error) bool { return a.Error() == b.Error() }),
		cmp.Transformer("json", func(r json.RawMessage) (v any) { _ = json.Unmarshal(r, &v); return v }),
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	want := taken(t)
	path := filepath.Join(t.TempDir(), "new", "a.heapsnap")
	if err := Write(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want.Meta.Schema, want.Meta.Time = Schema, want.Sample.Time
	if d := cmp.Diff(want, got, alike()); d != "" {
		t.Errorf("read is not what was written (-written +read):\n%s", d)
	}
}

func TestAbsentPartsStayAbsent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.heapsnap")
	at := time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC)
	if err := Write(path, &Snapshot{Meta: Meta{Time: at}}); err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if len(z.File) != 1 || z.File[0].Name != "meta.json" {
		t.Errorf("%d parts, want meta.json alone", len(z.File))
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Sample != nil || got.Ledger != nil || got.Heap != nil || got.Goroutine != nil || got.Mappings != nil || !got.Meta.Time.Equal(at) {
		t.Errorf("read %+v, want nothing but the time", got)
	}
}

func TestWriteNeverReplacesAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.heapsnap")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, taken(t)); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("writing over a file: %v, want ErrExist with the path", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "mine" {
		t.Errorf("the file that was there holds %q", data)
	}
	bad := taken(t)
	bad.Sample.Add("/bad:bytes", math.NaN())
	if err := Write(filepath.Join(dir, "b.heapsnap"), bad); err == nil || !strings.Contains(err.Error(), "metrics.json") {
		t.Errorf("writing NaN: %v, want an error that names the part", err)
	}
	twice := taken(t)
	twice.Sample.Add(sampler.ProcessRSS, 1)
	if err := Write(filepath.Join(dir, "c.heapsnap"), twice); err == nil {
		t.Error("writing a metric twice: no error")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("the folder holds %v, want the one file", left)
	}
}

func TestPublishWithoutHardLinksReplacesNothingEither(t *testing.T) {
	dir := t.TempDir()
	temp, path := filepath.Join(dir, "missing"), filepath.Join(dir, "a.heapsnap")
	if err := publish(temp, path); err == nil {
		t.Error("publishing a file that is not there: no error")
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("the folder holds %v, want nothing", left)
	}
}

func TestWriteNewFindsAName(t *testing.T) {
	dir := t.TempDir()
	s := taken(t)
	for _, want := range []string{"api-server-4242-20261121T110710.heapsnap", "api-server-4242-20261121T110710-2.heapsnap", "api-server-4242-20261121T110710-3.heapsnap"} {
		path, err := WriteNew(dir, s)
		if err != nil || path != filepath.Join(dir, want) {
			t.Fatalf("written to %s, %v; want %s", path, err, want)
		}
		i, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if i.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("others may read it: %v", i.Mode())
		}
	}
}

func TestNameIsSafe(t *testing.T) {
	at := time.Date(2026, 11, 21, 11, 2, 10, 0, time.UTC)
	shape := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*-20261121T110210\.heapsnap$`)
	names := append(samplertest.HostileNames(), "../../etc/passwd", "..", "-rf", "CON", "a/b\\c:d", ".hidden", "-")
	for _, n := range names {
		for _, pid := range []int{0, 4242} {
			got := Name(sampler.Info{Name: n, PID: pid}, at)
			if !shape.MatchString(got) || len(got) >= 100 || strings.Contains(got, "..") && !strings.Contains(n, "..") || filepath.Base(got) != got {
				t.Errorf("%.40q is stored as %s", n, got)
			}
		}
	}
	for _, c := range []struct {
		info sampler.Info
		want string
	}{
		{sampler.Info{Name: "api-server", PID: 4242}, "api-server-4242-"},
		{sampler.Info{Target: sampler.Target{Kind: sampler.KindEndpoint, URL: "http://localhost:6060/debug"}}, "http-localhost-6060-debug-"},
		{sampler.Info{Target: sampler.Target{Kind: sampler.KindRedis, URL: "redis://u:secret@h:6379"}}, "redis-u-h-6379-"},
		{sampler.Info{Target: sampler.Target{Kind: sampler.KindProcess, PID: 7}, PID: 7}, "7-"},
		{sampler.Info{}, "process-"},
	} {
		if got := Name(c.info, at); got != c.want+"20261121T110210.heapsnap" {
			t.Errorf("%+v is stored as %s, want %s...", c.info.Target, got, c.want)
		}
	}
}

func TestPasswordsAreLeftOut(t *testing.T) {
	for _, u := range []string{"redis://user:hunter2@h:6379/0", "redis://:hunter2@h", "http://a:hunter2@h:6060/debug/pprof", "redis://a:hunter2%zz@h"} {
		s := taken(t)
		s.Info.Target = sampler.Target{Kind: sampler.KindRedis, URL: u}
		path := filepath.Join(t.TempDir(), "a.heapsnap")
		if err := Write(path, s); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got.Info.Target.URL, "hunter2") || !strings.Contains(got.Info.Target.URL, "h") {
			t.Errorf("%s is kept as %s", u, got.Info.Target.URL)
		}
	}
}

// TestPprofOpensTheHeapProfile takes the part out as a user would, of a profile that came gzipped and of one that did not.
func TestPprofOpensTheHeapProfile(t *testing.T) {
	samplertest.Tool(t, "go")
	s := taken(t)
	plain := gunzip(t, s.Heap.Data)
	for _, data := range [][]byte{s.Heap.Data, plain} {
		s.Heap.Data = data
		dir := t.TempDir()
		path := filepath.Join(dir, "a.heapsnap")
		if err := Write(path, s); err != nil {
			t.Fatal(err)
		}
		z, err := zip.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r, err := z.Open("heap.pb.gz")
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(filepath.Join(dir, "heap.pb.gz"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(out, r); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		top, err := exec.CommandContext(t.Context(), "go", "tool", "pprof", "-top", out.Name()).CombinedOutput()
		if err != nil || !bytes.Contains(top, []byte("cache.(*LRU).Add")) || !bytes.Contains(top, []byte("inuse_space")) {
			t.Errorf("go tool pprof: %v\n%s", err, top)
		}
	}
}

func TestDefaultDirFollowsXDG(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	t.Setenv("LocalAppData", state)
	if got, err := DefaultDir(); err != nil || got != filepath.Join(state, "heaptop", "snapshots") {
		t.Errorf("default folder is %s, %v", got, err)
	}
	if os.PathSeparator == '/' {
		t.Setenv("XDG_STATE_HOME", "relative")
		t.Setenv("HOME", "/home/me")
		if got, err := DefaultDir(); err != nil || got != "/home/me/.local/state/heaptop/snapshots" {
			t.Errorf("without an absolute XDG_STATE_HOME it is %s, %v", got, err)
		}
	}
}
