package run

import (
	"os"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/goproc"
	"github.com/alloc-dev/heaptop/sampler/goruntime"
	"github.com/alloc-dev/heaptop/sampler/proc"
	"github.com/alloc-dev/heaptop/sampler/redis"
)

// targetSource is what reads a target that runs already.
func targetSource(t sampler.Target) sampler.Source {
	if t.Kind == sampler.KindRedis {
		return redis.New(redis.Options{System: proc.Source{}})
	}
	return goruntime.New(goruntime.Options{System: proc.Source{}, Memory: goproc.Source{}})
}

// checkServers refuses the URL of a Redis server that cannot be read as one, before anything is measured.
func checkServers(p *policy.Policy) error {
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		url := ""
		if t, err := sampler.ParseTarget(s.Target); s.Kind == gates.KindTarget && err == nil && t.Kind == sampler.KindRedis {
			url = t.URL
		}
		if s.Overhead != nil && s.Overhead.Redis != nil {
			url = s.Overhead.Redis.URL
		}
		if url == "" {
			continue
		}
		if _, err := redis.ClientOptions(url, os.Getenv); err != nil {
			return worktree.Usage("scenario %s: %w", s.Name, err)
		}
	}
	return nil
}

// serverReadings is what a data server told of its memory.
type serverReadings struct {
	used []sampler.Point
	peak sampler.Reading
}

func (w *serverReadings) take(s *sampler.Snapshot) {
	v, ok := s.Get(sampler.RedisUsed)
	if !ok {
		return
	}
	w.used = appendPoint(w.used, pointAt(s.Time, v))
	if r := s.Reading(sampler.RedisUsedPeak); r.OK {
		w.peak = r
	}
}

// values makes the gate metrics of a server's own figures, and judges used_memory in the place of a heap.
func (w *serverReadings) values(o *once, s *policy.Scenario, from, end time.Time) {
	if w.peak.OK {
		o.set("peak_used_memory", w.peak.Value, "used_memory_peak of INFO, since the server started")
	} else {
		o.lack("peak_used_memory", "the server does not tell used_memory_peak")
	}
	o.sustained("used_memory", w.used, from, end)
	o.series = trendSeries{string(sampler.RedisUsed), w.used, time.Time{}}
	o.grow(s.Limits, from)
}
