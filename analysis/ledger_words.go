package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// smallShare is below what a part is worth a word in the sentence.
const smallShare = 0.03

// sentence says in one line why RSS is what it is.
func (b *builder) sentence() string {
	rss := unit.Bytes(b.l.Total)
	if b.l.Total == 0 {
		return "No memory is resident."
	}
	live, known := b.row("heap_live")
	if !known {
		return "RSS " + rss + ": " + b.largest("") + "."
	}
	marked := whole(b.s.Reading(sampler.GoHeapLive).Value)
	switch {
	case marked > b.l.Total:
		return fmt.Sprintf("RSS %s is less than the live heap of %s: the rest %s.", rss, unit.Bytes(marked), b.whereElse())
	case live.Share >= 0.9:
		return fmt.Sprintf("RSS %s is nearly all live heap (%s).", rss, unit.Bytes(live.Bytes))
	case live.Bytes < 0.01*b.l.Total:
		return fmt.Sprintf("RSS %s is far more than the live heap of %s: %s.", rss, unit.Bytes(live.Bytes), b.largest("heap_live"))
	}
	return fmt.Sprintf("RSS %s is %s times the live heap of %s: %s.", rss, times(b.l.Total/live.Bytes), unit.Bytes(live.Bytes), b.largest("heap_live"))
}

func times(v float64) string {
	if v < 9.95 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func (b *builder) whereElse() string {
	if swap, ok := b.s.Get(sampler.ProcessSwap); ok {
		if swap == 0 {
			return "was never touched"
		}
		return "was never touched or is among the " + unit.Bytes(swap) + " in swap"
	}
	return "was never touched or is swapped out"
}

func (b *builder) row(key string) (Row, bool) { return rowOf(&b.l, key) }

// largest names the three largest parts other than one, with their sizes.
func (b *builder) largest(except string) string {
	rows := slices.SortedStableFunc(slices.Values(b.l.Rows), func(x, y Row) int { return cmp.Compare(y.Bytes, x.Bytes) })
	var parts []string
	for _, r := range rows {
		if r.Key != except && (len(parts) == 0 || r.Share >= smallShare) && len(parts) < 3 {
			parts = append(parts, unit.Bytes(r.Bytes)+" "+inWords(r))
		}
	}
	return strings.Join(parts, ", ")
}

func inWords(r Row) string {
	switch r.Key {
	case "heap_garbage":
		return "allocated since the last collection or not yet swept"
	case "heap_objects":
		return "heap objects"
	case "heap_free":
		return "free and not returned"
	case "native":
		return "native memory"
	case "anon":
		return "anonymous memory"
	case "files":
		return "mapped files"
	}
	return r.Name
}
