package sampler

// Metrics of a Redis server, or of one that speaks its protocol. All are the server's own words: INFO, and MEMORY STATS
// where the comment says so. What a server does not tell is absent.
const (
	RedisUsed           Metric = "/redis/used_memory:bytes"           // what the allocator handed out, and all other buffers
	RedisUsedRSS        Metric = "/redis/used_memory_rss:bytes"       // resident memory, as the server reads it of itself
	RedisUsedPeak       Metric = "/redis/used_memory_peak:bytes"      // the largest used_memory since start
	RedisOverhead       Metric = "/redis/used_memory_overhead:bytes"  // of used_memory, what serves the server
	RedisStartup        Metric = "/redis/used_memory_startup:bytes"   // of the overhead, what an empty server takes
	RedisDataset        Metric = "/redis/used_memory_dataset:bytes"   // used_memory less the overhead
	RedisMaxMemory      Metric = "/redis/maxmemory:bytes"             // absent where there is no limit
	RedisNotCounted     Metric = "/redis/not_counted_for_evict:bytes" // of used_memory, what maxmemory leaves out
	RedisSystemMemory   Metric = "/redis/total_system_memory:bytes"   // of the server's machine
	RedisAllocated      Metric = "/redis/allocator/allocated:bytes"   // bytes in use by the allocator's count
	RedisActive         Metric = "/redis/allocator/active:bytes"      // pages with bytes in use
	RedisResident       Metric = "/redis/allocator/resident:bytes"    // pages the allocator holds
	RedisFragmentation  Metric = "/redis/fragmentation:ratio"         // mem_fragmentation_ratio: RSS over used_memory
	RedisScripts        Metric = "/redis/scripts:bytes"               // the cached scripts, functions and their interpreters, as used_memory counts them
	RedisClientsNormal  Metric = "/redis/clients/normal:bytes"        // buffers and structures of clients
	RedisClientsReplica Metric = "/redis/clients/replicas:bytes"      // the same of replicas
	RedisReplBacklog    Metric = "/redis/replication/backlog:bytes"   // memory of the backlog
	RedisReplBuffers    Metric = "/redis/replication/buffers:bytes"   // all replication buffers; some of them are shared with the backlog
	RedisClusterLinks   Metric = "/redis/cluster/links:bytes"         // links to other nodes
	RedisAOFBuffer      Metric = "/redis/aof/buffer:bytes"            // what is not yet written to the append-only file
	RedisTableMain      Metric = "/redis/hashtables/main:bytes"       // MEMORY STATS: the tables of keys, all databases
	RedisTableExpires   Metric = "/redis/hashtables/expires:bytes"    // MEMORY STATS: the tables of expiry times, all databases
	RedisTableSlots     Metric = "/redis/hashtables/slots:bytes"      // MEMORY STATS: slots to keys, of a cluster node
	RedisKeys           Metric = "/redis/keys:keys"                   // of all databases
	RedisExpires        Metric = "/redis/keys/expires:keys"           // keys with an expiry time
	RedisClients        Metric = "/redis/clients:clients"             // connected, replicas left out
	RedisBlocked        Metric = "/redis/clients/blocked:clients"     // waiting in a blocking command
	RedisMaxOutput      Metric = "/redis/clients/max_output:bytes"    // the largest recent output buffer; before 5.0 the longest list
	RedisMaxInput       Metric = "/redis/clients/max_input:bytes"     // the largest recent input buffer
	RedisReplicas       Metric = "/redis/replicas:replicas"           // connected
	RedisCommands       Metric = "/redis/commands:commands"           // executed since start
	RedisHits           Metric = "/redis/keyspace/hits:lookups"       // since start
	RedisMisses         Metric = "/redis/keyspace/misses:lookups"     // since start
	RedisExpired        Metric = "/redis/expired:keys"                // deleted because their time was over, since start
	RedisExpireCPU      Metric = "/redis/expire/cpu:cpu-seconds"      // of the cycles that look for expired keys, since start
	RedisExpireCapped   Metric = "/redis/expire/time_cap:events"      // cycles that ended because of their time limit, since start
	RedisExpireStale    Metric = "/redis/expire/stale:percent"        // an estimate of keys that are expired and still there
	RedisEvicted        Metric = "/redis/evicted:keys"                // deleted because of maxmemory, since start
	RedisEvictedClients Metric = "/redis/evicted:clients"             // disconnected because of maxmemory-clients, since start
	RedisOverLimit      Metric = "/redis/eviction/exceeded:seconds"   // the time used_memory was above maxmemory, since start
	RedisLazyPending    Metric = "/redis/lazyfree/pending:objects"    // waiting to be freed in the background
	RedisLazyFreed      Metric = "/redis/lazyfree/freed:objects"      // freed in the background since start
	RedisDefragRunning  Metric = "/redis/defrag/running:percent"      // the CPU share active defragmentation aims at; 0 while it does not run
	RedisDefragHits     Metric = "/redis/defrag/moved:objects"        // values moved since start
	RedisDefragMisses   Metric = "/redis/defrag/left:objects"         // values looked at and left where they are, since start
	RedisDefragTime     Metric = "/redis/defrag/time:seconds"         // the time memory was over fragmented, since start
	RedisForkCOW        Metric = "/redis/fork/copied:bytes"           // copied by the running save since it began; 0 without one
	RedisRDBCOW         Metric = "/redis/fork/rdb_copied:bytes"       // copied during the last save
	RedisAOFCOW         Metric = "/redis/fork/aof_copied:bytes"       // copied during the last rewrite of the append-only file
	RedisSaving         Metric = "/redis/fork/running:children"       // saves and rewrites under way
	RedisUnsaved        Metric = "/redis/unsaved:changes"             // since the last save
	RedisLoading        Metric = "/redis/loading:percent"             // how much of the data set is loaded; absent once it is
	RedisUptime         Metric = "/redis/uptime:seconds"              // since start
)
