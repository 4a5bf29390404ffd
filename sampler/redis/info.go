package redis

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// info is the answer to INFO, by field.
type info map[string]string

// fieldsMost and valueMost bound what is kept: a server's own answer has some 250 fields.
const (
	fieldsMost = 8192
	valueMost  = 4096
)

// parseInfo reads "field:value" lines. Lines that are none are passed over; of two with one name the first counts.
func parseInfo(text string) info {
	fields := make(info, 256)
	for line := range strings.Lines(text) {
		if len(fields) == fieldsMost {
			break
		}
		line = strings.TrimRight(line, "\r\n")
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || strings.HasPrefix(line, "#") || len(line) > valueMost {
			continue
		}
		if _, twice := fields[name]; !twice {
			fields[name] = value
		}
	}
	return fields
}

// number returns a field that is a finite number, and not negative: no field that is read here can be. A percent sign
// behind it is as good as none.
func (f info) number(name string) sampler.Reading { return number(f[name]) }

func number(text string) sampler.Reading {
	v, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return sampler.Reading{}
	}
	return sampler.Known(v)
}

// word returns a field that is text of the server's, fit to be shown.
func (f info) word(name string) string { return plain(f[name], 128) }

// plain takes control characters out of a foreign text and bounds its length.
func plain(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, text), "")
}

// source says which field of INFO a metric is read from. The value is multiplied by scale where that is not 0.
type source struct {
	metric sampler.Metric
	fields []string // the first that is there: names changed between versions
	scale  float64
}

const (
	milliseconds = 1e-3
)

// table is every metric that is one field of INFO.
func table() []source {
	one := func(m sampler.Metric, fields ...string) source { return source{metric: m, fields: fields} }
	return []source{
		one(sampler.RedisUsed, "used_memory"),
		one(sampler.RedisUsedRSS, "used_memory_rss"),
		one(sampler.RedisUsedPeak, "used_memory_peak"),
		one(sampler.RedisOverhead, "used_memory_overhead"),
		one(sampler.RedisStartup, "used_memory_startup"),
		one(sampler.RedisDataset, "used_memory_dataset"),
		one(sampler.RedisNotCounted, "mem_not_counted_for_evict"),
		one(sampler.RedisSystemMemory, "total_system_memory"),
		one(sampler.RedisAllocated, "allocator_allocated"),
		one(sampler.RedisActive, "allocator_active"),
		one(sampler.RedisResident, "allocator_resident"),
		one(sampler.RedisFragmentation, "mem_fragmentation_ratio"),
		one(sampler.RedisClientsNormal, "mem_clients_normal"),
		one(sampler.RedisClientsReplica, "mem_clients_slaves"),
		one(sampler.RedisReplBacklog, "mem_replication_backlog"),
		one(sampler.RedisReplBuffers, "mem_total_replication_buffers"),
		one(sampler.RedisClusterLinks, "mem_cluster_links"),
		one(sampler.RedisAOFBuffer, "mem_aof_buffer"),
		one(sampler.RedisClients, "connected_clients"),
		one(sampler.RedisBlocked, "blocked_clients"),
		one(sampler.RedisMaxOutput, "client_recent_max_output_buffer", "client_longest_output_list"),
		one(sampler.RedisMaxInput, "client_recent_max_input_buffer", "client_biggest_input_buf"),
		one(sampler.RedisReplicas, "connected_slaves"),
		one(sampler.RedisCommands, "total_commands_processed"),
		one(sampler.RedisHits, "keyspace_hits"),
		one(sampler.RedisMisses, "keyspace_misses"),
		one(sampler.RedisExpired, "expired_keys"),
		{sampler.RedisExpireCPU, []string{"expire_cycle_cpu_milliseconds"}, milliseconds},
		one(sampler.RedisExpireCapped, "expired_time_cap_reached_count"),
		one(sampler.RedisExpireStale, "expired_stale_perc"),
		one(sampler.RedisEvicted, "evicted_keys"),
		one(sampler.RedisEvictedClients, "evicted_clients"),
		{sampler.RedisOverLimit, []string{"total_eviction_exceeded_time"}, milliseconds},
		one(sampler.RedisLazyPending, "lazyfree_pending_objects"),
		one(sampler.RedisLazyFreed, "lazyfreed_objects"),
		one(sampler.RedisDefragRunning, "active_defrag_running"),
		one(sampler.RedisDefragHits, "active_defrag_hits"),
		one(sampler.RedisDefragMisses, "active_defrag_misses"),
		{sampler.RedisDefragTime, []string{"total_active_defrag_time"}, milliseconds},
		one(sampler.RedisForkCOW, "current_cow_size"),
		one(sampler.RedisRDBCOW, "rdb_last_cow_size"),
		one(sampler.RedisAOFCOW, "aof_last_cow_size"),
		one(sampler.RedisUnsaved, "rdb_changes_since_last_save"),
		one(sampler.RedisLoading, "loading_loaded_perc"),
		one(sampler.RedisUptime, "uptime_in_seconds"),
	}
}

