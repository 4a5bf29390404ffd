package analysis_test

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

func explain(t *testing.T, s *sampler.Snapshot, maps *sampler.Mappings) string {
	t.Helper()
	l := ledger(t, s, maps)
	text := analysis.Explain(&l, s)
	checkExplained(t, &l, text)
	return text
}

// checkExplained reads the sizes back: those of the parts sum to what they are said to be parts of, but for rounding.
func checkExplained(t *testing.T, l *analysis.Ledger, text string) {
	t.Helper()
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Fatalf("%q", text)
	}
	whole, list := l.Total, ""
	if _, rest, found := strings.Cut(text, ". Of the other "); found {
		size, parts, _ := strings.Cut(rest, ", ")
		list = parts
		v, err := unit.ParseBytes(size)
		if err != nil {
			t.Fatal(err)
		}
		whole = v
	} else if _, rest, found := strings.Cut(text, ": "); found {
		list = rest
	} else {
		return
	}
	list, _, _ = strings.Cut(list, " Other processes use")
	list, _, _ = strings.Cut(list, " Another ")
	sum := 0.0
	parts := regexp.MustCompile(`(?:^|, |, and )([\d.,]+ [kMGT]?B) (?:is|was) `).FindAllStringSubmatch(list, -1)
	for _, m := range parts {
		v, err := unit.ParseBytes(strings.ReplaceAll(m[1], ",", ""))
		if err != nil {
			t.Fatalf("%q: %v", m[1], err)
		}
		sum += v
	}
	if len(parts) == 0 || math.Abs(sum-whole) > 0.006*whole*float64(len(parts)) {
		t.Errorf("the parts come to %.0f of %.0f: %s", sum, whole, text)
	}
}

func TestExplain(t *testing.T) {
	for name, c := range map[string]struct {
		s    map[sampler.Metric]float64
		want string
	}{
		"more than the live heap": {server(), "RSS is 200 MB, 2.2 times the live heap of 90.0 MB. Of the other 110 MB, 40.0 MB was allocated since the last " +
			"collection or is dead and not swept yet, 25.0 MB is free heap that was not returned to the system, 18.0 MB is files and binary, " +
			"10.0 MB is unused room in spans that are in use, 10.0 MB is the runtime's own data, and 7.00 MB is goroutine stacks and shared memory."},
		"swapped, shared": {with(server(), map[sampler.Metric]float64{sampler.ProcessSwap: 30 * mb, sampler.ProcessPSS: 100 * mb}),
			" Other processes use some of these pages too: its fair share is 100 MB (PSS). Another 30.0 MB is swapped out."},
		"no collection yet": {with(server(), map[sampler.Metric]float64{sampler.GoCyclesTotal: 0}), "RSS is 200 MB: 130 MB is heap objects, living and dead, 25.0 MB"},
		"unknown live heap": {with(server(), map[sampler.Metric]float64{sampler.GoHeapLive: -1}), "RSS is 200 MB: 130 MB is heap objects, living and dead"},
		"more live than resident": {with(server(), map[sampler.Metric]float64{sampler.GoHeapLive: 400 * mb, sampler.GoClassObjects: 420 * mb}),
			"RSS is 200 MB; of the live heap of 400 MB only 175 MB is resident. Of the other 25.0 MB,"},
		"nothing but live": {with(server(), map[sampler.Metric]float64{sampler.ProcessRSS: 90 * mb, sampler.ProcessAnon: 90 * mb, sampler.ProcessFile: 0, sampler.ProcessShmem: 0,
			sampler.GoClassStacks: 0}), "RSS is 90.0 MB, nearly all of it live heap (90.0 MB)."},
		"hardly any live": {with(server(), map[sampler.Metric]float64{sampler.GoHeapLive: 1 * mb}), "RSS is 200 MB; the live heap is only 1.00 MB of it. Of the other 199 MB, 129 MB was allocated"},
		"unexplained":     {with(server(), map[sampler.Metric]float64{sampler.ProcessAnon: -1, sampler.ProcessFile: -1, sampler.ProcessShmem: -1}), "and 20.0 MB is not explained by any reading."},
		"not Go": {map[sampler.Metric]float64{sampler.ProcessRSS: 50 * mb, sampler.ProcessAnon: 30 * mb, sampler.ProcessFile: 20 * mb, sampler.ProcessShmem: 0},
			"RSS is 50.0 MB: 30.0 MB is anonymous memory, and 20.0 MB is files."},
	} {
		t.Run(name, func(t *testing.T) {
			if got := explain(t, snapshot(c.s), nil); !strings.Contains(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestExplainNothing(t *testing.T) {
	s := snapshot(map[sampler.Metric]float64{sampler.ProcessRSS: 0})
	l := ledger(t, s, nil)
	if got := analysis.Explain(&l, s) + analysis.Explain(nil, s) + analysis.Explain(&l, nil); got != "" {
		t.Errorf("explained %q", got)
	}
}

// Whatever the readings are, what is said sums to RSS.
func TestExplanationsSum(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		samples := server()
		for m := range samples {
			switch random.IntN(5) {
			case 0:
				samples[m] = math.Trunc(math.Exp(random.Float64() * 25))
			case 1:
				if m != sampler.ProcessRSS {
					delete(samples, m)
				}
			}
		}
		explain(t, snapshot(samples), nil)
	}
}
