package redis

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	stepKeys   = 100              // keys that one question is about: less than a millisecond of the server
	listedMost = 100              // keys that are kept
	keyMost    = 256              // bytes of a key's name that are kept
	walkAgain  = time.Minute      // after a long walk
	walkSoon   = 10 * time.Second // after a short one
	walkShare  = 10               // a walk begins anew after ten times as long as it took, within those bounds
	freshAfter = 5 * time.Second
	leastTime  = 5 * time.Millisecond // of a call, so that a tiny budget comes to an end as well
	keysNote   = "MEMORY USAGE with its default samples: of a large list, set or hash an estimate"
)

// walk is a walk over the keys of the database, in steps.
type walk struct {
	cursor  uint64
	scanned int
	begun   time.Time // zero: no key was asked for yet
	ended   time.Time
	list    []sampler.KeySize // of this walk, the largest first
	last    []sampler.KeySize // of the one before it, shown until this one is done
	groups  groups            // of this walk
	fresh   time.Time         // when the largest were measured last
}

// again reports whether a walk that is done is to begin anew.
func (w *walk) again(now time.Time) bool {
	if w.ended.IsZero() {
		return false
	}
	pause := min(max(walkShare*w.ended.Sub(w.begun), walkSoon), walkAgain)
	return now.Sub(w.ended) >= pause
}

// BiggestKeys goes on with the walk: SCAN for some 100 keys, then MEMORY USAGE and TYPE of each in one go, until the budget
// is used up. A key that is seen twice, as SCAN may, is counted once in the list.
func (j *session) BiggestKeys(ctx context.Context, budget time.Duration) (sampler.Keys, error) {
	w := &j.walk
	start := time.Now()
	if w.again(start) {
		*w = walk{last: w.list, fresh: w.fresh}
	}
	done := !w.ended.IsZero()
	for !done && (time.Since(start) < max(budget, leastTime) || w.begun.IsZero()) {
		next, err := j.step(ctx, w)
		if err != nil {
			return sampler.Keys{}, told("walk over the keys", j.who, err)
		}
		if next == 0 {
			done, w.ended, w.last = true, time.Now(), nil
		}
	}
	k := sampler.Keys{Time: start, DB: j.db, Scanned: w.scanned, Done: done, Note: keysNote, Groups: w.groups.largest()}
	if err := j.freshen(ctx, w, start); err != nil {
		return sampler.Keys{}, told("measure the biggest keys", j.who, err)
	}
	if k.List = slices.Clone(w.list); !done && w.last != nil {
		k.List = slices.Clone(w.last)
	}
	if n, err := j.client.DBSize(ctx).Result(); err == nil {
		k.Total = sampler.Known(float64(n))
	}
	k.Took = time.Since(start)
	return k, nil
}

// step asks for a few keys and their sizes, and returns the cursor: 0 when the walk is done.
func (j *session) step(ctx context.Context, w *walk) (uint64, error) {
	began := time.Now()
	keys, cursor, err := j.client.Scan(ctx, w.cursor, "", stepKeys).Result()
	if err != nil {
		return 0, err
	}
	if w.begun.IsZero() {
		w.begun = began
	}
	w.cursor = cursor
	if len(keys) > 0 {
		if err := j.measure(ctx, w, keys); err != nil {
			return 0, err
		}
	}
	return cursor, nil
}

// measure asks for the sizes of keys. One that went meanwhile has none.
func (j *session) measure(ctx context.Context, w *walk, keys []string) error {
	sizes, kinds := make([]*redis.IntCmd, len(keys)), make([]*redis.StatusCmd, len(keys))
	_, err := j.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			sizes[i], kinds[i] = p.MemoryUsage(ctx, key), p.Type(ctx, key)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) && sizes[0].Err() != nil && !errors.Is(sizes[0].Err(), redis.Nil) {
		return err
	}
	if w.groups == nil {
		w.groups = groups{}
	}
	for i, key := range keys {
		n, err := sizes[i].Result()
		if err != nil {
			continue
		}
		w.scanned++
		k := sampler.KeySize{Key: key[:min(len(key), keyMost)], Bytes: float64(n)}
		if kind := kinds[i].Val(); kind != "none" {
			k.Type = plain(kind, 32)
		}
		w.keep(k)
		w.groups.add(key, k)
	}
	return nil
}

// freshen measures the largest keys again when that is due. One that went is left out.
func (j *session) freshen(ctx context.Context, w *walk, now time.Time) error {
	if now.Sub(w.fresh) < freshAfter {
		return nil
	}
	w.fresh = now
	for _, list := range []*[]sampler.KeySize{&w.list, &w.last} {
		if err := j.measureAgain(ctx, *list); err != nil {
			return err
		}
		*list = slices.DeleteFunc(*list, func(k sampler.KeySize) bool { return k.Bytes == 0 })
		slices.SortStableFunc(*list, func(a, b sampler.KeySize) int { return cmp.Compare(b.Bytes, a.Bytes) })
	}
	return nil
}

// measureAgain asks for the sizes of keys whose names are kept whole; 0 is that of a key that went.
func (j *session) measureAgain(ctx context.Context, list []sampler.KeySize) error {
	if len(list) == 0 {
		return nil
	}
	sizes := make([]*redis.IntCmd, len(list))
	_, err := j.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range list {
			if len(list[i].Key) < keyMost {
				sizes[i] = p.MemoryUsage(ctx, list[i].Key)
			}
		}
		return nil
	})
	for i, size := range sizes {
		if size == nil {
			continue
		}
		switch n, failed := size.Result(); {
		case failed == nil:
			list[i].Bytes = float64(n)
		case errors.Is(failed, redis.Nil):
			list[i].Bytes = 0
		default:
			return cmp.Or(err, failed)
		}
	}
	return nil
}

// keep puts a key into its place among the largest.
func (w *walk) keep(k sampler.KeySize) {
	if i := slices.IndexFunc(w.list, func(x sampler.KeySize) bool { return x.Key == k.Key }); i >= 0 {
		w.list = slices.Delete(w.list, i, i+1)
	}
	at, _ := slices.BinarySearchFunc(w.list, k.Bytes, func(x sampler.KeySize, bytes float64) int {
		switch {
		case x.Bytes > bytes:
			return -1
		case x.Bytes < bytes:
			return 1
		}
		return 0
	})
	if at < listedMost {
		w.list = slices.Insert(w.list, at, k)
		w.list = w.list[:min(len(w.list), listedMost)]
	}
}
