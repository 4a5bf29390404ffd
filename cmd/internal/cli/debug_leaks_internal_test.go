package cli

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

func TestReadSeries(t *testing.T) {
	table, err := readSeries(strings.NewReader("\ufefftime,rss_bytes,\"open files\"\r\n0,100,3\r\n1.5,,4\r\n2,NaN,5\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(table.names); got != "[rss_bytes open files]" {
		t.Errorf("names %s", got)
	}
	if d := table.times[1].Sub(table.times[0]); d != 1500*time.Millisecond {
		t.Errorf("the second reading is %s after the first", d)
	}
	if p := table.points(0); len(p) != 1 || p[0].Last != 100 {
		t.Errorf("what is missing is not left out: %v", p)
	}
	if p := table.points(1); len(p) != 3 || p[2].Last != 5 {
		t.Errorf("open files: %v", p)
	}
	if !table.end().IsZero() {
		t.Errorf("seconds that count from the start are told as %s", table.end())
	}
	table, err = readSeries(strings.NewReader("when,a\n2026-01-02T15:04:05Z,1\n2026-01-02T15:04:05.5+00:00,2\n"))
	if err != nil || !table.end().Equal(time.Date(2026, 1, 2, 15, 4, 5, 5e8, time.UTC)) {
		t.Errorf("RFC 3339: %v, %v", table, err)
	}
}

func TestReadSeriesRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "it is empty"},
		{"a header alone", "time,a\n", "no line below the header"},
		{"one column", "time\n1\n", "line 1, column 1: only one column"},
		{"no header", "1,2\n2,3\n", `line 1, column 1: "1" is a number: the first line must name the columns`},
		{"a column without a name", "time,a,\n", "line 1, column 8: a column without a name"},
		{"two of one name", "time,a,a\n", `line 1, column 8: two columns are named "a"`},
		{"a time that is none", "time,a\nyesterday,1\n", `line 2, column 1: "yesterday" is no time`},
		{"a time that is out of range", "time,a\n1e300,1\n", "line 2, column 1: \"1e300\": out of range"},
		{"times of two sorts", "time,a\n1,1\n2026-01-02T15:04:05Z,1\n", "line 3, column 1"},
		{"a time that goes back", "time,a\n1,1\n2,1\n2,1\n", `line 4, column 1: "2" is not after the time before it`},
		{"a time that is far away", "time,a\n1,1\n2,1\n5e9,1\n", `line 4, column 1: "5e9" is more than a hundred years`},
		{"a word", "time,a,b\n1,1,2\n2,1,many\n", `line 3, column 5: "many" is no number`},
		{"an endless number", "time,a\n1,Inf\n", `line 2, column 3: "Inf" is no number`},
		{"a line that is too short", "time,a,b\n1,1\n", "wrong number of fields"},
		{"a quote that is not closed", "time,a\n1,\"1\n", `line 2`},
		{"too many columns", "time" + strings.Repeat(",x", seriesColumns+1) + "\n", "more than 256 series"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readSeries(strings.NewReader(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// FuzzReadSeries: a file of a stranger is read or refused, and what is read can be judged.
func FuzzReadSeries(f *testing.F) {
	f.Add([]byte("time,a,b\n0,1,2\n1,2,\n2,NaN,4\n"), "b")
	f.Add([]byte("time,rss_bytes\n2026-01-02T15:04:05Z,1e9\n2026-01-02T15:04:06Z,-1\n"), "")
	var long strings.Builder
	long.WriteString("time,live,requests\n")
	for i := range 300 {
		fmt.Fprintf(&long, "%d,%d,%d\n", i, 1000+i*i%97+3*i, 10*i)
	}
	f.Add([]byte(long.String()), "requests")
	f.Fuzz(func(t *testing.T, data []byte, per string) {
		table, err := readSeries(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		for i := 1; i < len(table.times); i++ {
			if !table.times[i].After(table.times[i-1]) {
				t.Fatalf("times do not ascend: %s, %s", table.times[i-1], table.times[i])
			}
		}
		list, _, err := table.judge(per, 0.03)
		if err != nil {
			return
		}
		for _, s := range list {
			for _, v := range []float64{s.Leak.PerHour, s.Leak.Low, s.Leak.High, s.Leak.Score} {
				if s.Leak.Judged && (math.IsNaN(v) || math.IsInf(v, 0)) {
					t.Fatalf("%q is judged by %+v", s.Name, s.Leak)
				}
			}
		}
		if _, err := findings(&analysis.Findings{Findings: analysis.JudgeSeries(list).Findings}, "json"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestGrowthRate(t *testing.T) {
	for text, want := range map[string]float64{"10%": .1, "10%/h": .1, "0.5 % / h": .005, "": -1, "10": -1, "-1%": -1, "0%": -1, "NaN%": -1, "1e9%": -1, "x%": -1, "5%x": -1, "5x%": -1} {
		v := 0.0
		err := (&growthRate{&v}).Set(text)
		if want < 0 && err == nil || want >= 0 && (err != nil || math.Abs(v-want) > 1e-12) {
			t.Errorf("%q is %v, %v", text, v, err)
		}
	}
}

// leakReport is a made-up report with each of the verdicts, and a name from a stranger.
func leakReport() *analysis.Findings {
	number := func(v float64) *float64 { return &v }
	columns := []analysis.FoundColumn{
		{Key: "goroutines_count", Title: "goroutines"}, {Key: "share_percent", Title: "share"}, {Key: "growth_count_per_hour", Title: "an hour"},
	}
	return &analysis.Findings{
		Schema: analysis.FindingsSchema, Command: "leaks", Time: time.Date(2026, 3, 1, 12, 5, 0, 0, time.UTC), Verdict: "growing",
		Reason: "growth is proven for the live heap, the number of goroutines",
		Target: analysis.FindingTarget{Kind: "process", PID: 4242, Name: "api-server", Source: "memory", Go: "go1.26.8"},
		Findings: []analysis.Finding{
			{
				Analyzer: "leak", Severity: analysis.Critical, Title: "The live heap grows by 52.3 MB an hour (48.1 MB to 57.0 MB)",
				Details: []string{
					"From 96.1 MB to 100 MB in 5m00s, by the shape of a straight line.",
					"At this rate the limit of 512 MB (cgroup) is reached in 3h10m to 3h45m.",
				},
				Evidence: map[string]float64{"growth_bytes_per_hour": 52.3e6, "low_bytes_per_hour": 48.1e6, "high_bytes_per_hour": 57e6, "score_points": 14.2},
				Series:   string(sampler.GoHeapLive), Verdict: analysis.LeakGrowing, Sites: []analysis.FoundSite{{
					Site: "cache.(*LRU).Add lru.go:88", Stack: []string{"example.com/app/cache.(*LRU).Add /src/lru.go:88"}, Bytes: 61.2e6,
					Objects: 12400, Samples: 118, SharePercent: 94, BytesPerHour: number(49.1e6), Low: number(38e6), High: number(60e6),
					GrownBytes: number(4.1e6), Verdict: "growing",
				}},
				Advice: "Who keeps the objects alive: heaptop debug hotspots --holders 4242",
			},
			{
				Analyzer: "leak", Severity: analysis.Critical, Title: "The number of goroutines grows by 1,200 an hour (1,180 to 1,220)",
				Details: []string{"From 50 to 150 in 5m00s, by the shape of a straight line."}, Series: string(sampler.GoGoroutines),
				Verdict: analysis.LeakGrowing, Evidence: map[string]float64{"growth_count_per_hour": 1200}, Columns: columns, RowsOf: "waiting in",
				Rows: []analysis.FoundRow{{
					Name: "main.wait", Note: "chan receive, created by main.handle app.go:77",
					Numbers: map[string]float64{"goroutines_count": 150, "share_percent": 100, "growth_count_per_hour": 1200},
				}},
			},
			{
				Analyzer: "leak", Severity: analysis.Warning, Title: "The number of open files has grown, but its end does not carry on",
				Details: []string{"Still settling; 12 more minutes would decide."}, Series: string(sampler.ProcessFDs), Verdict: analysis.LeakSettling,
			},
			{Analyzer: "leak", Severity: analysis.Info, Title: "The number of threads does not grow: 12", Series: string(sampler.ProcessThreads), Verdict: analysis.LeakFlat},
		},
		Warnings: []string{"the watch ended early: interrupted by Ctrl-C"},
	}
}

func TestGoldenLeaks(t *testing.T) {
	for format, ending := range map[string]string{"text": "txt", "json": "json", "markdown": "md"} {
		got, err := findings(leakReport(), format)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "leaks."+ending)
		if *updateGolden {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s differs (go test ./cmd/internal/cli -update writes it anew; look at it first); got\n%s", path, got)
		}
	}
}
