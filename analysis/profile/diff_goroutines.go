package profile

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// ErrNotGoroutines says that the bytes are a profile, but of something else.
var ErrNotGoroutines = errors.New("not a goroutine profile")

// ParseGoroutines reads a goroutine profile in pprof's format, gzipped or plain, within the bounds of ParseHeap. Such a
// profile has stacks and how many goroutines have each; state, waiting time and creator are not in it and stay empty. An
// error that wraps ErrNotGoroutines names what the profile measures instead.
func ParseGoroutines(p sampler.Profile) (sampler.Goroutines, error) {
	g, err := parseGoroutines(p)
	if err != nil {
		return sampler.Goroutines{}, fmt.Errorf("read goroutine profile: %w", err)
	}
	return g, nil
}

func parseGoroutines(p sampler.Profile) (sampler.Goroutines, error) {
	pr, err := decode(p.Data)
	if err != nil {
		return sampler.Goroutines{}, err
	}
	at := slices.IndexFunc(pr.SampleType, func(t *profile.ValueType) bool {
		return strings.HasPrefix(t.Type, "goroutine") && t.Unit == "count"
	})
	if at < 0 {
		return sampler.Goroutines{}, fmt.Errorf("%w: it measures %q", ErrNotGoroutines, clip(typeNames(pr)))
	}
	g := sampler.Goroutines{Time: p.Time, Took: p.Took, Source: p.Source}
	if g.Time.IsZero() && pr.TimeNanos > 0 {
		g.Time = time.Unix(0, pr.TimeNanos)
	}
	budget := maxAllFrames
	for _, s := range pr.Sample {
		count := s.Value[at]
		if count <= 0 || count > math.MaxInt32 {
			continue
		}
		g.Total += int(count)
		group := sampler.GoroutineGroup{Count: int(count)}
		eachFrame(s.Location, func(f sampler.Frame) bool {
			group.Stack = append(group.Stack, f)
			budget--
			return budget > 0
		})
		g.Groups = append(g.Groups, group)
	}
	slices.SortStableFunc(g.Groups, func(a, b sampler.GoroutineGroup) int { return cmp.Compare(b.Count, a.Count) })
	return g, nil
}

func typeNames(pr *profile.Profile) string {
	names := make([]string, 0, len(pr.SampleType))
	for _, t := range pr.SampleType {
		names = append(names, t.Type)
	}
	return strings.Join(names, ", ")
}
