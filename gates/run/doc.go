// Package run runs the scenarios of a policy and fills the report: it builds, starts, measures, repeats as the judges of
// package gates ask, compares with another commit or a stored report, and names what carries a change.
//
// One run is one fresh process, or one stretch of a running target. Package launch starts it and tells when each of its
// processes ends; in that stop the Go runtime's totals are read from outside, exactly. Between, this package reads every
// few milliseconds at first and less often later. What a value was read from stands beside it in the report.
//
// It refuses six things. It drops no run and repeats none that failed: out of memory, a crash, an exit code and a time-out
// are told apart and make the scenario unmeasured. It turns no missing value into 0. It compares only what was run in an
// order that was drawn (the seed is in the report). It runs nothing to prove that nothing changed: equal binaries from
// trees that differ in no other file are stable without a run. It changes nothing in the user's checkout. And it leaves
// nothing behind: no process, no worktree, no temporary file, also after an interrupt.
package run
