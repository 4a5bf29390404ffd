package profile

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// Site is a line of source that allocates: all stacks whose innermost frame outside the runtime is that line. Bytes and
// objects are the profile's estimates for the whole program.
type Site struct {
	Function     string
	File         string
	Line         int
	Stack        []sampler.Frame // the stack that holds most, innermost first; the runtime's own leading frames are dropped
	Stacks       []StackUse      // the stacks that hold most, largest first, at most maxStacks of them
	StackCount   int             // how many there are
	InUseBytes   float64
	InUseObjects float64
	AllocBytes   float64
	AllocObjects float64
	Samples      int64   // sampled objects in use: what InUseBytes rests on
	AllocSamples int64   // sampled allocations: what AllocBytes rests on
	Uncertainty  float64 // bytes, one standard deviation of InUseBytes
	// AppendBytes and MapBytes are what of AllocBytes the runtime allocated to let a slice or a map grow. They are 0 where
	// the profile does not tell the runtime's own functions: see Heap.TellsRuntime.
	AppendBytes, MapBytes float64
}

// StackUse is what one stack holds.
type StackUse struct {
	Frames     []sampler.Frame
	InUseBytes float64
	AllocBytes float64
	Samples    int64
}

// maxStacks is how many stacks of a site are kept.
const maxStacks = 8

// Key identifies the site in other profiles of the same program.
func (s *Site) Key() string { return s.Function + " " + s.File + ":" + strconv.Itoa(s.Line) }

// Heap is a heap profile by allocation site, in descending order of bytes in use.
type Heap struct {
	Time       time.Time
	Rate       int64 // bytes per sample on average (runtime.MemProfileRate); 0 when the profile does not tell
	Sites      []Site
	TotalInUse float64 // bytes
	TotalAlloc float64 // bytes
	Empty      string  // why there are no sites; "" when there are some
	// TellsRuntime says that each sample is labelled with the function of the runtime that allocated: see RuntimeLabel.
	TellsRuntime bool
	Warnings     []string

	raw []byte // the profile as it came, for Join, which needs every stack
}

// RuntimeLabel is the label by which a sample tells for what the runtime allocated, in its value: GrowsSlice, GrowsMap, or
// another function's name. Profiles that the runtime writes leave its own functions out, and have no such label.
const (
	RuntimeLabel = "runtime"
	GrowsSlice   = "runtime.growslice"
	GrowsMap     = "internal/runtime/maps.grow"
)

// ErrNotHeap says that the bytes are a profile, but of something else.
var ErrNotHeap = errors.New("not a heap profile")

// ParseHeap reads a heap profile in pprof's format, gzipped or plain. It takes at most 64 MiB of profile, a million
// messages and 8 million references in it; more is an error, as are bytes that are no profile. An error that wraps
// ErrNotHeap names what the profile measures instead.
func ParseHeap(p sampler.Profile) (Heap, error) {
	pr, at, err := decodeHeap(p.Data)
	if err != nil {
		return Heap{}, fmt.Errorf("read heap profile: %w", err)
	}
	h := Heap{Time: p.Time, Rate: rateOf(pr), raw: p.Data}
	if h.Time.IsZero() && pr.TimeNanos > 0 {
		h.Time = time.Unix(0, pr.TimeNanos)
	}
	h.collect(pr, at)
	h.Empty = emptyReason(pr, h)
	return h, nil
}

// decodeHeap unpacks and checks a heap profile, and finds its columns.
func decodeHeap(data []byte) (*profile.Profile, columns, error) {
	pr, err := decode(data)
	if err != nil {
		return nil, columns{}, err
	}
	at, err := columnsOf(pr)
	return pr, at, err
}

// decode unpacks and checks a profile of any sort.
func decode(data []byte) (*profile.Profile, error) {
	raw, err := unpack(data)
	if err != nil {
		return nil, err
	}
	pr, err := profile.ParseUncompressed(raw)
	if err == nil {
		err = pr.CheckValid()
	}
	return pr, err
}

// columns are the places of the four values in a sample, -1 where the profile has none.
type columns struct{ allocObjects, allocBytes, inUseObjects, inUseBytes int }

func columnsOf(pr *profile.Profile) (columns, error) {
	c := columns{-1, -1, -1, -1}
	for i, t := range pr.SampleType {
		switch t.Type + "/" + t.Unit {
		case "alloc_objects/count":
			c.allocObjects = i
		case "alloc_space/bytes":
			c.allocBytes = i
		case "inuse_objects/count":
			c.inUseObjects = i
		case "inuse_space/bytes":
			c.inUseBytes = i
		}
	}
	if c.inUseBytes < 0 || c.inUseObjects < 0 {
		return c, fmt.Errorf("%w: it measures %q, wanted inuse_objects and inuse_space in bytes", ErrNotHeap, clip(typeNames(pr)))
	}
	return c, nil
}

func rateOf(pr *profile.Profile) int64 {
	if pr.PeriodType == nil || pr.PeriodType.Type != "space" || pr.PeriodType.Unit != "bytes" {
		return 0
	}
	return max(pr.Period, 0)
}

func emptyReason(pr *profile.Profile, h Heap) string {
	switch {
	case len(h.Sites) > 0:
		return ""
	case h.Rate == 0 && pr.PeriodType != nil:
		return "this program records no allocation stacks: runtime.MemProfileRate is 0, as it is where nothing asks runtime/pprof for a profile"
	}
	return "no allocation was sampled yet: about one in every 512 KiB is, and a profile shows it two collections later"
}

// clip shortens what a stranger wrote so that the message stays a line.
func clip(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "..."
	}
	return s
}

// estimate is what a sample of the profile tells when the profile's scaling is undone.
type estimate struct {
	samples  int64   // objects that were sampled
	variance float64 // of the scaled bytes, bytes squared
}

// unscale undoes the scaling of runtime/pprof. An allocation of size bytes is sampled with the probability
// p = 1 - exp(-size/rate), and what was sampled is divided by p. All objects of a sample have one size. The variance is
// that of the Horvitz-Thompson estimator, objects * size² * (1-p)/p; for objects much smaller than the rate it is bytes * rate.
func unscale(objects, bytes, size float64, rate int64) estimate {
	if objects <= 0 || bytes <= 0 {
		return estimate{}
	}
	if rate <= 1 {
		return estimate{samples: int64(math.Round(math.Min(objects, 1<<53)))}
	}
	if size <= 0 {
		size = bytes / objects // both are cut to whole numbers, so this is a little off for few large objects
	}
	p := -math.Expm1(-size / float64(rate))
	if p <= 0 {
		return estimate{}
	}
	return estimate{
		samples:  max(1, int64(math.Round(math.Min(bytes*p/size, 1<<53)))),
		variance: bytes * size * (1 - p) / p,
	}
}
