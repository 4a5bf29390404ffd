package run

import (
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// builtinEnv is what a built-in workload wants in its environment.
func builtinEnv(name string) []string {
	s, _ := scenario.Find(name)
	return s.Env
}
