// Package gates decides whether measured memory is acceptable: against absolute limits, against runs of another commit, and
// against a stored report. It is the arithmetic of judging; it starts nothing and reads no file.
//
// It refuses four things. It never lets a missing value pass: what was not measured is unmeasured, a verdict of its own. It
// never passes with zero gates. It never calls noise a regression beyond the rate that docs/gates.md measures, and never
// repeats until green. It never drops a run.
package gates
