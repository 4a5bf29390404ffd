package analysis_test

import (
	"os"
	"testing"

	"github.com/alloc-dev/heaptop/analysis/internal/contest"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// full says whether the tests run with 60 series a kind, as the bounds are meant, or with few.
func full() bool { return os.Getenv("HEAPTOP_FULL") != "" }

func seriesOfEachKind() int {
	if full() {
		return 60
	}
	return 8
}

func set() contest.Set { return contest.Set{First: 1, N: seriesOfEachKind()} }

func TestLeaksAreToldFromTheRest(t *testing.T) {
	samplertest.NotUnderRace(t)
	for _, test := range []struct {
		name                          string
		rss                           bool
		precision, recall, f1, alarms float64
	}{
		{"live heap", false, 0.97, 0.82, 0.89, 0.02},
		{"RSS", true, 0.95, 0.7, 0.8, 0.04},
	} {
		scores := contest.Judge(contest.Ours()[:1], test.rss, set())[0]
		r := scores.At(scores.Rule.Threshold)
		t.Logf("%s: precision %.3f, recall %.3f, F1 %.3f, false alarms %.1f%%", test.name, r.Precision, r.Recall, r.F1, 100*r.Alarms)
		if r.Precision < test.precision || r.Recall < test.recall || r.F1 < test.f1 || r.Alarms > test.alarms {
			t.Errorf("%s: want precision %.2f, recall %.2f, F1 %.2f and at most %.0f%% false alarms", test.name, test.precision, test.recall, test.f1, 100*test.alarms)
		}
		if most := max(0.1, 1/float64(seriesOfEachKind())); r.WorstAlarms > most {
			t.Errorf("%s: %.0f%% false alarms at %q", test.name, 100*r.WorstAlarms, r.WorstKind)
		}
	}
}

// With a threshold set for 1 % false alarms, each for itself, the verdict must be far ahead of the rules in use elsewhere.
func TestLeakVerdictBeatsItsRivals(t *testing.T) {
	samplertest.NotUnderRace(t)
	ours := 0.0
	for i, s := range contest.Judge(append(contest.Ours()[:1], contest.Rivals()...), false, set()) {
		f1 := s.At(s.Threshold(0.01)).F1
		t.Logf("%-45s F1 %.2f at 1%% false alarms", s.Rule.Name, f1)
		if i == 0 {
			ours = f1
		}
		if i > 0 && f1 > ours-0.1 {
			t.Errorf("%s reaches %.2f, the verdict %.2f: the lead is below 0.10", s.Rule.Name, f1, ours)
		}
	}
	if ours < 0.88 {
		t.Errorf("F1 %.2f at 1%% false alarms, want 0.88", ours)
	}
}

func TestLeakRateIntervalHoldsTheTruth(t *testing.T) {
	growing, held := 0.0, 0.0
	for _, r := range contest.Rates(set()) {
		t.Logf("%-20s %d called growing, %.2f hold the rate, error %.0f%%, width %.0f%%", r.Kind, r.Growing, r.Holds, 100*r.Error, 100*r.Width)
		growing += float64(r.Growing)
		held += r.Holds * float64(r.Growing)
		if full() && r.Holds < 0.88 {
			t.Errorf("%s: the interval holds the true rate in %.2f of the series", r.Kind, r.Holds)
		}
		if r.Error > 0.2 {
			t.Errorf("%s: the rate is wrong by %.0f%%", r.Kind, 100*r.Error)
		}
	}
	if held/growing < 0.88 {
		t.Errorf("the interval holds the true rate in %.2f of all series", held/growing)
	}
}
