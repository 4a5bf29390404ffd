//go:build !race

package samplertest

// RaceDetector reports whether the tests run with the race detector, some ten to twenty times slower.
const RaceDetector = false
