package goproc

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	maxBuckets    = 1 << 20
	maxStackDepth = 4096
	maxStackWords = 1 << 22 // of all stacks together: 32 MiB
	memBucket     = 1       // the kind of bucket that counts allocations
	blockSize     = 64 << 10
	maxBlocks     = 1024
	readTries     = 8
)

// counts is what the runtime counts for one allocation site, in sampled objects and bytes.
type counts struct{ allocs, frees, allocBytes, freeBytes uint64 }

func (c *counts) add(d counts) {
	c.allocs += d.allocs
	c.frees += d.frees
	c.allocBytes += d.allocBytes
	c.freeBytes += d.freeBytes
}

// bucket is an allocation site: a stack and an object size. Its header never changes once it is in the list, so only
// its record is read again.
type bucket struct {
	addr, record uint64
	size         uint64
	stack        []uint64 // one program counter for each frame, inlined ones included, innermost first
	active       counts
	future       [3]counts
}

// siteReader reads the runtime's allocation sites. New buckets are put before the old ones in the runtime's list, so
// that a later reading walks only to the first one it knows.
type siteReader struct {
	p       *program
	o       siteOffsets
	known   map[uint64]bool
	buckets []bucket // in the order of their records
	addrs   []uint64
	words   int
	records scatter
	cycle   uint32 // of the last reading that was found whole
	whole   bool
	rate    int64
	sums    []counts // the published view of the reading before, to tell a torn one
}

type siteOffsets struct {
	head, cycle, rate             uint64
	header, next, typ, size, nstk int
	record, active, future, one   int
	allocs, frees, allocB, freeB  int
}

func newSiteReader(p *program) (*siteReader, error) {
	r := p.resolve()
	w := func(typ, name string) int { return r.field(typ, name, 8) }
	o := siteOffsets{head: r.variable("mbuckets"), cycle: r.variable("mProfCycle"), rate: r.variable("MemProfileRate"),
		header: r.size("bucket"), next: w("bucket", "allnext"), typ: w("bucket", "typ"), size: w("bucket", "size"),
		nstk: w("bucket", "nstk"), record: r.size("memRecord"), one: r.size("memRecordCycle"),
		allocs: w("memRecordCycle", "allocs"), frees: w("memRecordCycle", "frees"),
		allocB: w("memRecordCycle", "alloc_bytes"), freeB: w("memRecordCycle", "free_bytes")}
	o.active, o.future = r.field("memRecord", "active", o.one), r.field("memRecord", "future", 3*o.one)
	if err := r.err("allocation sites"); err != nil {
		return nil, err
	}
	return &siteReader{p: p, o: o, known: map[uint64]bool{}, records: scatter{size: o.record}}, nil
}

// read brings the buckets up to date.
func (s *siteReader) read(ctx context.Context) error {
	if err := s.extend(ctx); err != nil {
		return err
	}
	for range readTries {
		if err := ctx.Err(); err != nil {
			return err
		}
		before, err := readU32(s.p.mem, "mProfCycle", s.o.cycle)
		if err != nil {
			return err
		}
		if err := s.load(); err != nil {
			return err
		}
		var tail [8]byte
		var word [4]byte
		reqs := [2]request{{addr: s.o.cycle, buf: word[:]}, {addr: s.o.rate, buf: tail[:]}}
		if err := s.p.mem.read(reqs[:]); err != nil {
			return err
		}
		if !reqs[0].ok || !reqs[1].ok {
			return &errUnreadable{"mProfCycle", s.o.cycle}
		}
		after := u32(word[:], 0)
		s.rate = i64(tail[:], 0)
		if before != after {
			s.whole = false
			continue
		}
		if s.settled(after) {
			return nil
		}
	}
	return fmt.Errorf("allocation sites: the collector ran during every attempt to read them: %w", sampler.ErrBudget)
}

// settled says whether the records are whole. What was published does not change within a cycle, so that it is enough
// to see it twice after each change of cycle; once seen, the cycle's further readings are believed at once.
func (s *siteReader) settled(cycle uint32) bool {
	if s.whole && s.cycle == cycle && len(s.sums) == len(s.buckets) {
		return true
	}
	same := s.cycle == cycle && len(s.sums) == len(s.buckets)
	s.cycle = cycle
	if !same {
		s.sums = slices.Grow(s.sums[:0], len(s.buckets))[:len(s.buckets)]
	}
	for i := range s.buckets {
		sum := s.published(&s.buckets[i])
		same = same && s.sums[i] == sum
		s.sums[i] = sum
	}
	s.whole = same
	return same
}

