package analysis

import (
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// redisSnapshot is of a server with 100 MB of RSS.
func redisSnapshot(change ...sampler.Sample) *sampler.Snapshot {
	s := &sampler.Snapshot{}
	for _, x := range []sampler.Sample{
		{Metric: sampler.ProcessRSS, Value: 100e6}, {Metric: sampler.ProcessFile, Value: 5e6}, {Metric: sampler.ProcessAnon, Value: 95e6}, {Metric: sampler.ProcessShmem, Value: 0},
		{Metric: sampler.RedisUsed, Value: 60e6}, {Metric: sampler.RedisOverhead, Value: 12e6}, {Metric: sampler.RedisStartup, Value: 1e6},
		{Metric: sampler.RedisTableMain, Value: 8e6}, {Metric: sampler.RedisTableExpires, Value: 1e6}, {Metric: sampler.RedisClientsNormal, Value: 1500e3},
		{Metric: sampler.RedisAllocated, Value: 61e6}, {Metric: sampler.RedisActive, Value: 80e6}, {Metric: sampler.RedisResident, Value: 90e6},
	} {
		s.Add(x.Metric, x.Value)
	}
	for _, x := range change {
		s.Set(x.Metric, x.Value)
	}
	return s
}

func TestRedisLedger(t *testing.T) {
	l, ok := NewLedger(redisSnapshot(), nil)
	if !ok {
		t.Fatal("no ledger")
	}
	want := map[string]float64{
		"redis_dataset": 48e6, "redis_tables": 9e6, "redis_clients": 1500e3, "redis_startup": 1e6, "redis_overhead": 500e3,
		"redis_beside": 1e6, "redis_fragmentation": 19e6, "redis_held": 10e6, "files": 5e6, "shared": 0, "unexplained": 5e6,
	}
	for _, r := range l.Rows {
		if w, ok := want[r.Key]; !ok || r.Bytes != w {
			t.Errorf("%s is %v, want %v", r.Key, r.Bytes, w)
		}
		delete(want, r.Key)
	}
	if len(want) > 0 {
		t.Errorf("missing are %v", want)
	}
}

// TestRedisLedgerAlwaysSums takes readings that contradict each other: the rows sum to RSS and none is negative.
func TestRedisLedgerAlwaysSums(t *testing.T) {
	for i, s := range []*sampler.Snapshot{
		redisSnapshot(sampler.Sample{Metric: sampler.ProcessRSS, Value: 30e6}),
		redisSnapshot(sampler.Sample{Metric: sampler.RedisUsed, Value: 500e6}),
		redisSnapshot(sampler.Sample{Metric: sampler.RedisOverhead, Value: 1e6}),
		redisSnapshot(sampler.Sample{Metric: sampler.RedisActive, Value: 1}),
		redisSnapshot(sampler.Sample{Metric: sampler.RedisActive, Value: 0}),
		redisSnapshot(sampler.Sample{Metric: sampler.ProcessRSS, Value: 0}),
		{Samples: []sampler.Sample{{Metric: sampler.ProcessRSS, Value: 9e6}, {Metric: sampler.RedisUsed, Value: 1e6}}},
	} {
		l, ok := NewLedger(s, nil)
		sum := 0.0
		for _, r := range l.Rows {
			if r.Bytes < 0 {
				t.Errorf("case %d: %s is %v", i, r.Key, r.Bytes)
			}
			sum += r.Bytes
		}
		if !ok || sum != l.Total {
			t.Errorf("case %d: the rows sum to %v, RSS is %v", i, sum, l.Total)
		}
	}
	l, _ := NewLedger(&sampler.Snapshot{Samples: []sampler.Sample{{Metric: sampler.ProcessRSS, Value: 9e6}, {Metric: sampler.RedisUsed, Value: 1e6}}}, nil)
	if len(l.Warnings) < 2 {
		t.Errorf("warnings are %q, want that the parts were not read", l.Warnings)
	}
}

func TestMaxmemoryIsALimit(t *testing.T) {
	s := redisSnapshot(sampler.Sample{Metric: sampler.RedisMaxMemory, Value: 64e6}, sampler.Sample{Metric: sampler.RedisNotCounted, Value: 1e6})
	if l, ok := NearestLimit(s); !ok || l.Name != "maxmemory" || l.Bytes != 64e6 || l.Used != 59e6 {
		t.Errorf("the limit is %+v, %t", l, ok)
	}
}
