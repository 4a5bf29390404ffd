package analysis

import (
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
)

// isRedis reports whether the snapshot is of a server that tells its own use of memory.
func isRedis(s *sampler.Snapshot) bool {
	_, ok := s.Get(sampler.RedisUsed)
	return ok
}

// redisRows splits a server of Redis's sort by what it says itself: the data set, what of used_memory serves the server, and
// what the allocator holds beyond that. The kernel's files and shared pages come behind, where the process is one of
// this machine. The server reads its figures a tenth of a second apart and the kernel's later: what does not fit is taken
// from what the allocator holds free, which need not be resident.
func (b *builder) redisRows() {
	rows := b.redisUsed()
	rows = append(rows, b.redisAllocator(rows)...)
	cut(rows, total(rows)-(b.l.Total-b.files-b.shared), "not resident, or read a moment later", redisLeastResident()...)
	order := redisOrder()
	slices.SortStableFunc(rows, func(x, y Row) int { return slices.Index(order, x.Key) - slices.Index(order, y.Key) })
	b.add(rows...)
	b.fileRow()
	b.sharedRow()
}

// redisUsed is used_memory: the rows sum to it.
func (b *builder) redisUsed() []Row {
	used := whole(b.s.Reading(sampler.RedisUsed).Value)
	overhead := b.s.Reading(sampler.RedisOverhead)
	if !overhead.OK {
		b.warn("used_memory_overhead was not read: the data set and what serves the server are one row")
		return []Row{{Key: "redis_used", Name: "used memory", Bytes: used, Note: "the data set and what serves the server"}}
	}
	serves := math.Min(whole(overhead.Value), used)
	var parts []Row
	parts = b.redisPart(parts, Row{Key: "redis_tables", Name: "tables of keys", Note: "of keys and of their expiry times, without the keys themselves"},
		sampler.RedisTableMain, sampler.RedisTableExpires, sampler.RedisTableSlots)
	parts = b.redisPart(parts, Row{Key: "redis_clients", Name: "clients", Note: "their buffers and structures"}, sampler.RedisClientsNormal)
	parts = b.redisPart(parts, Row{Key: "redis_replicas", Name: "replicas", Note: "their buffers"}, sampler.RedisClientsReplica)
	parts = b.redisPart(parts, Row{Key: "redis_backlog", Name: "replication backlog"}, sampler.RedisReplBacklog)
	parts = b.redisPart(parts, Row{Key: "redis_aof", Name: "AOF buffer", Note: "not yet written"}, sampler.RedisAOFBuffer)
	parts = b.redisPart(parts, Row{Key: "redis_scripts", Name: "scripts, functions"}, sampler.RedisScripts)
	parts = b.redisPart(parts, Row{Key: "redis_links", Name: "cluster links"}, sampler.RedisClusterLinks)
	parts = b.redisPart(parts, Row{Key: "redis_startup", Name: "empty server", Note: "what used_memory was when it started"}, sampler.RedisStartup)
	cut(parts, total(parts)-serves, "read a moment later", "redis_tables", "redis_clients", "redis_replicas", "redis_startup", "redis_backlog", "redis_aof", "redis_scripts", "redis_links")
	if rest := serves - total(parts); rest > 0 {
		parts = append(parts, Row{Key: "redis_overhead", Name: "other overhead", Bytes: rest, Note: "of used_memory_overhead, what no part tells"})
	}
	return append([]Row{{Key: "redis_dataset", Name: "data set", Bytes: used - serves, Note: "keys and values: used_memory less what serves the server"}}, parts...)
}

// redisPart appends the sum of those metrics that were read. Rows of 0 are left out: most servers have no replica, no cluster
// and no append-only file.
func (b *builder) redisPart(rows []Row, r Row, metrics ...sampler.Metric) []Row {
	for _, m := range metrics {
		if v, ok := b.s.Get(m); ok {
			r.Bytes += whole(v)
		}
	}
	if r.Bytes == 0 {
		return rows
	}
	return append(rows, r)
}

// redisAllocator is what the allocator holds beyond used_memory.
func (b *builder) redisAllocator(used []Row) []Row {
	allocated, active, resident := b.s.Reading(sampler.RedisAllocated), b.s.Reading(sampler.RedisActive), b.s.Reading(sampler.RedisResident)
	if !allocated.OK || !active.OK || !resident.OK || active.Value == 0 {
		b.warn("the allocator's figures were not read: fragmentation is part of unexplained")
		return nil
	}
	taken := total(used)
	inUse := math.Max(whole(allocated.Value), taken)
	pages := math.Max(whole(active.Value), inUse)
	held := math.Max(whole(resident.Value), pages)
	return []Row{
		{Key: "redis_beside", Name: "libraries, interpreters", Bytes: inUse - taken, Note: "allocated, and not counted in used_memory"},
		{Key: "redis_fragmentation", Name: "fragmentation", Bytes: pages - inUse, Note: "unused parts of pages in use: active defragmentation can free them"},
		{Key: "redis_held", Name: "allocator, free", Bytes: held - pages, Note: "free, and not returned to the system: MEMORY PURGE can"},
	}
}

// redisOrder is the order of the rows: first what is large on most servers, and always the same so that rows stay in place.
func redisOrder() []string {
	return []string{"redis_used", "redis_dataset", "redis_tables", "redis_fragmentation", "redis_held", "redis_clients", "redis_replicas", "redis_backlog",
		"redis_aof", "redis_beside", "redis_startup", "redis_overhead", "redis_scripts", "redis_links"}
}

// redisLeastResident is the order in which what is not resident is taken from rows.
func redisLeastResident() []string {
	return []string{"redis_held", "redis_fragmentation", "redis_beside", "redis_overhead", "redis_startup", "redis_backlog", "redis_dataset", "redis_used",
		"redis_tables", "redis_clients", "redis_replicas", "redis_aof", "redis_scripts", "redis_links"}
}
