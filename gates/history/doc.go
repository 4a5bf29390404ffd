// Package history tells how measurements moved over many reports: night after night, commit after commit.
//
// It reads a folder of reports, makes a series of each metric of each scenario, finds the places where its level changed,
// and says how far it has come since an anchor. A growth of one percent a week is below what any single comparison can
// prove, and a tenth of a year later it is half as much again.
//
// It refuses three things. Reports from different environments are never put into one series: each environment (processor,
// system, kernel, Go, its settings) is an epoch of its own, and one that comes back goes on where it was, because hosted
// machines take turns. What was not measured is a gap and never 0. And it fails no build: by the time that a history shows a
// change, the change is on the main branch, and whoever builds next has not made it. What it finds is for an issue.
//
// How a change is judged is in change.go, how well that works in docs/history.md.
package history
