package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/cmd/internal/cli"
	"github.com/alloc-dev/heaptop/gates/report/page/pagetest"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// printed runs heaptop and returns stdout and stderr; it fails the test unless the code is one of those.
func printed(t *testing.T, codes []int, args ...string) (out []byte, conversation string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	streams := cli.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr, Getenv: func(string) string { return "" }}
	code := cli.Main(t.Context(), streams, args)
	for _, c := range codes {
		if c == code {
			return stdout.Bytes(), stderr.String()
		}
	}
	t.Fatalf("%v: exit %d: %s", args, code, stderr.String())
	return nil, ""
}

// pageFigures reads the numbers of a page.
func pageFigures(t *testing.T, html []byte) []pagetest.Datum {
	t.Helper()
	list, err := pagetest.Values(html)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Fatalf("the page has %d numbers", len(list))
	}
	return list
}

// numbersOf collects every number of a JSON text.
func numbersOf(t *testing.T, text []byte) map[float64]bool {
	t.Helper()
	out := map[float64]bool{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	for decoder.More() {
		var v any
		if err := decoder.Decode(&v); err != nil {
			t.Fatal(err)
		}
		collect(v, out)
	}
	return out
}

func collect(v any, into map[float64]bool) {
	switch v := v.(type) {
	case float64:
		into[v] = true
	case []any:
		for _, x := range v {
			collect(x, into)
		}
	case map[string]any:
		for _, x := range v {
			collect(x, into)
		}
	}
}

// jsonReadings reads the lines that heaptop replay --format json prints.
func jsonReadings(t *testing.T, path string) (times []string, readings []map[string]float64) {
	t.Helper()
	text, _ := printed(t, []int{0}, "replay", "--format", "json", path)
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		var line struct {
			Time    string
			Metrics map[string]float64
		}
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		times, readings = append(times, line.Time), append(readings, line.Metrics)
	}
	return times, readings
}

// snapshotFile writes a snapshot with all its parts.
func snapshotFile(t *testing.T, o samplertest.Options) string {
	t.Helper()
	snaps, err := takeSnapshots(o, 1)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "one.heapsnap")
	if err := capture.Write(path, snaps[0]); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSnapshotPageHasTheNumbersOfItsJSON(t *testing.T) {
	path := snapshotFile(t, samplertest.Options{})
	html, _ := printed(t, []int{0}, "replay", "--format", "html", path)
	analyzed, _ := printed(t, []int{0}, "debug", "analyze", "--format", "json", "--threshold", "0", path)
	known := numbersOf(t, analyzed)
	_, readings := jsonReadings(t, path)
	metrics, shares := 0, 0.0
	for _, d := range pageFigures(t, html) {
		switch d.Part {
		case "Metrics":
			metrics++
			if want, ok := readings[0][d.Row]; !ok || want != d.Value {
				t.Errorf("%s is %v on the page, in JSON %v", d.Row, d.Value, want)
			}
		case "Where RSS is":
			if d.Column == "share" {
				shares += d.Value
			}
			fallthrough
		case "Limits", "What the kernel counts", "Allocation sites", "Mappings", "Size classes":
			if !known[d.Value] {
				t.Errorf("%s, %s, %s: %v (%s) is no number of heaptop debug analyze", d.Part, d.Row, d.Column, d.Value, d.Text)
			}
		case "Goroutines":
			if d.Column == "goroutines" && !known[d.Value] {
				t.Errorf("%s: %v goroutines are none of heaptop debug analyze", d.Row, d.Value)
			}
		case "Flame graph, in use", "Flame graph, allocated", "GC pauses", "Garbage collections":
		default:
			t.Errorf("%q, %s: numbers that nothing is known of", d.Part, d.Row)
		}
	}
	if metrics != len(readings[0]) {
		t.Errorf("%d metrics on the page, %d in JSON", metrics, len(readings[0]))
	}
	if math.Abs(shares-100) > 0.1 {
		t.Errorf("the parts of RSS sum to %v %%", shares)
	}
	for _, part := range []string{"Goroutines", "Mappings", "Flame graph, in use", "GC pauses", "session.(*Manager).remember", "/src/acme/api/session/manager.go:132", "round 1"} {
		if !bytes.Contains(html, []byte(part)) {
			t.Errorf("nothing on the page tells %q", part)
		}
	}
}

