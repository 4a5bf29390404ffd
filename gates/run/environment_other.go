//go:build !linux

package run

// machine knows nothing where it would have to guess.
func machine() (kernel, cpu string, memory int64) { return "", "", 0 }
