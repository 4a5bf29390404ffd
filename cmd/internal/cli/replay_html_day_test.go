package cli_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/cmd/internal/cli"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/gates/report/page/pagetest"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// longRecording records so many readings of a made-up server, one a second, a profile every so many, and in one reading a
// spike of RSS. It returns the file, and the time of the spike.
func longRecording(t testing.TB, readings, profiles int, spike float64) (path string, at time.Time) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "day.heaprec")
	f := samplertest.New(samplertest.Options{})
	r, err := capture.Create(path, capture.RecorderOptions{Info: f.Describe(), Flush: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for i := range readings {
		var s sampler.Snapshot
		if err := f.Read(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
		if i == readings/3 {
			s.Set(sampler.ProcessRSS, spike)
			at = s.Time
		}
		r.Event(sampler.Event{Snapshot: s.Clone(), Info: f.Describe()})
		if i%profiles == 0 {
			heap, err := f.HeapProfile(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r.Heap(heap)
		}
		for i%100 == 99 && r.Status().Readings <= i-100 { // the recorder drops what comes too fast
			time.Sleep(time.Millisecond)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if s := r.Status(); s.Dropped > 0 || s.Readings != readings {
		t.Fatalf("%d readings recorded, %d dropped", s.Readings, s.Dropped)
	}
	return path, at
}

// TestLongRecordingKeepsItsSpike: a page of a long recording stays small and shows the one
// reading that was higher than all others. HEAPTOP_FULL=1 takes a whole day.
func TestLongRecordingKeepsItsSpike(t *testing.T) {
	samplertest.NotUnderRace(t)
	const spike = 7.5e9
	readings, profiles := 8000, 500
	if os.Getenv("HEAPTOP_FULL") == "1" {
		readings, profiles = 86_400, 600
	}
	path, at := longRecording(t, readings, profiles, spike)
	begun := time.Now()
	html, _ := printed(t, []int{0}, "replay", "--format", "html", path)
	took := time.Since(begun)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d readings in %d bytes: a page of %d bytes in %v", readings, info.Size(), len(html), took)
	if len(html) >= page.MaxBytes {
		t.Errorf("the page has %d bytes", len(html))
	}
	found, points := false, 0
	for _, d := range pageFigures(t, html) {
		if d.Part == "Over time" && d.Column == "RSS" {
			points++
			found = found || d.Value == spike && d.Row == at.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
		}
		if d.Part == "Metrics" && d.Row == string(sampler.ProcessRSS) && d.Column == "readings" && d.Value != float64(readings) {
			t.Errorf("%v readings of %d", d.Value, readings)
		}
	}
	if !found {
		t.Errorf("the spike at %s is not among the %d points of RSS", at, points)
	}
	if points > page.MaxPoints || points < 300 {
		t.Errorf("%d points of RSS are drawn", points)
	}
	if !strings.Contains(string(html), "the smallest and the largest reading are drawn") {
		t.Error("it is not said that the line is thinned")
	}
}

// BenchmarkRecordingPage is the time and memory of a page of an hour.
func BenchmarkRecordingPage(b *testing.B) {
	path, _ := longRecording(b, 3600, 10, 1e9)
	b.ReportAllocs()
	for b.Loop() {
		streams := cli.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }}
		if code := cli.Main(b.Context(), streams, []string{"replay", "--format", "html", path}); code != 0 {
			b.Fatal(code)
		}
	}
}

// TestPagesInABrowser opens the pages at a desk and on a phone, light and dark.
func TestPagesInABrowser(t *testing.T) {
	files := twoSnapshots(t)
	recording := writeRecording(t, filepath.Join(t.TempDir(), "run.heaprec"))
	for name, args := range map[string][]string{
		"snapshot": {"replay", "--format", "html", files[0]}, "recording": {"replay", "--format", "html", recording},
		"diff":    {"diff", "--format", "html", files[0], files[1]},
		"analyze": {"debug", "analyze", "--format", "html", files[0]}, "leaks": {"debug", "leaks", "--format", "html", recording},
	} {
		t.Run(name, func(t *testing.T) {
			html, _ := printed(t, []int{0, 1}, args...)
			pagetest.Browse(t, html, pagetest.Visit{Name: name})
		})
	}
}
