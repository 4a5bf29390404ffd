package simulate

import (
	"fmt"
	"io"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

// Row is what the table says about one model of noise; shares of all repetitions.
type Row struct {
	Noise                       string
	Alarms, OpenedAlarms        float64 // grew or regressed with no change; the second with an exact metric beside
	EdgeAlarms                  float64 // the same with as much growth as a warning needs more than
	OneAgainstOne, Turns, Apart float64 // grew or regressed with no change, by the rivals
	StoredAlarms                float64 // with no change, against a report of 8 runs
	FalseStable                 float64 // growth equal to the limit called stable
	Found15, Found12            float64 // regressed at +15 %, and at +12 % with noise of 3 %
	Runs, OpenedRuns            float64 // with no change, on average
	Inconclusive                float64 // with no change
}

// Table simulates every row, with so many repetitions of each figure.
func Table(repeats int, seed uint64) []Row {
	settings := gates.CompareSettings{}
	ours, opened := Blocks(settings, false), Blocks(settings, true)
	alarm := []string{gates.Grew, gates.Regressed}
	quieter := Noises(.03)
	var rows []Row
	for i, noise := range Noises(.04) {
		same, sameOpened := Play(ours, noise, 0, repeats, seed), Play(opened, noise, 0, repeats, seed+1)
		rows = append(rows, Row{
			Noise:         noise.Name,
			Alarms:        same.Share(alarm...),
			OpenedAlarms:  sameOpened.Share(alarm...),
			EdgeAlarms:    Play(ours, noise, gates.DefaultWarnIncrease, repeats, seed+8).Share(alarm...),
			StoredAlarms:  Play(Stored(settings, 8, 8), noise, 0, max(repeats/10, 1), seed+9).Share(alarm...),
			Inconclusive:  same.Share(gates.Inconclusive),
			Runs:          same.MeanRuns(),
			OpenedRuns:    sameOpened.MeanRuns(),
			FalseStable:   Play(ours, noise, gates.DefaultMaxIncrease, repeats, seed+2).Share(gates.Stable, gates.Improved),
			Found15:       Play(ours, noise, .15, repeats, seed+3).Share(gates.Regressed),
			Found12:       Play(ours, quieter[i], .12, repeats, seed+4).Share(gates.Regressed),
			OneAgainstOne: Play(OneAgainstOne(.10), noise, 0, repeats, seed+5).Share(alarm...),
			Turns:         Play(MannWhitney(10, true, .02), noise, 0, repeats, seed+6).Share(alarm...),
			Apart:         Play(MannWhitney(10, false, .02), noise, 0, repeats, seed+7).Share(alarm...),
		})
	}
	return rows
}

// Write prints the table as Markdown.
func Write(w io.Writer, rows []Row) error {
	head := []string{"noise", "no change: false alarms", "with an exact metric beside", "runs", "inconclusive", "+2 %: alarms", "+10 %: called stable",
		"+15 %: regressed", "+12 %, noise 3 %: regressed", "stored baseline, no change: false alarms", "one against one", "Mann-Whitney ABAB", "Mann-Whitney AAAABBBB"}
	if _, err := fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head))); err != nil {
		return err
	}
	for _, r := range rows {
		_, err := fmt.Fprintf(w, "| %s | %.3f %% | %.3f %% | %.1f, %.1f | %.2f %% | %.2f %% | %.1f %% | %.1f %% | %.1f %% | %.2f %% | %.1f %% | %.1f %% | %.1f %% |\n",
			r.Noise, 100*r.Alarms, 100*r.OpenedAlarms, r.Runs, r.OpenedRuns, 100*r.Inconclusive, 100*r.EdgeAlarms, 100*r.FalseStable,
			100*r.Found15, 100*r.Found12, 100*r.StoredAlarms, 100*r.OneAgainstOne, 100*r.Turns, 100*r.Apart)
		if err != nil {
			return err
		}
	}
	return nil
}
