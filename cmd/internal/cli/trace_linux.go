package cli

import goversion "go/version"

// memoryReadable reports whether a program of this Go release can be read from outside, so that it needs no gctrace.
func memoryReadable(release string) bool {
	return goversion.IsValid(release) && goversion.Compare(release, "go1.20") >= 0 && goversion.Compare(release, "go1.27") < 0
}
