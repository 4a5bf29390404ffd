//go:build unix && !linux

package launch

import (
	"os"
	"runtime"
	"syscall"

	"github.com/alloc-dev/heaptop/sampler"
)

// peakOf returns the peak that the system kept of an ended process, in bytes.
func peakOf(state *os.ProcessState) sampler.Reading {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok || usage.Maxrss <= 0 {
		return sampler.Reading{}
	}
	return sampler.Known(inBytes(float64(usage.Maxrss)))
}

// ownPeak is heaptop's own peak, which a system may count for what it starts.
func ownPeak() sampler.Reading {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return sampler.Reading{}
	}
	return sampler.Known(inBytes(float64(usage.Maxrss)))
}

// inBytes converts ru_maxrss, which Apple's systems have in bytes and the others in KiB.
func inBytes(v float64) float64 {
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return v
	}
	return v * 1024
}
