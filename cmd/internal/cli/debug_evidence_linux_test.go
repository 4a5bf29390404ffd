package cli_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
)

// reported runs a debug command and returns its report.
func reported(t *testing.T, args ...string) *analysis.Findings {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(heaptop(t), append([]string{"debug"}, append(args, "--format", "json")...)...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("heaptop debug %q: %v\n%s", args, err, errs.String())
	}
	var r analysis.Findings
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return &r
}

// found returns the finding of an analyzer.
func found(t *testing.T, r *analysis.Findings, analyzer string) *analysis.Finding {
	t.Helper()
	for i := range r.Findings {
		if r.Findings[i].Analyzer == analyzer {
			return &r.Findings[i]
		}
	}
	t.Fatalf("there is no finding %q", analyzer)
	return nil
}

// kernelSums is what smaps says of a process: resident bytes by name, and all.
func kernelSums(t *testing.T, pid int) (byName map[string]float64, sum float64) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		t.Fatal(err)
	}
	byName, name := map[string]float64{}, ""
	header := regexp.MustCompile(`^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)$`)
	for line := range strings.SplitSeq(string(data), "\n") {
		if m := header.FindStringSubmatch(line); m != nil {
			name = m[1]
		} else if kib, is := strings.CutPrefix(line, "Rss:"); is {
			v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(kib, "kB")), 64)
			if err != nil {
				t.Fatal(err)
			}
			byName[name] += 1024 * v
			sum += 1024 * v
		}
	}
	return byName, sum
}

// ownStats is what the program says of itself: runtime.MemStats at the end of its heap profile as text, and its goroutines.
func ownStats(t *testing.T, url string) map[string]float64 {
	t.Helper()
	get := func(path string) string {
		answer, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		data, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	stats := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^# (\w+) = (\d+)`).FindAllStringSubmatch(get("/debug/pprof/heap?debug=1"), -1) {
		stats[m[1]], _ = strconv.ParseFloat(m[2], 64)
	}
	for _, m := range regexp.MustCompile(`total (\d+)`).FindAllStringSubmatch(get("/debug/pprof/goroutine?debug=1"), 1) {
		stats["goroutines"], _ = strconv.ParseFloat(m[1], 64)
	}
	return stats
}

func within(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if !(got >= low && got <= high) {
		t.Errorf("%s is %.0f, want %.0f to %.0f", what, got, low, high)
	}
}

// TestEvidence compares what is reported with what others say of the same program.
func TestEvidence(t *testing.T) {
	server := apiServer(t)
	until(t, "two collections, after which a profile is published", func() bool { return ownStats(t, server.url)["NumGC"] >= 2 })
	t.Run("the picture is what kernel and runtime say", func(t *testing.T) { pictureIsTrue(t, server) })
	t.Run("hotspots are what pprof says", func(t *testing.T) { hotspotsAreTrue(t, server) })
	t.Run("garbage is what is allocated and not kept", func(t *testing.T) { garbageIsTrue(t, server) })
}

// pictureIsTrue compares with the kernel's smaps and tasks, and with what the program's own runtime counts.
func pictureIsTrue(t *testing.T, server target) {
	before := ownStats(t, server.url)
	r := reported(t, "analyze", "--threshold", "0", strconv.Itoa(server.pid))
	after := ownStats(t, server.url)
	files, rss := kernelSums(t, server.pid)

	const mb = 1e6
	maps := found(t, r, "mappings")
	within(t, "RSS by the mappings", maps.Evidence["rss_bytes"], rss-3*mb, rss+3*mb)
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", server.pid))
	if err != nil {
		t.Fatal(err)
	}
	listed := 0.0
	for _, row := range maps.Rows {
		listed += row.Numbers["share_percent"]
		if row.Name == exe {
			within(t, "RSS of the binary", row.Numbers["rss_bytes"], 0.95*files[exe], 1.05*files[exe])
		}
	}
	within(t, "all shares of the mappings", listed, 99, 100.1)

	ledger, sum := found(t, r, "ledger"), 0.0
	for _, row := range ledger.Rows {
		sum += row.Numbers["bytes"]
	}
	if sum != ledger.Evidence["rss_bytes"] {
		t.Errorf("the ledger comes to %.0f of %.0f", sum, ledger.Evidence["rss_bytes"])
	}
	within(t, "RSS of the ledger", sum, rss-3*mb, rss+3*mb)

	heap := found(t, r, "collector").Evidence
	within(t, "bytes allocated", heap["allocated_bytes"], before["TotalAlloc"], after["TotalAlloc"])
	within(t, "allocations", heap["allocations_count"], 1000, after["Mallocs"]) // which counts objects that share a slot one by one
	within(t, "collections", heap["collections_count"], before["NumGC"], after["NumGC"])
	spans := found(t, r, "fragmentation").Evidence
	within(t, "bytes of spans", spans["spans_bytes"], before["HeapInuse"]-4*mb, after["HeapInuse"]+4*mb)
	if d := spans["spans_bytes"] - spans["in_use_bytes"] - spans["unused_bytes"]; d != 0 {
		t.Errorf("used and unused parts of spans miss their sum by %.0f", d)
	}
	within(t, "goroutines", found(t, r, "goroutines").Evidence["goroutines_count"], before["goroutines"]-3, after["goroutines"]+3)
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", server.pid))
	if err != nil {
		t.Fatal(err)
	}
	within(t, "threads", found(t, r, "process").Evidence["threads_count"], float64(len(tasks)-2), float64(len(tasks)))
}

