// Package sampler defines what a reading is and who makes it: targets, metrics, samples, snapshots, sources and
// sessions, the series that keep readings, and the loop that takes them.
//
// It uses the standard library alone and knows no source: those are packages below it, and only the command line and
// the scenario runner import them. It refuses to invent: a metric that could not be read is absent from a snapshot and
// a warning says why; absent is never 0. It never logs; warnings travel with the snapshot.
package sampler