// TestFlameGraphsSumUp compares the roots of the flame graphs with the profile's totals, and each frame with its children.
func TestFlameGraphsSumUp(t *testing.T) {
	path := snapshotFile(t, samplertest.Options{})
	html, _ := printed(t, []int{0}, "replay", "--format", "html", path)
	var report struct {
		Findings []struct {
			Analyzer string
			Evidence map[string]float64
			Sites    []struct {
				Alloc float64 `json:"alloc_bytes"`
			}
		}
	}
	text, _ := printed(t, []int{0}, "debug", "analyze", "--format", "json", "--threshold", "0", path)
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	inUse, allocated := 0.0, 0.0
	for _, f := range report.Findings {
		if f.Analyzer == "hotspots" {
			inUse = f.Evidence["in_use_bytes"]
			for _, s := range f.Sites {
				allocated += s.Alloc
			}
		}
	}
	roots := map[string]float64{}
	for _, d := range pageFigures(t, html) {
		if strings.HasPrefix(d.Part, "Flame graph") && d.Row == "all" {
			roots[d.Part] = d.Value
		}
	}
	if inUse == 0 || roots["Flame graph, in use"] != inUse {
		t.Errorf("the graph is of %v bytes, the profile of %v", roots["Flame graph, in use"], inUse)
	}
	if math.Abs(roots["Flame graph, allocated"]-allocated) > allocated/1e6 {
		t.Errorf("the graph is of %v allocated bytes, the sites of %v", roots["Flame graph, allocated"], allocated)
	}
}

func TestPageSaysWhatIsMissing(t *testing.T) {
	files := writeSnapshots(t)
	html, _ := printed(t, []int{0}, "replay", "--format", "html", files["NOHEAP"])
	for _, want := range []string{"There is no heap profile in it", "There are no goroutines in it", "There are no mappings in it"} {
		if !bytes.Contains(html, []byte(want)) {
			t.Errorf("the page does not say: %s", want)
		}
	}
	if bytes.Contains(html, []byte("Flame graph, in use")) {
		t.Error("a flame graph without a profile")
	}
}

func TestRecordingPageHasTheNumbersOfItsJSON(t *testing.T) {
	path := writeRecording(t, filepath.Join(t.TempDir(), "run.heaprec"))
	html, _ := printed(t, []int{0}, "replay", "--format", "html", path)
	times, readings := jsonReadings(t, path)
	leaks, _ := printed(t, []int{0, 1}, "debug", "leaks", "--format", "json", path)
	judged := numbersOf(t, leaks)
	analyzed, _ := printed(t, []int{0}, "debug", "analyze", "--format", "json", "--threshold", "0", path)
	known := numbersOf(t, analyzed)
	at := map[string]map[string]float64{}
	for i, when := range times {
		parsed, err := time.Parse(time.RFC3339Nano, when)
		if err != nil {
			t.Fatal(err)
		}
		at[parsed.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)] = readings[i]
	}
	lines := map[string]string{
		"RSS": "/process/rss:bytes", "heap in use": "/memory/classes/heap/objects:bytes", "live heap": "/gc/heap/live:bytes",
		"heap goal": "/gc/heap/goal:bytes", "goroutines": "/sched/goroutines:goroutines", "threads": "/process/threads:threads", "open files": "/process/fds:files",
	}
	drawn := map[string]int{}
	for _, d := range pageFigures(t, html) {
		switch metric := lines[d.Column]; {
		case d.Part == "Over time" && metric != "":
			drawn[d.Column]++
			if got, ok := at[d.Row][metric]; !ok || got != d.Value {
				t.Errorf("%s at %s is %v on the page, in JSON %v", d.Column, d.Row, d.Value, got)
			}
		case d.Part == "Metrics":
			checkTotal(t, d, readings)
		case d.Part == "Does it grow" && !judged[d.Value]:
			t.Errorf("%s, %s: %v is no number of heaptop debug leaks", d.Row, d.Column, d.Value)
		case d.Part == "At the end: where RSS is" && !known[d.Value]:
			t.Errorf("%s, %s: %v is no number of heaptop debug analyze", d.Row, d.Column, d.Value)
		}
	}
	for line, metric := range lines {
		if _, read := readings[0][metric]; read && drawn[line] != len(readings) {
			t.Errorf("%d of %d readings of %s are drawn", drawn[line], len(readings), line)
		}
	}
}

// checkTotal compares what the page says a metric was with all that JSON has of it.
func checkTotal(t *testing.T, d pagetest.Datum, readings []map[string]float64) {
	t.Helper()
	low, high, first, last, n := math.Inf(1), math.Inf(-1), math.NaN(), math.NaN(), 0.0
	for _, r := range readings {
		v, ok := r[d.Row]
		if !ok {
			continue
		}
		if n == 0 {
			first = v
		}
		low, high, last, n = min(low, v), max(high, v), v, n+1
	}
	want, ok := map[string]float64{"first": first, "smallest": low, "largest": high, "last": last, "readings": n}[d.Column]
	if !ok || want != d.Value {
		t.Errorf("%s, %s: %v on the page, %v in JSON", d.Row, d.Column, d.Value, want)
	}
}