// hotspotsAreTrue compares the sites of a snapshot with `go tool pprof -top` of the heap profile inside.
func hotspotsAreTrue(t *testing.T, server target) {
	file := filepath.Join(t.TempDir(), "server.heapsnap")
	until(t, "a snapshot with a heap profile", func() bool {
		os.Remove(file)
		out, err := exec.Command(heaptop(t), "snapshot", "-o", file, strconv.Itoa(server.pid)).CombinedOutput()
		return err == nil && strings.Contains(string(out), "heap profile") && pprofTop(t, file)["main.main.func1"] > 0
	})
	want := pprofTop(t, file)
	f := found(t, reported(t, "hotspots", "--threshold", "0", file), "hotspots")
	got := map[string]float64{}
	for _, s := range f.Sites {
		function, _, _ := strings.Cut(s.Stack[0], " ")
		got[function] += s.Bytes
	}
	within(t, "the total in use", f.Evidence["in_use_bytes"], want["total"]-1, want["total"]+1)
	for function, bytes := range got {
		if !strings.HasPrefix(function, "runtime.") { // which pprof attributes in another way
			within(t, function, bytes, want[function]-1, want[function]+1)
		}
	}
	if got["main.main.func1"] == 0 {
		t.Errorf("the site that holds the memory is missing: %v", got)
	}
}

// pprofTop returns what pprof says is in use, by function and as "total", in bytes.
func pprofTop(t *testing.T, snapshot string) map[string]float64 {
	t.Helper()
	z, err := zip.OpenReader(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	in, err := z.Open("heap.pb.gz")
	if err != nil {
		return nil
	}
	data, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "heap.pb.gz")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "tool", "pprof", "-top", "-unit=B", "-nodecount=0", "-nodefraction=0", "-edgefraction=0", "-sample_index=inuse_space", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	top := map[string]float64{}
	if m := regexp.MustCompile(`of (\d+)B total`).FindSubmatch(out); m != nil {
		top["total"], _ = strconv.ParseFloat(string(m[1]), 64)
	}
	for _, m := range regexp.MustCompile(`(?m)^\s*(\d+)B? +\S+ +\S+ +\S+ +\S+ +(.+)$`).FindAllSubmatch(out, -1) {
		name := strings.TrimSuffix(string(m[2]), " (inline)")
		top[name], _ = strconv.ParseFloat(string(m[1]), 64)
	}
	return top
}

// garbageIsTrue compares the allocation rate with the runtime's own counter. It takes as long as was asked for.
func garbageIsTrue(t *testing.T, server target) {
	before, began := ownStats(t, server.url), time.Now()
	r := reported(t, "hotspots", "--threshold", "0", "--monitoring-duration", "3s", strconv.Itoa(server.pid))
	took := time.Since(began)
	after := ownStats(t, server.url)
	if took < 3*time.Second || took > 20*time.Second {
		t.Errorf("it took %v, asked for 3 s", took)
	}
	f := found(t, r, "garbage")
	within(t, "time watched", f.Evidence["watched_seconds"], 1, took.Seconds())
	rate := (after["TotalAlloc"] - before["TotalAlloc"]) / took.Seconds()
	within(t, "bytes allocated a second", f.Evidence["alloc_bytes_per_second"], 0.5*rate, 2*rate)
	stays := found(t, r, "hotspots")
	if len(stays.Sites) == 0 || math.Abs(stays.Evidence["in_use_bytes"]-stays.Evidence["listed_bytes"]) > 1 {
		t.Errorf("sites %v of %v", stays.Evidence["listed_bytes"], stays.Evidence["in_use_bytes"])
	}
}