// fill adds what INFO tells.
func (f info) fill(s *sampler.Snapshot, sources []source) {
	for _, x := range sources {
		for _, field := range x.fields {
			if v := f.number(field); v.OK {
				if x.scale != 0 {
					v.Value *= x.scale
				}
				s.Add(x.metric, v.Value)
				break
			}
		}
	}
	if limit := f.number("maxmemory"); limit.OK && limit.Value > 0 {
		s.Add(sampler.RedisMaxMemory, limit.Value)
	}
	f.sums(s)
}

// sums adds what is spread over several fields.
func (f info) sums(s *sampler.Snapshot) {
	if v, ok := f.sum("used_memory_scripts_eval", "used_memory_functions"); ok {
		s.Add(sampler.RedisScripts, v) // from 7.0 on; the interpreters' own memory is told apart and not part of used_memory
	} else if v, ok := f.sum("used_memory_scripts"); ok {
		s.Add(sampler.RedisScripts, v)
	}
	if v, ok := f.sum("rdb_bgsave_in_progress", "aof_rewrite_in_progress"); ok {
		s.Add(sampler.RedisSaving, v)
	}
	keys, expires := f.keyspace()
	if keys.OK {
		s.Add(sampler.RedisKeys, keys.Value)
		s.Add(sampler.RedisExpires, expires.Value)
	}
}

// sum adds up fields; all must be known.
func (f info) sum(names ...string) (total float64, ok bool) {
	for _, name := range names {
		v := f.number(name)
		if !v.OK {
			return 0, false
		}
		total += v.Value
	}
	return total, true
}

// keyspace adds up the databases: "db0:keys=1,expires=0,avg_ttl=0". A database that is empty has no line, so that no line
// at all means no key, where the server tells of its key space at all: keyspace_hits says so.
func (f info) keyspace() (keys, expires sampler.Reading) {
	if _, tells := f["keyspace_hits"]; tells {
		keys, expires = sampler.Known(0), sampler.Known(0)
	}
	for name, value := range f {
		digits, isDB := strings.CutPrefix(name, "db")
		if _, err := strconv.Atoi(digits); !isDB || err != nil {
			continue
		}
		for part := range strings.SplitSeq(value, ",") {
			field, text, _ := strings.Cut(part, "=")
			v := number(text)
			switch {
			case !v.OK:
			case field == "keys":
				keys = sampler.Known(keys.Value + v.Value)
			case field == "expires":
				expires = sampler.Known(expires.Value + v.Value)
			}
		}
	}
	return keys, expires
}

// started is when the server began, by its own uptime, in whole seconds.
func (f info) started(now time.Time) time.Time {
	up := f.number("uptime_in_seconds")
	if !up.OK || up.Value > 1e9 {
		return time.Time{}
	}
	return now.Add(-time.Duration(up.Value) * time.Second).Truncate(time.Second)
}

// anew reports whether this is another run of the server than was: its run_id is not run. Where it tells none, it is another
// process, or its uptime and its count of commands both fell: the one alone falls where its clock is set, the other where
// its statistics are reset.
func (f info) anew(was info, run string) bool {
	if now := f.word("run_id"); now != "" || run != "" {
		return now != run
	}
	fell := func(name string) bool {
		a, b := was.number(name), f.number(name)
		return a.OK && b.OK && b.Value < a.Value
	}
	pid, before := f.number("process_id"), was.number("process_id")
	return pid.OK && before.OK && pid != before || fell("uptime_in_seconds") && fell("total_commands_processed")
}

// facts is what is no number.
func (f info) facts() []sampler.Fact {
	var facts []sampler.Fact
	for _, x := range []struct{ name, field string }{
		{"version", "redis_version"}, {"valkey", "valkey_version"}, {"dragonfly", "dragonfly_version"}, {"mode", "redis_mode"},
		{"role", "role"}, {"allocator", "mem_allocator"}, {"maxmemory policy", "maxmemory_policy"}, {"system", "os"},
	} {
		if v := f.word(x.field); v != "" {
			facts = append(facts, sampler.Fact{Name: x.name, Value: v})
		}
	}
	return facts
}