// twoSnapshots writes two snapshots of a made-up program, one after the other, and returns their paths.
func twoSnapshots(t *testing.T) (files []string) {
	t.Helper()
	snaps, err := takeSnapshots(samplertest.Options{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i, s := range snaps {
		files = append(files, filepath.Join(dir, fmt.Sprintf("%d.heapsnap", i)))
		if err := capture.Write(files[i], s); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestDiffPageHasTheNumbersOfItsJSON(t *testing.T) {
	files := twoSnapshots(t)
	html, _ := printed(t, []int{0}, "diff", "--format", "html", "--top", "0", files[0], files[1])
	text, _ := printed(t, []int{0}, "diff", "--format", "json", files[0], files[1])
	known := numbersOf(t, text)
	flames, row := 0, map[string]float64{}
	for _, d := range pageFigures(t, html) {
		row[d.Column] = d.Value
		switch {
		case strings.HasPrefix(d.Part, "Flame graph"):
			flames++
		case d.Part == "Summary" && d.Row == "goroutines": // the sum of the groups, which JSON has one by one
		case d.Column == "%": // JSON does not have all of them
		case !known[d.Value]:
			t.Errorf("%s, %s, %s: %v (%s) is not in the JSON", d.Part, d.Row, d.Column, d.Value, d.Text)
		}
		if percent, told := row["%"]; d.Column == "from" && told {
			if want := 100 * row["change"] / d.Value; math.Abs(percent-want) > 1e-9*math.Abs(want) {
				t.Errorf("%s, %s: %v %%, but %v of %v", d.Part, d.Row, percent, row["change"], d.Value)
			}
			delete(row, "%")
		}
	}
	if flames < 10 {
		t.Errorf("%d frames in the flame graphs", flames)
	}
}

// TestHostileRecordingStaysText: nothing that a stranger named becomes markup, a script or a character that hides.
func TestHostileRecordingStaysText(t *testing.T) {
	for i, names := range [][]string{samplertest.HostileNames(), nasty()} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			snaps, err := takeSnapshots(samplertest.Options{Name: names[i]}, 1)
			if err != nil {
				t.Fatal(err)
			}
			s := snaps[0]
			s.Heap.Data = nastyProfile(t, 1)
			for j, name := range names {
				s.Note += name + "</script><script>alert(2)</script>"
				s.Sample.Set(sampler.Metric(fmt.Sprintf("/%d/%s:bytes", j, name)), 1)
				s.Sample.Warn(fmt.Errorf("read %s: no", name))
				s.Mappings.List = append(s.Mappings.List, sampler.Mapping{Name: name, RSS: 5e9})
			}
			path := filepath.Join(t.TempDir(), "x.heapsnap")
			if err := capture.Write(path, s); err != nil {
				t.Fatal(err)
			}
			html, _ := printed(t, []int{0}, "replay", "--format", "html", path)
			if _, err := pagetest.Values(html); err != nil {
				t.Errorf("the page cannot be read: %v", err)
			}
			text := string(html)
			if n := strings.Count(text, "<script>"); n != 1 {
				t.Errorf("%d scripts", n)
			}
			for _, bad := range []string{"<img", "\x1b", "\x07", "\u202e", "\u200b", "\u009b", `href="javascript`} {
				if strings.Contains(text, bad) {
					t.Errorf("the page holds %q", bad)
				}
			}
		})
	}
}

func TestCutRecordingIsDrawnToItsLastWholeMember(t *testing.T) {
	dir := t.TempDir()
	whole := writeRecording(t, filepath.Join(dir, "run.heaprec"))
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.heaprec")
	if err := os.WriteFile(cut, data[:len(data)-7], 0o600); err != nil {
		t.Fatal(err)
	}
	html, conversation := printed(t, []int{0}, "replay", "--format", "html", cut)
	if want := regexp.MustCompile(`cut\.heaprec was cut off: its last \d+ bytes are left out`); !want.Match(html) || !want.MatchString(conversation) {
		t.Errorf("it is not said that the file was cut off: %s", conversation)
	}
	// A broken member is an error with its place, and leaves no page behind.
	broken := bytes.Clone(data)
	for i := len(broken) / 2; i < len(broken)/2+64; i++ {
		broken[i] ^= 0x5a
	}
	bad, out := filepath.Join(dir, "broken.heaprec"), filepath.Join(dir, "page.html")
	if err := os.WriteFile(bad, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	_, asText := printed(t, []int{3}, "replay", "--output", filepath.Join(dir, "text"), bad)
	_, asPage := printed(t, []int{3}, "replay", "--format", "html", "--output", out, bad)
	if !strings.Contains(asPage, "broken.heaprec") || !strings.Contains(asPage, "byte") || asPage != asText {
		t.Errorf("the page's error: %s\nthat of the text: %s", asPage, asText)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*page.html*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
