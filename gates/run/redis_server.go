package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/overhead"
	source "github.com/alloc-dev/heaptop/sampler/redis"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// inspect finds out what the server is, and refuses one that cannot be measured.
func (b *redisBench) inspect(ctx context.Context) error {
	text, err := b.client.Do(ctx, "INFO").Text()
	if err != nil {
		return source.ExplainOpening(b.who, err)
	}
	about := infoFields(text)
	number := func(name string) float64 {
		v, err := strconv.ParseFloat(about[name], 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return 0
		}
		return v
	}
	server := gates.OverheadServer{Name: "redis", Version: clipWord(about["redis_version"]), Allocator: clipWord(about["mem_allocator"]),
		Mode: clipWord(about["redis_mode"]), KeyBytes: redisKeyBytes}
	if name := about["server_name"]; name != "" {
		server.Name = clipWord(name)
	}
	if v := about["valkey_version"]; v != "" {
		server.Name, server.Version = "valkey", clipWord(v)
	}
	b.limit, b.evicted = number("maxmemory"), number("evicted_keys")
	switch {
	case about["role"] == "slave" || about["role"] == "replica":
		return fmt.Errorf("%s is a replica, which takes no writes: name its master", b.who)
	case about["redis_mode"] == "sentinel":
		return fmt.Errorf("%s is a sentinel, which holds no data: name a server that it watches", b.who)
	case about["redis_mode"] == "cluster":
		return fmt.Errorf("%s is a node of a cluster, where an entry takes more than in a server alone and a key may belong to another node (MOVED): name a server that stands alone, of the same release", b.who)
	case about["loading"] == "1":
		return fmt.Errorf("%s is loading its data: run this again once that is done", b.who)
	case about["rdb_bgsave_in_progress"] == "1" || about["aof_rewrite_in_progress"] == "1":
		b.warnings = append(b.warnings, "the server was saving while it was measured, which changes used_memory")
	}
	keys, err := b.client.DBSize(ctx).Result()
	if err != nil {
		return b.told("read DBSIZE of", err)
	}
	if keys > 0 && !b.set.AllowNonempty {
		return fmt.Errorf("%s holds %s: nothing was written; name an empty database, such as /15 at the end of the URL, or add --allow-nonempty", b.who, unit.Things(keys, "key"))
	}
	if keys > 0 {
		b.warnings = append(b.warnings, fmt.Sprintf("the database held %s, whose changes are in the figures of copies", unit.Things(keys, "key")))
	}
	b.report.Server = server
	return b.module(ctx)
}

// module looks whether the server has JSON.SET.
func (b *redisBench) module(ctx context.Context) error {
	answer, err := b.client.Do(ctx, "COMMAND", "INFO", "JSON.SET").Slice()
	if err != nil && (!errors.As(err, new(redis.Error)) || refused(err, "NOPERM")) {
		return b.told("read COMMAND INFO of", err)
	}
	if err != nil || len(answer) == 0 || answer[0] == nil {
		b.json = "the server has no JSON module (it does not know JSON.SET): load one, or measure the others alone with --representation string,hash"
		return nil
	}
	b.report.Server.JSON = "built in, or of a version that is not told"
	modules, err := b.client.Do(ctx, "MODULE", "LIST").Slice()
	if err != nil {
		return nil //nolint:nilerr // some servers do not let it be read; the version is not known then
	}
	for _, m := range modules {
		fields, ok := m.([]any)
		if !ok || len(fields) < 4 {
			continue
		}
		if name := fmt.Sprint(fields[1]); strings.Contains(strings.ToLower(name), "json") {
			b.report.Server.JSON = clipWord(name + " " + fmt.Sprint(fields[3]))
		}
	}
	return nil
}

// info reads a section of INFO.
func (b *redisBench) info(ctx context.Context, section string) (map[string]string, error) {
	text, err := b.client.Do(ctx, "INFO", section).Text()
	if err != nil {
		return nil, b.told("read INFO of", err)
	}
	return infoFields(text), nil
}

func infoFields(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	return out
}

// unmoved fails when the server evicted keys since the beginning: what was stored may be gone.
func (b *redisBench) unmoved(ctx context.Context) error {
	stats, err := b.info(ctx, "stats")
	if err != nil {
		return err
	}
	if v, err := strconv.ParseFloat(stats["evicted_keys"], 64); err == nil && v > b.evicted {
		return fmt.Errorf("%s reached its maxmemory and evicted %.0f keys while it was measured: give it more memory, or another server", b.who, v-b.evicted)
	}
	return nil
}

