package redis

import (
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// fillStats adds what MEMORY STATS tells beyond INFO: the tables of keys, of all databases together. The answer is a list
// of names and values, where a database's value is such a list again. An answer of another form adds nothing.
func fillStats(answer any, s *sampler.Snapshot) {
	sums := make(map[sampler.Metric]float64)
	pairs(answer, func(name string, value any) {
		if !strings.HasPrefix(name, "db.") {
			return
		}
		pairs(value, func(name string, value any) {
			metric := sampler.Metric("")
			switch name {
			case "overhead.hashtable.main":
				metric = sampler.RedisTableMain
			case "overhead.hashtable.expires":
				metric = sampler.RedisTableExpires
			case "overhead.hashtable.slot-to-keys":
				metric = sampler.RedisTableSlots
			default:
				return
			}
			if v := amount(value); v.OK {
				sums[metric] += v.Value
			}
		})
	})
	if _, is := answer.([]any); is && len(sums) == 0 && s.Reading(sampler.RedisKeys) == sampler.Known(0) {
		sums[sampler.RedisTableMain], sums[sampler.RedisTableExpires] = 0, 0 // no database has a key
	}
	for _, m := range []sampler.Metric{sampler.RedisTableMain, sampler.RedisTableExpires, sampler.RedisTableSlots} {
		if v, ok := sums[m]; ok {
			s.Add(m, v)
		}
	}
}

// pairs calls f for names and values of a list, or of a map as newer protocols have it.
func pairs(answer any, f func(name string, value any)) {
	switch x := answer.(type) {
	case []any:
		for i := 0; i+1 < len(x); i += 2 {
			if name, ok := x[i].(string); ok {
				f(name, x[i+1])
			}
		}
	case map[any]any:
		for k, v := range x {
			if name, ok := k.(string); ok {
				f(name, v)
			}
		}
	}
}

// amount is a value that is a number and not negative, as an integer or as text.
func amount(v any) sampler.Reading {
	switch x := v.(type) {
	case int64:
		return number(strconv.FormatInt(x, 10))
	case float64:
		return number(strconv.FormatFloat(x, 'g', -1, 64))
	case string:
		return number(x)
	}
	return sampler.Reading{}
}
