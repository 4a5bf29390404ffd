//go:build !race

package capture

// raceDetector reports whether the tests run with it, some twenty times slower.
const raceDetector = false