// settleKeyspace fills the database with small keys until its table of keys has room for all copies, and waits until the
// server has moved them there: a table that grows while copies are written would be counted as theirs.
func (b *redisBench) settleKeyspace(ctx context.Context) error {
	const room = redisCopies + 100
	held, err := b.client.DBSize(ctx).Result()
	if err != nil {
		return b.told("read DBSIZE of", err)
	}
	n := max(int(held), 0)
	pads := 0
	if size := 1 << bits.Len(uint(n)); n < 2*room || size-n < room {
		pads = max(size, 2048) + 2 - n
	}
	b.written, b.dirty = max(b.written, redisCopies+pads), true
	writer := redis.NewClient(b.options) // its buffers, which the server gives back late, go away with it
	p := writer.Pipeline()
	for i := range pads {
		p.Set(ctx, b.key(redisCopies+i), "1", 0)
	}
	for i := range 3 * max(pads, 2048) { // each look-up moves a part
		p.Exists(ctx, b.key(redisCopies+i%max(pads, 1)))
	}
	_, err = p.Exec(ctx)
	if err := errors.Join(err, writer.Close()); err != nil {
		return b.told("store in", err)
	}
	return b.unmoved(ctx)
}

// What an allocator may give beyond what MEMORY USAGE counts: it counts an entry of a table as asked for (24 bytes, which
// jemalloc makes 32), and so it does with a short value.
const (
	slackValue = 16
	slackEntry = 8
)

// copies stores a document many times and sees by how much used_memory grew.
func (b *redisBench) copies(ctx context.Context, d overhead.Document, s *gates.OverheadStored) error {
	one := slices.Max(s.Values)
	n := max(min(redisCopies, int(redisRoom/one)), redisLeast)
	before, err := b.settled(ctx)
	if err != nil {
		return err
	}
	if b.limit > 0 && before+1.5*one*float64(n) > b.limit {
		s.CopyMissing = fmt.Sprintf("%d copies do not fit below the server's maxmemory", n)
		return nil
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = b.key(i)
	}
	slow := b.slowest(ctx)
	writer := redis.NewClient(b.options) // its buffers go away with it
	for batch := range slices.Chunk(keys, max(1, min(100, int(1<<20/one)))) {
		if err := b.store(ctx, writer, s.As, d, batch); err != nil {
			return errors.Join(b.told("store in", err), writer.Close())
		}
	}
	if err := writer.Close(); err != nil {
		return b.told("close the connection to", err)
	}
	after, err := b.settled(ctx)
	if err != nil {
		return err
	}
	b.slow += max(b.slowest(ctx)-slow, 0)
	if err := b.unmoved(ctx); err != nil {
		return err
	}
	entries := 1
	if s.Encoding == "hashtable" {
		entries += len(d.Fields)
	}
	s.Copies, s.CopySlack = n, float64(slackValue+slackEntry*entries)
	s.CopyValues = append(s.CopyValues, (after-before)/float64(n))
	for batch := range slices.Chunk(keys, 100) {
		if err := b.client.Del(ctx, batch...).Err(); err != nil {
			return b.told("delete from", err)
		}
	}
	return nil
}

// slowest is the number of the last entry of the server's slow log, 0 where it has none or may not be read.
func (b *redisBench) slowest(ctx context.Context) int64 {
	if b.slowHidden {
		return 0
	}
	list, err := b.client.SlowLogGet(ctx, 1).Result()
	b.slowHidden = err != nil // it is not asked again: a server notes refusals as well
	if err != nil || len(list) == 0 {
		return 0
	}
	return list[0].ID
}

// noteSlow tells where figures that do not agree come from: what the server keeps of slow commands is in used_memory, and
// on a busy machine commands are slow.
func (b *redisBench) noteSlow() {
	apart := slices.ContainsFunc(b.report.Documents, func(d gates.OverheadDocument) bool {
		return slices.ContainsFunc(d.Stored, func(s gates.OverheadStored) bool { agree, ok := s.Agree(); return ok && !agree })
	})
	if apart && b.slow > 0 {
		b.warnings = append(b.warnings, fmt.Sprintf("while copies were stored the server noted %d commands in its slow log, as on a busy machine: "+
			"what it keeps of them is in used_memory, and so in the figures of copies", b.slow))
	}
}

// settled reads used_memory once four readings in a row agree: connections that ended are taken down a little later. What
// waits for replicas and for the append-only file is left out: it grows with what is written, and not with what is held.
func (b *redisBench) settled(ctx context.Context) (float64, error) {
	last, same := math.Inf(-1), 0
	for range 200 {
		fields, err := b.info(ctx, "memory")
		if err != nil {
			return 0, err
		}
		used, err := strconv.ParseFloat(fields["used_memory"], 64)
		if err != nil || math.IsNaN(used) || math.IsInf(used, 0) {
			return 0, fmt.Errorf("read INFO of %s: it has no used_memory", b.who)
		}
		for _, passing := range []string{"mem_replication_backlog", "mem_clients_slaves", "mem_aof_buffer"} {
			if v, err := strconv.ParseUint(fields[passing], 10, 62); err == nil {
				used -= float64(v)
			}
		}
		if same++; math.Abs(used-last) > 64 {
			same = 0
		}
		if same == 3 {
			return used, nil
		}
		last = used
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(2 * time.Millisecond):
		}
	}
	return 0, fmt.Errorf("used_memory of %s does not come to rest: somebody else uses the server", b.who)
}