// published is what runtime/pprof would show: the state at the end of the last collection but what the sweeper has not
// freed yet.
func (s *siteReader) published(b *bucket) counts {
	c := b.active
	c.add(b.future[s.cycle>>1%3])
	return c
}

// sinceGC is what was allocated since the last collection.
func (s *siteReader) sinceGC(b *bucket) counts {
	c := b.future[(s.cycle>>1+2)%3]
	return counts{allocs: c.allocs, allocBytes: c.allocBytes}
}

// load reads the records of all known buckets.
func (s *siteReader) load() error {
	for from := 0; from < len(s.addrs); from += batch {
		part := s.addrs[from:min(from+batch, len(s.addrs))]
		if err := s.records.load(s.p.mem, part); err != nil {
			return err
		}
		for i := range part {
			b := s.records.at(i)
			if b == nil {
				return &errUnreadable{"an allocation site", part[i]}
			}
			k := &s.buckets[from+i]
			k.active = s.decode(b[s.o.active:])
			for f := range k.future {
				k.future[f] = s.decode(b[s.o.future+f*s.o.one:])
			}
		}
	}
	return nil
}

func (s *siteReader) decode(b []byte) counts {
	return counts{u64(b, s.o.allocs), u64(b, s.o.frees), u64(b, s.o.allocB), u64(b, s.o.freeB)}
}

// extend walks the list of buckets to the first one that is known.
func (s *siteReader) extend(ctx context.Context) error {
	head, err := readU64(s.p.mem, "mbuckets", s.o.head)
	if err != nil || head == 0 || s.known[head] {
		return err
	}
	w := blockReader{mem: s.p.mem}
	var fresh []bucket
	seen := map[uint64]bool{}
	words := s.words
	for a := head; a != 0 && !s.known[a]; {
		if seen[a] || len(s.buckets)+len(fresh) >= maxBuckets || words > maxStackWords {
			return fmt.Errorf("allocation sites: their list does not end: %w", sampler.ErrUnsupported)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		seen[a] = true
		b, next, err := s.readBucket(&w, a)
		if err != nil {
			return err
		}
		words += len(b.stack)
		fresh = append(fresh, b)
		a = next
	}
	for i := range fresh {
		s.known[fresh[i].addr] = true
	}
	s.words, s.whole = words, false
	s.buckets = append(s.buckets, fresh...)
	slices.SortFunc(s.buckets, func(a, b bucket) int { return cmp.Compare(a.record, b.record) })
	s.addrs = s.addrs[:0]
	for i := range s.buckets {
		s.addrs = append(s.addrs, s.buckets[i].record)
	}
	return nil
}

func (s *siteReader) readBucket(w *blockReader, addr uint64) (b bucket, next uint64, err error) {
	head, err := w.read("an allocation site", addr, s.o.header)
	if err != nil {
		return b, 0, err
	}
	n := u64(head, s.o.nstk)
	if typ := u64(head, s.o.typ); typ != memBucket || n > maxStackDepth {
		return b, 0, fmt.Errorf("allocation sites: %w", s.p.implausible("the depth of a stack", n))
	}
	b = bucket{addr: addr, size: u64(head, s.o.size), record: addr + uint64(s.o.header) + 8*n}
	next = u64(head, s.o.next)
	raw, err := w.read("an allocation stack", addr+uint64(s.o.header), int(8*n))
	if err != nil {
		return b, 0, err
	}
	b.stack = make([]uint64, n)
	for i := range b.stack {
		b.stack[i] = u64(raw, 8*i)
	}
	return b, next, nil
}

// blockReader follows pointers between small objects that lie close together: it reads whole blocks and keeps them for
// the length of one walk.
type blockReader struct {
	mem    memory
	blocks map[uint64][]byte
}

// read returns n bytes at addr; they must not be changed.
func (r *blockReader) read(what string, addr uint64, n int) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	base := addr &^ (blockSize - 1)
	if addr-base+uint64(n) <= blockSize {
		block, err := r.block(base)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", what, err)
		}
		if block != nil {
			return block[addr-base:][:n], nil
		}
	}
	b := make([]byte, n)
	return b, readAt(r.mem, what, addr, b)
}

// block returns the block at base, nil when not all of it can be read.
func (r *blockReader) block(base uint64) ([]byte, error) {
	if b, ok := r.blocks[base]; ok {
		return b, nil
	}
	if r.blocks == nil || len(r.blocks) >= maxBlocks {
		r.blocks = map[uint64][]byte{}
	}
	b := make([]byte, blockSize)
	reqs := [1]request{{addr: base, buf: b}}
	if err := r.mem.read(reqs[:]); err != nil {
		return nil, err
	}
	if !reqs[0].ok {
		b = nil
	}
	r.blocks[base] = b
	return b, nil
}
