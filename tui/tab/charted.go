package tab

import "github.com/alloc-dev/heaptop/sampler"

// charted are the metrics whose past is drawn or judged on some screen. Of the others, some sixty of a Go program, the
// screens show readings alone, and their past is in the last minutes that are kept whole.
func charted() []sampler.Metric {
	return []sampler.Metric{
		sampler.ProcessRSS, sampler.ProcessSwap,
		sampler.GoClassTotal, sampler.GoClassObjects, sampler.GoHeapGoal, sampler.GoHeapLive, sampler.GoHeapAllocs, sampler.GoHeapFrees,
		sampler.RedisUsed, sampler.RedisUsedPeak, sampler.RedisActive, sampler.RedisResident,
		sampler.RedisDataset, sampler.RedisOverhead, sampler.RedisClientsNormal,
	}
}

// NewHistory returns an empty history of what the screens draw.
func NewHistory() *sampler.History { return sampler.NewHistory(charted()...) }
