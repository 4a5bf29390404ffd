// Package stats holds the mathematics behind the verdicts: medians, quantiles, robust slopes, the trend test, and shapes
// of a series compared. All are pure functions on float64 that leave their arguments as they are.
//
// It refuses to know what the numbers mean: no units, no thresholds, no words. It refuses to estimate from nothing: where
// there is no answer (no data, no spread) the documentation of the function says what comes back, and no function returns
// an infinity for finite input of moderate size.
package stats
