package analysis

import (
	"fmt"
	"math"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// DeclineVerdict says whether work becomes slower.
type DeclineVerdict string

// The verdicts of JudgeDecline.
const (
	DeclineSteady       DeclineVerdict = "steady"       // a fall beyond the limit is excluded
	DeclineFalling      DeclineVerdict = "degrading"    // a fall beyond the limit is proven, and its end carries on
	DeclineSettled      DeclineVerdict = "settled"      // it has fallen, but its end does not carry on
	DeclineInconclusive DeclineVerdict = "inconclusive" // neither is proven
	DeclineInsufficient DeclineVerdict = "insufficient" // watched too briefly to judge
)

// DeclineLimit is the fall of a rate that counts as degradation, a share an hour.
const DeclineLimit = 0.10

const (
	declineBlocks = 24
	declineScore  = 3.0  // Mann-Kendall score of a fall, once dependence between neighbours is taken out
	declineLeast  = 0.02 // share lost in all: what is less is no degradation, however steep an hour of it would be
	declineTail   = 0.35 // of the claimed fall must be left in the last half
	declineT      = 2.07 // 97.5 % quantile of Student's t with 22 degrees of freedom
	mostAhead     = 10.0 // times what was watched: further nobody can tell
)

// Decline is the verdict over the rate of work. PerHour, Low and High are shares of the rate an hour, below 0 for a fall;
// they are valid when Judged.
type Decline struct {
	Verdict   DeclineVerdict
	Judged    bool
	PerHour   float64
	Low, High float64         // the 95 % interval of PerHour
	Score     float64         // of the trend test, below 0 for a fall
	Needed    sampler.Reading // seconds more that would decide; not known when nothing can be said
	Reason    string
}

// JudgeDecline judges whether the rate of work falls by more than DeclineLimit an hour. work is a counter of what was
// done, and by the counter that it is divided by, such as the CPU time used; nil divides by the time that passed. started
// is when the process began; zero: unknown. It is a pure function, safe for concurrent use.
//
// The process's start and the first 5 % are left out, and the rest is cut into 24 blocks of equal length. The logarithms
// of their rates are judged: the slope by Theil and Sen and by least squares, whose intervals, both widened for dependence
// between neighbours, must together lie beyond the limit; a trend test; at least 2 % lost in all; and the last half must
// carry on. A fall that ended, as where another program took the machine, is settled.
func JudgeDecline(work, by []sampler.Point, started time.Time) Decline {
	work = finitePoints(work)
	var span time.Duration
	if n := len(work); n > 0 {
		span = work[n-1].Time.Sub(work[0].Time)
	}
	kept := dropHead(work, started, span)
	if reason, more := tooShort(work, kept, started, span); reason != "" {
		d := Decline{Verdict: DeclineInsufficient, Reason: reason}
		if more > 0 {
			d.Needed = sampler.Known(more.Seconds())
		}
		return d
	}
	x, y, problem := blockRates(kept, finitePoints(by), by != nil)
	if problem != "" {
		return Decline{Verdict: DeclineInsufficient, Reason: problem}
	}
	return declineOf(x, y, kept[len(kept)-1].Time.Sub(kept[0].Time))
}

// blockRates returns the middles of the blocks in hours, and the logarithms of what was done in each for a unit of by, or
// a second; or the problem that there is with the counters.
func blockRates(work, by []sampler.Point, divided bool) (x, y []float64, problem string) {
	const noWork, noUnit = "the counter of the work fell or stood still", "what the work is divided by fell or stood still"
	from, to := work[0].Time, work[len(work)-1].Time
	step := to.Sub(from) / declineBlocks
	if divided && len(by) < 2 {
		return nil, nil, noUnit
	}
	total := work[len(work)-1].Last - work[0].Last
	if !(total > 0) {
		return nil, nil, noWork
	}
	for i := range declineBlocks {
		a, b := from.Add(time.Duration(i)*step), from.Add(time.Duration(i+1)*step)
		done := counterAt(work, b) - counterAt(work, a)
		took := b.Sub(a).Seconds()
		if divided {
			took = counterAt(by, b) - counterAt(by, a)
		}
		switch {
		case done < 0:
			return nil, nil, noWork
		case took <= 0:
			return nil, nil, noUnit
		}
		least := 0.1 * total / declineBlocks // a block without work is a tenth of the mean, as a logarithm needs
		x = append(x, (float64(i)+0.5)*step.Hours())
		y = append(y, math.Log(math.Max(done, least)/took))
	}
	return x, y, ""
}

// counterAt reads a counter between two readings.
func counterAt(points []sampler.Point, t time.Time) float64 {
	i := firstFrom(points, t)
	switch {
	case i == 0:
		return points[0].Last
	case i == len(points):
		return points[i-1].Last
	}
	a, b := points[i-1], points[i]
	return a.Last + (b.Last-a.Last)*t.Sub(a.Time).Seconds()/b.Time.Sub(a.Time).Seconds()
}

// declineOf judges the logarithms of rates.
func declineOf(x, y []float64, span time.Duration) Decline {
	d := Decline{Judged: true}
	sen, okSen := stats.TheilSen(x, y)
	line, okLine := stats.Fit(x, y)
	if !okSen || !okLine {
		return Decline{Verdict: DeclineInsufficient, Reason: "the rates cannot be compared"}
	}
	d.PerHour = (sen.Slope + line.Slope) / 2
	d.Low = math.Min(sen.Low, line.Slope-declineT*line.SE)
	d.High = math.Max(sen.High, line.Slope+declineT*line.SE)
	d.Score = stats.MannKendall(y) / math.Sqrt(sen.Inflation)
	lost := -math.Expm1(d.PerHour * span.Hours())
	proven := d.High < -DeclineLimit && d.Score <= -declineScore
	tail := stats.SenSlope(x[len(x)/2:], y[len(y)/2:])
	switch {
	case proven && lost >= declineLeast && tail <= declineTail*d.PerHour:
		d.Verdict = DeclineFalling
		d.Reason = fmt.Sprintf("%.1f %% of the rate is lost", 100*lost)
	case proven && lost >= declineLeast:
		d.Verdict, d.Reason = DeclineSettled, "it fell, but its end does not carry on"
	case d.Low > -DeclineLimit:
		d.Verdict = DeclineSteady
	default:
		d.Verdict = DeclineInconclusive
		d.Reason = "it varies too much for the time"
		if d.Needed = d.ahead(span); d.Needed.OK {
			d.Reason += "; " + unit.Duration(time.Duration(d.Needed.Value*float64(time.Second)).Round(time.Second)) + " more would decide"
		}
	}
	return d
}

// ahead returns how much longer would decide: the interval becomes narrower with the power 1.5 of the time, and where it
// holds no change at all that is what is expected.
func (d Decline) ahead(span time.Duration) sampler.Reading {
	half := (d.High - d.Low) / 2
	distance := math.Abs(d.PerHour + DeclineLimit)
	if d.Low <= 0 && d.High >= 0 {
		distance = DeclineLimit
	}
	if distance <= 0 {
		return sampler.Reading{}
	}
	factor := math.Max(math.Pow(half/distance, 2.0/3), 1.2)
	if !(factor < mostAhead) {
		return sampler.Reading{}
	}
	return sampler.Known((factor - 1) * span.Seconds())
}

// Work is what was done while a target was watched.
type Work struct {
	Metric  sampler.Metric
	Total   float64 // counted between the first and the last reading; a counter that fell began anew
	PerHour float64 // in the second half of the time, which no warm-up is part of
	Rate    Decline // of the work by the time
	HasCost bool    // CPU time is known; the rest is valid then
	Cost    Decline // of the work by the CPU time used: it falls where an operation takes more
	CPUPer  float64 // seconds of CPU for each, in the second half of the time; 0 where nothing was done
}

// Work judges the counter of work that the watch was made with; ok is false when it was never read. A process that took
// the place of another makes it insufficient: counters begin anew.
func (w *LeakWatch) Work() (out Work, ok bool) {
	k := w.tracks[w.per]
	if w.per == "" || k == nil || len(k.points) == 0 {
		return out, false
	}
	first, last := k.points[0], k.points[len(k.points)-1]
	out = Work{Metric: w.per, Total: k.counted()}
	if len(w.restarts) > 0 {
		out.Rate = Decline{Verdict: DeclineInsufficient, Reason: "the process was replaced by another"}
		return out, true
	}
	half := last.Time.Sub(first.Time) / 2
	middle := first.Time.Add(half)
	done := last.Last - counterAt(k.points, middle)
	if half > 0 {
		out.PerHour = done / half.Hours()
	}
	out.Rate = JudgeDecline(k.points, nil, w.started())
	if cpu := w.tracks[sampler.ProcessCPU]; cpu != nil && w.per != sampler.ProcessCPU && len(cpu.points) > 1 {
		out.HasCost = true
		out.Cost = JudgeDecline(k.points, cpu.points, w.started())
		if done > 0 {
			out.CPUPer = (counterAt(cpu.points, last.Time) - counterAt(cpu.points, middle)) / done
		}
	}
	return out, true
}
