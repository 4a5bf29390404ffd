// Package profile reads heap profiles and goroutine groups and makes them comparable: allocation sites with what they hold,
// how it changed, and how many sampled objects that rests on.
//
// A heap profile is an estimate from a sample (one allocation per 512 KiB on average), so each site carries its number of
// samples and the standard deviation of its bytes: a figure that rests on two samples must look like one. Totals are those
// of `go tool pprof`. Profiles come from strangers: sizes and counts are bounded before anything is built from them, and
// foreign bytes give an error. It refuses profiles of CPU time, locks and goroutines, and it refuses to guess a profile's
// sample types. It reads no file: source lines are the screen's business.
package profile
