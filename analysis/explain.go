package analysis

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// unexplainedShare is from what on the part that nothing explains gets a word of its own.
const unexplainedShare = 0.01

// Explain says in one sentence or two why RSS is what it is, and for a Go program why it is larger than the live heap: the
// large parts with their sizes, what the small ones come to, and what nothing explains. The sizes sum to RSS as the
// ledger's do, but for their rounding to three digits. It is what Ledger.Sentence says in short, in full. s is the snapshot
// that the ledger was made of. It returns "" where there is nothing to explain.
func Explain(l *Ledger, s *sampler.Snapshot) string {
	if l == nil || s == nil || len(l.Rows) == 0 || l.Total <= 0 {
		return ""
	}
	text := explainLive(l, s)
	if text == "" {
		text = "RSS is " + unit.Bytes(l.Total) + ": " + partsOf(l, "") + "."
	}
	return text + explainOutside(l, s)
}

// explainLive compares RSS with the live heap, where that is known.
func explainLive(l *Ledger, s *sampler.Snapshot) string {
	live, ok := rowOf(l, "heap_live")
	if !ok {
		return ""
	}
	text := "RSS is " + unit.Bytes(l.Total)
	marked, read := s.Get(sampler.GoHeapLive)
	switch marked = whole(marked); {
	case read && marked > live.Bytes+0.01*l.Total:
		text += fmt.Sprintf("; of the live heap of %s only %s is resident", unit.Bytes(marked), unit.Bytes(live.Bytes))
	case live.Bytes < 0.01*l.Total:
		text += "; the live heap is only " + unit.Bytes(live.Bytes) + " of it"
	case live.Share > 0.97:
		text += ", nearly all of it live heap (" + unit.Bytes(live.Bytes) + ")"
	default:
		text += fmt.Sprintf(", %s times the live heap of %s", times(l.Total/live.Bytes), unit.Bytes(live.Bytes))
	}
	if rest := l.Total - live.Bytes; rest > 0 {
		text += ". Of the other " + unit.Bytes(rest) + ", " + partsOf(l, live.Key)
	}
	return text + "."
}

// partsOf lists the parts of RSS but one, the largest first; what is small is one part, and what is unexplained the last.
func partsOf(l *Ledger, except string) string {
	rows := slices.SortedStableFunc(slices.Values(l.Rows), func(x, y Row) int { return cmp.Compare(y.Bytes, x.Bytes) })
	var parts, small []string
	rest, unexplained := 0.0, ""
	for _, r := range rows {
		switch {
		case r.Key == except || r.Bytes == 0:
		case r.Key == "unexplained" && r.Share >= unexplainedShare:
			unexplained = unit.Bytes(r.Bytes) + " is not explained by any reading"
		case r.Share >= smallShare:
			parts = append(parts, unit.Bytes(r.Bytes)+" "+partWords(&r, l))
		default:
			rest += r.Bytes
			small = append(small, smallWords(&r))
		}
	}
	if rest > 0 {
		if n := len(small) - 3; n > 0 {
			small = append(small[:3], fmt.Sprintf("%d more", n))
		}
		parts = append(parts, unit.Bytes(rest)+" is "+enumerate(small, " and "))
	}
	if unexplained != "" {
		parts = append(parts, unexplained)
	}
	return enumerate(parts, ", and ")
}

// enumerate joins a list by commas, and what is before its last by another word.
func enumerate(list []string, last string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + last + list[len(list)-1]
}

// partWords says what a row is, as the rest of "41.0 MB ...".
func partWords(r *Row, l *Ledger) string {
	switch r.Key {
	case "heap_garbage":
		return "was allocated since the last collection or is dead and not swept yet"
	case "heap_objects":
		return "is heap objects, living and dead"
	case "heap_free":
		return "is free heap that was not returned to the system"
	case "fragmentation":
		return "is unused room in spans that are in use"
	case "metadata":
		return "is the runtime's own data"
	case "native":
		return "is native memory (malloc, cgo, mmap, variables)"
	case "heap":
		return "is malloc's heap"
	case "anon":
		if _, split := rowOf(l, "heap"); split {
			return "is other anonymous memory"
		}
		return "is anonymous memory"
	}
	return "is " + smallWords(r)
}

func smallWords(r *Row) string {
	if strings.HasPrefix(r.Key, "file:") {
		return path.Base(r.Name)
	}
	return r.Name
}

// explainOutside tells of memory that is not in RSS, and of pages that others use too.
func explainOutside(l *Ledger, s *sampler.Snapshot) string {
	text := ""
	if pss, ok := s.Get(sampler.ProcessPSS); ok && pss > 0 && pss < 0.9*l.Total {
		text = fmt.Sprintf(" Other processes use some of these pages too: its fair share is %s (PSS).", unit.Bytes(pss))
	}
	if swap, ok := s.Get(sampler.ProcessSwap); ok && swap > 0 {
		text += fmt.Sprintf(" Another %s is swapped out.", unit.Bytes(swap))
	}
	return text
}

func rowOf(l *Ledger, key string) (Row, bool) {
	for _, r := range l.Rows {
		if r.Key == key {
			return r, true
		}
	}
	return Row{}, false
}
