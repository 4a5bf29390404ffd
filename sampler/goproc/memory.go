package goproc

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/alloc-dev/heaptop/sampler"
)

// request asks for len(buf) bytes at addr. ok says whether all of them came.
type request struct {
	addr uint64
	buf  []byte
	ok   bool
}

// memory is the address space of the target. Tests put a made-up one in its place.
type memory interface {
	// read fills the requests that can be filled and marks them. Its error means that no request can be filled any
	// more: the target has ended or may not be read.
	read(reqs []request) error
	// alive returns an error that wraps sampler.ErrGone when the address space that was opened is no longer there,
	// because the process ended or executed another program.
	alive() error
}

// errUnreadable is a piece of memory that should be there and is not.
type errUnreadable struct {
	what string
	addr uint64
}

func (e *errUnreadable) Error() string {
	return fmt.Sprintf("read %s at %#x: not mapped", e.what, e.addr)
}

// Unwrap says that a process whose memory is not where it should be cannot be read.
func (e *errUnreadable) Unwrap() error { return sampler.ErrUnsupported }

// readAt reads one piece of memory whole; what names it in the error.
func readAt(m memory, what string, addr uint64, buf []byte) error {
	reqs := [1]request{{addr: addr, buf: buf}}
	if err := m.read(reqs[:]); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	if !reqs[0].ok {
		return &errUnreadable{what, addr}
	}
	return nil
}

func readU64(m memory, what string, addr uint64) (uint64, error) {
	var b [8]byte
	err := readAt(m, what, addr, b[:])
	return u64(b[:], 0), err
}

func readU32(m memory, what string, addr uint64) (uint32, error) {
	var b [4]byte
	err := readAt(m, what, addr, b[:])
	return u32(b[:], 0), err
}

func u16(b []byte, off int) uint16  { return binary.LittleEndian.Uint16(b[off:]) }
func u32(b []byte, off int) uint32  { return binary.LittleEndian.Uint32(b[off:]) }
func u64(b []byte, off int) uint64  { return binary.LittleEndian.Uint64(b[off:]) }
func i64(b []byte, off int) int64   { return int64(u64(b, off)) }
func f64(b []byte, off int) float64 { return math.Float64frombits(u64(b, off)) }

const (
	batch    = 1024     // objects read together, and the kernel's limit on pieces of one call
	nearby   = 512      // bytes between two objects that are read rather than skipped
	runLimit = 64 << 10 // bytes of one run
)

// scatter reads many objects of one size in few pieces: neighbours become one run. It keeps its memory, and no more
// than a batch of objects at a time.
type scatter struct {
	size int
	buf  []byte
	runs []request
	run  []int32 // for each object, its run
	off  []int32 // and where it starts there
}

// load reads the objects at the ascending addresses, at most a batch of them.
func (s *scatter) load(m memory, addrs []uint64) error {
	s.run, s.off, s.runs = s.run[:0], s.off[:0], s.runs[:0]
	if need := s.need(addrs); cap(s.buf) < need {
		s.buf = make([]byte, need)
	}
	buf := s.buf[:0]
	for _, a := range addrs {
		buf = s.add(a, buf)
	}
	return m.read(s.runs)
}

// need is how many bytes the runs of the objects take, as add makes them.
func (s *scatter) need(addrs []uint64) int {
	total, length := 0, 0 // of all runs, and of the last
	var start uint64
	for i, a := range addrs {
		if i > 0 && s.joins(start, length, a) {
			longer := max(length, int(a-start)+s.size)
			total, length = total+longer-length, longer
			continue
		}
		start, length = a, s.size
		total += s.size
	}
	return total
}

// joins reports whether an object is read with the run before it.
func (s *scatter) joins(start uint64, length int, a uint64) bool {
	return a >= start && a <= start+uint64(length)+nearby && a-start+uint64(s.size) <= runLimit
}

// add appends an object to the last run, or begins a run with it. The runs lie one behind the other in buf, so the last
// one grows in place.
func (s *scatter) add(a uint64, buf []byte) []byte {
	n := len(s.runs) - 1
	if n >= 0 {
		r := &s.runs[n]
		if s.joins(r.addr, len(r.buf), a) {
			length := max(len(r.buf), int(a-r.addr)+s.size)
			start := len(buf) - len(r.buf)
			buf = buf[:start+length]
			r.buf = buf[start:]
			s.run, s.off = append(s.run, int32(n)), append(s.off, int32(a-r.addr))
			return buf
		}
	}
	start := len(buf)
	buf = buf[:start+s.size]
	s.runs = append(s.runs, request{addr: a, buf: buf[start:]})
	s.run, s.off = append(s.run, int32(n+1)), append(s.off, 0)
	return buf
}

// at returns the i-th object of the last load, nil when it could not be read.
func (s *scatter) at(i int) []byte {
	r := &s.runs[s.run[i]]
	if !r.ok {
		return nil
	}
	return r.buf[s.off[i]:][:s.size]
}

func putU64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }
