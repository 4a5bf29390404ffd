package cli

import "github.com/alloc-dev/heaptop/sampler/nearest"

// didYouMean returns `, did you mean best?`, or "" when nothing is near.
func didYouMean(prefix, typed string, candidates []string) string {
	if best := nearest.Word(typed, candidates); best != "" {
		return ", did you mean " + prefix + best + "?"
	}
	return ""
}
