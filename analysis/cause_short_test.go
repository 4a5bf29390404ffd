package analysis_test

import (
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

// A series that was too short to be judged has no score: not one of 0.
func TestTooShortASeriesHasNoScore(t *testing.T) {
	var points []sampler.Point
	for i := range 10 {
		points = append(points, sampler.Point{Time: time.Unix(int64(i), 0), Min: 1e6, Max: 1e6, Last: 1e6})
	}
	r := analysis.JudgeSeries([]analysis.LeakSeries{analysis.JudgeColumn("rss_bytes", points, "", nil, 0)})
	if len(r.Findings) != 1 || r.Findings[0].Verdict != analysis.LeakInsufficient {
		t.Fatalf("found %+v", r.Findings)
	}
	for _, key := range []string{"score_points", "structure_points", "trend_points", "size_points"} {
		if v, ok := r.Findings[0].Evidence[key]; ok {
			t.Errorf("%s is %v", key, v)
		}
	}
}
