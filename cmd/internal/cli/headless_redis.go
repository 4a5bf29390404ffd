package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/overhead"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler"
)

// redisSuite is the suite that stores documents in a Redis server.
const redisSuite = "redis-overhead"

// redisFlags are those that only go with that suite.
type redisFlags struct {
	allowNonempty   bool
	representations representations
}

// representations is a flag that takes names of representations between commas.
type representations []string

func (r *representations) String() string { return "" }
func (r *representations) Type() string   { return "NAME,..." }

func (r *representations) Set(s string) error {
	*r = nil
	for name := range strings.SplitSeq(s, ",") {
		name = strings.TrimSpace(name)
		if known := overhead.Representations(); !slices.Contains(known, name) {
			return usagef("", "unknown representation %q, known are %s%s", name, strings.Join(known, ", "), didYouMean("", name, known))
		}
		*r = append(*r, name)
	}
	return nil
}

// bind adds the flags and returns their names.
func (r *redisFlags) bind(c *cobra.Command) []string {
	f := c.Flags()
	f.BoolVar(&r.allowNonempty, "allow-nonempty", false, "with --suite redis-overhead: write to a database that holds keys already")
	f.Var(&r.representations, "representation", "with --suite redis-overhead: only these of string, json and hash; string is always measured")
	if err := c.RegisterFlagCompletionFunc("representation", cobra.FixedCompletions(overhead.Representations(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was bound before
	}
	return []string{"allow-nonempty", "representation"}
}

// scenario makes the suite's scenario of the server that was named.
func (r *redisFlags) scenario(t sampler.Target) (*policy.Scenario, error) {
	if t.Kind != sampler.KindRedis {
		return nil, usagef("heaptop --headless --suite "+redisSuite+" redis://localhost:6379/15", "--suite %s: name the server, and a database of it that is empty", redisSuite)
	}
	if err := checkRedis(t); err != nil {
		return nil, err
	}
	return &policy.Scenario{Name: redisSuite, Kind: gates.KindOverhead, Overhead: &policy.Overhead{Redis: &policy.RedisOverhead{
		URL: t.URL, Representations: r.representations, AllowNonempty: r.allowNonempty,
	}}}, nil
}

// refuse tells a flag that was given without the suite.
func (r *redisFlags) refuse(given func(string) bool) error {
	for _, name := range []string{"allow-nonempty", "representation"} {
		if given(name) {
			return usagef("see heaptop --help", "--%s goes with --suite %s; a policy says it in its overhead", name, redisSuite)
		}
	}
	return nil
}
