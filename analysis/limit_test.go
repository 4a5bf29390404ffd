package analysis_test

import (
	"math"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

func TestNearestLimit(t *testing.T) {
	machine := map[sampler.Metric]float64{sampler.MachineMemory: 16000 * mb, sampler.MachineAvailable: 10000 * mb, sampler.ProcessRSS: 90 * mb}
	cgroup := map[sampler.Metric]float64{sampler.CgroupLimit: 512 * mb, sampler.CgroupCurrent: 210 * mb}
	goLimit := map[sampler.Metric]float64{sampler.GoMemLimit: 400 * mb, sampler.GoClassTotal: 350 * mb, sampler.GoClassReleased: 100 * mb}
	tests := []struct {
		name    string
		samples []map[sampler.Metric]float64
		extra   []analysis.Limit
		want    string
		used    float64
	}{
		{"machine alone", []map[sampler.Metric]float64{machine}, nil, "machine", 6000 * mb},
		{"cgroup first", []map[sampler.Metric]float64{machine, cgroup}, nil, "cgroup", 210 * mb},
		{"GOMEMLIMIT first", []map[sampler.Metric]float64{machine, cgroup, goLimit}, nil, "GOMEMLIMIT", 250 * mb},
		{"GOMEMLIMIT off", []map[sampler.Metric]float64{machine, goLimit, {sampler.GoMemLimit: math.MaxInt64}}, nil, "machine", 6000 * mb},
		{"cgroup v1 without a limit", []map[sampler.Metric]float64{machine, {sampler.CgroupLimit: 9223372036854771712, sampler.CgroupCurrent: 1}}, nil, "machine", 6000 * mb},
		{"a cgroup larger than the machine", []map[sampler.Metric]float64{machine, {sampler.CgroupLimit: 99000 * mb, sampler.CgroupCurrent: mb}}, nil, "machine", 6000 * mb},
		{"the user's own", []map[sampler.Metric]float64{machine, cgroup}, []analysis.Limit{{Name: "--limit", Bytes: 100 * mb, Metric: sampler.ProcessRSS}}, "--limit", 90 * mb},
		{"one that is passed", []map[sampler.Metric]float64{machine, cgroup}, []analysis.Limit{{Name: "--limit", Bytes: 80 * mb, Metric: sampler.ProcessRSS}}, "--limit", 90 * mb},
		{"one of what was not read", []map[sampler.Metric]float64{machine}, []analysis.Limit{{Name: "--limit", Bytes: mb, Metric: sampler.GoHeapLive}}, "machine", 6000 * mb},
		{"a limit without what counts", []map[sampler.Metric]float64{{sampler.CgroupLimit: mb, sampler.MachineMemory: mb}}, nil, "", 0},
	}
	for _, test := range tests {
		all := map[sampler.Metric]float64{}
		for _, m := range test.samples {
			with(all, m)
		}
		l, ok := analysis.NearestLimit(snapshot(all), test.extra...)
		if ok != (test.want != "") || l.Name != test.want || l.Used != test.used {
			t.Errorf("%s: %+v %v, want %q with %.0f", test.name, l, ok, test.want, test.used)
		}
	}
}

func TestTimeToLimit(t *testing.T) {
	limit := analysis.Limit{Bytes: 500 * mb, Used: 380 * mb}
	grows := analysis.Growth{OK: true, Growing: true, PerHour: 30 * mb, Low: 20 * mb, High: 60 * mb}
	tests := []struct {
		name  string
		g     func(*analysis.Growth)
		limit analysis.Limit
		want  analysis.Reach
	}{
		{"grows", func(*analysis.Growth) {}, limit, analysis.Reach{At: 4 * time.Hour, Earliest: 2 * time.Hour, Latest: 6 * time.Hour, OK: true}},
		{"at least", func(g *analysis.Growth) { g.Low = -1 }, limit, analysis.Reach{At: 4 * time.Hour, Earliest: 2 * time.Hour, OK: true}},
		{"passed", func(*analysis.Growth) {}, analysis.Limit{Bytes: 1, Used: 2}, analysis.Reach{OK: true}},
		{"not proven", func(g *analysis.Growth) { g.Growing = false }, limit, analysis.Reach{}},
		{"not judged", func(g *analysis.Growth) { g.OK = false }, limit, analysis.Reach{}},
		{"falls", func(g *analysis.Growth) { g.PerHour = -1 }, limit, analysis.Reach{}},
		{"a byte a year", func(g *analysis.Growth) { g.PerHour, g.Low, g.High = 1e-4, 1e-5, 1e-3 }, limit,
			analysis.Reach{At: 876000 * time.Hour, Earliest: 876000 * time.Hour, Latest: 876000 * time.Hour, OK: true}},
	}
	for _, test := range tests {
		g := grows
		test.g(&g)
		if got := analysis.TimeToLimit(g, test.limit); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}
