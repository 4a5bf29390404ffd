package proc

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/alloc-dev/heaptop/sampler"
)

// errFormat says that a file of the kernel's does not look as documented.
var errFormat = errors.New("unexpected format")

// flagKernelThread is PF_KTHREAD of linux/sched.h, in field 9 of stat.
const flagKernelThread = 0x00200000

// stat is what /proc/PID/stat tells, as far as it is used here.
type stat struct {
	pid         int
	comm        []byte // aliases the parsed bytes
	state       byte
	ppid        int
	flags       uint64
	minor       uint64
	major       uint64
	utime       uint64 // ticks
	stime       uint64 // ticks
	threads     uint64
	start       uint64 // ticks after boot
	rss         uint64 // pages
	exitCode    uint64 // as wait(2) has it; 0 also where the kernel hides it
	hasExitCode bool
}

func (s *stat) kernel() bool { return s.flags&flagKernelThread != 0 }

// ended says that nothing of the process runs any more. The first thread of a process may be a zombie alone.
func (s *stat) ended() bool {
	return s.state == 'X' || s.state == 'x' || (s.state == 'Z' && s.threads <= 1)
}

// parseStat reads /proc/PID/stat. The name stands in parentheses and may hold anything, closing parentheses and
// newlines included, so it ends at the last one.
func parseStat(b []byte, st *stat) error {
	*st = stat{}
	left, right := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if left < 1 || right < left {
		return fmt.Errorf("no name in parentheses: %w", errFormat)
	}
	pid, ok := parseUint(bytes.TrimSpace(b[:left]))
	if !ok || pid > math.MaxInt32 {
		return fmt.Errorf("field 1: %w", errFormat)
	}
	st.pid, st.comm = int(pid), b[left+1:right]
	rest, field := b[right+1:], 2
	for {
		var word []byte
		word, rest = nextWord(rest)
		if len(word) == 0 {
			break
		}
		field++
		if !st.set(field, word) {
			return fmt.Errorf("field %d: %w", field, errFormat)
		}
	}
	if field < 24 {
		return fmt.Errorf("%d fields, want 24 at least: %w", field, errFormat)
	}
	return nil
}

// set takes one field by its number in proc(5); false says that it is malformed.
func (s *stat) set(field int, word []byte) bool {
	var to *uint64
	switch field {
	case 3:
		s.state = word[0]
		return len(word) == 1
	case 4:
		v, ok := parseUint(word)
		s.ppid = int(min(v, math.MaxInt32))
		return ok
	case 9:
		to = &s.flags
	case 10:
		to = &s.minor
	case 12:
		to = &s.major
	case 14:
		to = &s.utime
	case 15:
		to = &s.stime
	case 20:
		to = &s.threads
	case 22:
		to = &s.start
	case 24:
		to = &s.rss
	case 52:
		to = &s.exitCode
		s.hasExitCode = true
	default:
		return true
	}
	v, ok := parseUint(word)
	*to = v
	return ok
}

// parseStatm reads the first two numbers of /proc/PID/statm: address space and RSS in pages.
func parseStatm(b []byte) (size, rss uint64, err error) {
	first, b := nextWord(b)
	second, _ := nextWord(b)
	size, ok1 := parseUint(first)
	rss, ok2 := parseUint(second)
	if !ok1 || !ok2 {
		return 0, 0, fmt.Errorf("want two numbers: %w", errFormat)
	}
	return size, rss, nil
}

// status is what /proc/PID/status tells, as far as it is used here. Sizes are bytes.
type status struct {
	tgid                    sampler.Reading
	uid                     sampler.Reading // the effective one
	peak                    sampler.Reading
	anon, file, shmem, swap sampler.Reading
}

// parseStatus reads /proc/PID/status. Lines it does not know, or that are malformed, are left out: kernels differ in
// what they write here.
func parseStatus(b []byte, st *status) {
	*st = status{}
	for len(b) > 0 {
		var key, value []byte
		key, value, b = nextField(b)
		switch string(key) {
		case "Tgid":
			st.tgid = parseSize(value)
		case "Uid":
			_, value = nextWord(value)
			word, _ := nextWord(value)
			st.uid = parseSize(word)
		case "VmHWM":
			st.peak = parseSize(value)
		case "RssAnon":
			st.anon = parseSize(value)
		case "RssFile":
			st.file = parseSize(value)
		case "RssShmem":
			st.shmem = parseSize(value)
		case "VmSwap":
			st.swap = parseSize(value)
		}
	}
}

// rollup is what smaps_rollup tells, in bytes. uss is what would be freed if the process ended.
// huge is anonymous memory in transparent huge pages.
type rollup struct{ pss, uss, huge sampler.Reading }

// parseRollup reads /proc/PID/smaps_rollup.
func parseRollup(b []byte, r *rollup) {
	*r = rollup{}
	for len(b) > 0 {
		var key, value []byte
		key, value, b = nextField(b)
		switch string(key) {
		case "Pss":
			r.pss = parseSize(value)
		case "AnonHugePages":
			r.huge = parseSize(value)
		case "Private_Clean", "Private_Dirty", "Private_Hugetlb":
			if v := parseSize(value); v.OK {
				r.uss = sampler.Known(r.uss.Value + v.Value)
			}
		}
	}
}

// meminfo is what /proc/meminfo tells, in bytes.
type meminfo struct{ total, available, swapTotal, swapFree sampler.Reading }

// parseMeminfo reads /proc/meminfo.
func parseMeminfo(b []byte, m *meminfo) {
	*m = meminfo{}
	for len(b) > 0 {
		var key, value []byte
		key, value, b = nextField(b)
		switch string(key) {
		case "MemTotal":
			m.total = parseSize(value)
		case "MemAvailable":
			m.available = parseSize(value)
		case "SwapTotal":
			m.swapTotal = parseSize(value)
		case "SwapFree":
			m.swapFree = parseSize(value)
			return
		}
	}
}

// parsePressure reads the two avg10 shares of a PSI file, in percent.
func parsePressure(b []byte) (some, full sampler.Reading) {
	for len(b) > 0 {
		var line []byte
		line, b = nextLine(b)
		kind, line := nextWord(line)
		word, _ := nextWord(line)
		number, found := bytes.CutPrefix(word, []byte("avg10="))
		v, ok := parseDecimal(number)
		if !found || !ok || v > 100 {
			continue
		}
		switch string(kind) {
		case "some":
			some = sampler.Known(v)
		case "full":
			full = sampler.Known(v)
		}
	}
	return some, full
}

// parseBoot reads the start of the system, in seconds since 1970, and the number of CPUs from /proc/stat.
func parseBoot(b []byte) (seconds uint64, cpus int) {
	for len(b) > 0 {
		var line []byte
		line, b = nextLine(b)
		key, rest := nextWord(line)
		switch {
		case string(key) == "btime":
			word, _ := nextWord(rest)
			seconds, _ = parseUint(word)
		case len(key) > 3 && string(key[:3]) == "cpu":
			cpus++
		}
	}
	return seconds, cpus
}
