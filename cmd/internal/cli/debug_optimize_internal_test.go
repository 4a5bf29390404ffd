package cli

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// madeUpAdvice is the report of optimize over two minutes of the made-up server, in a cgroup that is nearly full, and
// with goroutines that do not end.
func madeUpAdvice(t *testing.T) *analysis.Findings {
	t.Helper()
	f, h := samplertest.New(samplertest.Options{}), sampler.NewHistory()
	in := &analysis.AdviceInput{}
	read := func(readings int) analysis.TracePoint {
		for range readings {
			p := madeUpPoint(t, f, h, 1)
			p.Snapshot.Set(sampler.CgroupLimit, 200<<20)
			in.Record.Add(p.Snapshot)
		}
		return madeUpPoint(t, f, h, 1)
	}
	in.From = read(60)
	in.GoroutinesFrom = madeUpGoroutines(t, f)
	in.To = read(60)
	in.Goroutines = madeUpGoroutines(t, f)
	in.Goroutines.Groups = append(in.Goroutines.Groups, sampler.GoroutineGroup{
		Count: 640, State: "chan receive", WaitMin: sampler.Known(75), WaitMax: sampler.Known(900), Stacks: sampler.Known(640 * 4096),
		Stack:     []sampler.Frame{{Function: "runtime.gopark", File: "proc.go", Line: 1}, {Function: "example.com/shop.(*Session).wait", File: "/src/session.go", Line: 31}},
		CreatedBy: sampler.Frame{Function: "example.com/shop.(*Session).Open", File: "/src/session.go", Line: 12},
	})
	maps, err := f.Mappings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Maps = &maps
	return &analysis.Findings{
		Schema: analysis.FindingsSchema, Command: "optimize", Time: in.Record.Last().Time, Findings: analysis.Advise(in),
		Target: analysis.FindingTarget{Kind: "process", PID: 4242, Name: "api-server", Source: "memory", Go: "go1.26.8"},
	}
}

func TestGoldenAdvice(t *testing.T) {
	r := madeUpAdvice(t)
	golden(t, "optimize", r)
	for i, line := range strings.Split(findingsText(complete(r)), "\n") {
		if w := ansi.StringWidth(line); w > textCells {
			t.Errorf("line %d has %d cells: %q", i+1, w, line)
		}
	}
}

func lookFor(f *samplertest.Fake, duration time.Duration) *optimizeLook {
	return &optimizeLook{
		o: &optimize{env: &environment{Streams: Streams{Err: io.Discard}}, duration: duration}, s: &subject{session: f, info: f.Describe()},
		r: &analysis.Findings{}, in: &analysis.AdviceInput{}, history: sampler.NewHistory(),
	}
}

// A target that ends, and a user who has seen enough, both get what was seen until then, and a word about it.
func TestAdviceOfATargetThatEnds(t *testing.T) {
	f := samplertest.New(samplertest.Options{Script: func(_ context.Context, n int) error {
		if n > 5 {
			return &sampler.Gone{At: time.Unix(0, 0), Signal: "SIGKILL"}
		}
		return nil
	}})
	l := lookFor(f, time.Hour)
	if err := l.live(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(l.r.Warnings) != 1 || !strings.Contains(l.r.Warnings[0], "killed by SIGKILL") {
		t.Errorf("warnings %q", l.r.Warnings)
	}
	if len(analysis.Advise(l.in)) == 0 {
		t.Error("nothing is reported")
	}
}

func TestAdviceAfterAnInterrupt(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	f := samplertest.New(samplertest.Options{Script: func(_ context.Context, n int) error {
		if n == 3 {
			stop()
		}
		return nil
	}})
	l := lookFor(f, time.Hour)
	if err := l.live(ctx); err != nil {
		t.Fatal(err)
	}
	if len(l.r.Warnings) == 0 || !strings.Contains(l.r.Warnings[0], "interrupted after") {
		t.Errorf("warnings %q", l.r.Warnings)
	}
	if l.in.To.Heap == nil {
		t.Error("what is read at the end is missing")
	}
}
