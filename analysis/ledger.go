package analysis

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Row is one part of the resident memory.
type Row struct {
	// Key is stable: "heap_live", "heap_garbage" ("heap_objects" where the two cannot be told apart), "heap_free",
	// "fragmentation", "stacks", "metadata", "native", "heap", "anon", "file:PATH", "files", "shared", "unexplained"; of a Redis
	// server "redis_dataset", "redis_tables", "redis_clients" and others with that beginning.
	Key   string
	Name  string  // as a person reads it; file names are as the kernel has them, control characters included
	Bytes float64 // a whole number, never negative
	Share float64 // of the ledger's total, 0 to 1
	Note  string  // what the figure means here, or how sure it is; "" where the name says all
}

// Ledger splits the resident memory of a process. The rows sum to Total exactly; the last one is what cannot be explained.
type Ledger struct {
	Time     time.Time
	Total    float64 // RSS, bytes
	Rows     []Row
	Sentence string   // why RSS is what it is, with numbers
	Warnings []string // what could not be told, and why
}

// staleMappings is the age at which mappings no longer describe the snapshot's moment without a word about it.
const staleMappings = 30 * time.Second

// NewLedger splits the RSS of s. maps is the process's address space by mapping where that was read, else nil. ok is
// false when no RSS was read.
//
// The kernel's own split (anonymous, file, shared) comes first. Inside it the Go runtime tells what it handed out, and
// that is address space: pages nobody touched, and swapped ones, are in the runtime's figures and not in RSS. The overage
// is taken from the row that is least likely to be resident (free heap, then metadata, unused parts of spans, stacks, new
// objects, live ones) and the row says so. Anonymous memory beyond what the runtime handed out is called native only
// where mappings prove that it lies outside the Go heap. The parts are read at slightly different times than RSS: what
// does not fit is cut by the same rule, and no row is ever negative.
func NewLedger(s *sampler.Snapshot, maps *sampler.Mappings) (l Ledger, ok bool) {
	rss, ok := s.Get(sampler.ProcessRSS)
	if !ok {
		return Ledger{}, false
	}
	b := newBuilder(s, maps, whole(rss))
	_, isGo := s.Get(sampler.GoClassObjects)
	switch {
	case isGo:
		b.goRows()
	case isRedis(s):
		b.redisRows()
	default:
		b.otherRows()
	}
	return b.finish(), true
}

// builder collects the rows of one ledger.
type builder struct {
	s    *sampler.Snapshot
	maps *sampler.Mappings
	sum  mapSums
	l    Ledger

	split         bool    // the kernel's split is known
	anon          float64 // anonymous memory, at most Total
	files, shared float64
	filesOK       bool
	sharedOK      bool
}

func newBuilder(s *sampler.Snapshot, maps *sampler.Mappings, total float64) *builder {
	b := &builder{s: s, maps: maps, l: Ledger{Time: s.Time, Total: total}}
	if maps != nil {
		b.sum = sumMappings(maps)
		if age := s.Time.Sub(maps.Time).Abs(); age > staleMappings && !maps.Time.IsZero() {
			b.warn("the address space was read " + ago(age) + " before: native memory and files by name are as of then")
		}
	}
	anon, file, shmem := s.Reading(sampler.ProcessAnon), s.Reading(sampler.ProcessFile), s.Reading(sampler.ProcessShmem)
	if !anon.OK && maps != nil {
		anon, file = sampler.Known(b.sum.anon()), sampler.Known(b.sum.fileBacked)
	}
	b.split = anon.OK
	b.filesOK, b.sharedOK = file.OK, shmem.OK
	b.shared = math.Min(whole(shmem.Value), total)
	b.files = math.Min(whole(file.Value), total-b.shared)
	b.anon = math.Min(whole(anon.Value), total-b.shared-b.files)
	if !b.split {
		b.warn("this system does not tell anonymous memory from files: what is neither is part of unexplained")
	}
	return b
}

func (b *builder) warn(text string) { b.l.Warnings = append(b.l.Warnings, text) }

func (b *builder) add(rows ...Row) { b.l.Rows = append(b.l.Rows, rows...) }

// finish adds the unexplained row, the shares and the sentence.
func (b *builder) finish() Ledger {
	rest := b.l.Total
	for _, r := range b.l.Rows {
		rest -= r.Bytes
	}
	b.add(Row{Key: "unexplained", Name: "unexplained", Bytes: rest, Note: "resident, and no reading tells what it is"})
	for i := range b.l.Rows {
		if b.l.Total > 0 {
			b.l.Rows[i].Share = b.l.Rows[i].Bytes / b.l.Total
		}
	}
	b.l.Sentence = b.sentence()
	return b.l
}

// whole makes a reading fit for exact sums: bytes are whole numbers, and sums of amounts below 2^47 (the address space of
// a process) lose nothing.
func whole(v float64) float64 {
	if !(v > 0) {
		return 0
	}
	return math.Trunc(math.Min(v, 1<<47))
}
