package unit

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// table checks what a function prints.
func table[T any](t *testing.T, name string, print func(T) string, cases []struct {
	v    T
	want string
},
) {
	t.Helper()
	for _, c := range cases {
		if got := print(c.v); got != c.want {
			t.Errorf("%s(%v) is %q, want %q", name, c.v, got, c.want)
		}
	}
}

type floats = []struct {
	v    float64
	want string
}

func TestSizes(t *testing.T) {
	table(t, "Bytes", Bytes, floats{
		{0, "0 B"}, {12, "12 B"}, {0.4, "0 B"}, {-0.4, "0 B"}, {999, "999 B"}, {999.4, "999 B"}, {999.5, "1.00 kB"}, {1000, "1.00 kB"},
		{9994, "9.99 kB"}, {9995, "10.0 kB"}, {99_940, "99.9 kB"}, {99_950, "100 kB"}, {999_400, "999 kB"}, {999_600, "1.00 MB"},
		{61.2e6, "61.2 MB"}, {212e6, "212 MB"}, {4.8e9, "4.80 GB"}, {1e12, "1.00 TB"}, {1e15, "1.00 PB"}, {math.MaxInt64, "9.22 EB"},
		{-3100, "-3.10 kB"}, {-999_600, "-1.00 MB"}, {math.NaN(), "?"}, {math.Inf(1), "?"},
	})
	table(t, "Change", Change, floats{{18.4e6, "+18.4 MB"}, {-3100, "-3.10 kB"}, {0, "0 B"}, {0.2, "0 B"}, {-0.2, "0 B"}, {1, "+1 B"}, {math.Inf(1), "?"}})
	table(t, "Rate", Rate, floats{{3.1e6, "3.10 MB/s"}, {0, "0 B/s"}, {-50, "-50 B/s"}, {math.NaN(), "?"}})
	for _, c := range []struct {
		v          float64
		unit, want string
	}{{240e6, "MB", "240"}, {80e6, "MB", "80"}, {1.5e6, "MB", "1.5"}, {0, "MB", "0"}, {-2e3, "kB", "-2"}, {12345e6, "MB", "12345"}, {3 << 20, "MiB", "3"}, {7, "B", "7"}, {7, "?", "7"}, {1e3, "MB", "0"}} {
		if got := BytesIn(c.v, c.unit); got != c.want {
			t.Errorf("BytesIn(%v, %q) is %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

// TestBytesKeepsItsWidthAndItsValue walks over all magnitudes.
func TestBytesKeepsItsWidthAndItsValue(t *testing.T) {
	shape := regexp.MustCompile(`^(\d{1,3}|\d\.\d\d|\d\d\.\d) (B|kB|MB|GB|TB)$`)
	for v := 0.7; v < 9e14; v *= 1.00037 {
		s := Bytes(v)
		if !shape.MatchString(s) || len(s) > Width {
			t.Fatalf("%v is %q: want three digits in at most %d cells", v, s, Width)
		}
		if !strings.HasSuffix(s, " "+BytesUnit(v)) {
			t.Fatalf("%v is %q, but its unit is %q", v, s, BytesUnit(v))
		}
		back, err := ParseBytes(s)
		if err != nil || math.Abs(back-v) > 0.5 && math.Abs(back-v) > 0.0051*v {
			t.Fatalf("%v is %q, and that is %v, %v", v, s, back, err)
		}
	}
}

func TestCountsAndShares(t *testing.T) {
	table(t, "Count", Count, floats{
		{0, "0"}, {7, "7"}, {999, "999"}, {1000, "1,000"}, {12400, "12,400"}, {999999.6, "1,000,000"}, {-1234567, "-1,234,567"}, {-0.3, "0"}, {-123, "-123"},
		{1e15, "1,000,000,000,000,000"}, {math.NaN(), "?"},
	})
	table(t, "Percent", Percent, floats{
		{0, "0%"}, {0.453, "45%"}, {0.034, "3.4%"}, {0.0007, "0.07%"}, {1, "100%"}, {0.9996, "100%"}, {0.0996, "10%"}, {0.0994, "9.9%"}, {0.00996, "1.0%"},
		{0.00994, "0.99%"}, {0.00001, "<0.01%"}, {-0.00001, ">-0.01%"}, {-0.05, "-5.0%"}, {12.5, "1250%"}, {math.Inf(1), "?"},
	})
}

func TestDurations(t *testing.T) {
	table(t, "Duration", Duration, []struct {
		v    time.Duration
		want string
	}{
		{0, "0s"}, {850, "850ns"}, {40 * time.Microsecond, "40µs"}, {999_600, "1.0ms"}, {1200 * time.Microsecond, "1.2ms"}, {85 * time.Millisecond, "85ms"}, {9960 * time.Microsecond, "10ms"},
		{999_600 * time.Microsecond, "1.0s"}, {1200 * time.Millisecond, "1.2s"}, {9960 * time.Millisecond, "10s"}, {47 * time.Second, "47s"},
		{59_600 * time.Millisecond, "1m00s"}, {724 * time.Second, "12m04s"}, {59*time.Minute + 59_700*time.Millisecond, "1h00m"}, {250 * time.Minute, "4h10m"},
		{24*time.Hour - time.Second, "1d0h"}, {74 * time.Hour, "3d2h"}, {-90 * time.Second, "-1m30s"}, {math.MinInt64, "-106751d23h"}, {math.MaxInt64, "106751d23h"},
	})
}

func TestFormatFollowsTheUnit(t *testing.T) {
	for _, c := range []struct {
		unit string
		v    float64
		want string
	}{
		{"bytes", 61.2e6, "61.2 MB"}, {"seconds", 0.000085, "85µs"}, {"cpu-seconds", 90, "1m30s"}, {"percent", 45.3, "45%"}, {"goroutines", 12400, "12,400"},
		{"gc-cycles", 7, "7"}, {"ratio", 1.25, "1.25 ratio"}, {"", 3, "3"}, {"seconds", 1e300, "106751d23h"}, {"seconds", -1e300, "-106751d23h"}, {"bytes", math.NaN(), "?"},
	} {
		if got := Format(c.unit, c.v); got != c.want {
			t.Errorf("%v %s is %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

// FuzzFormat checks that whatever the value, what is printed is short, clean and no bare NaN or Inf.
func FuzzFormat(f *testing.F) {
	for _, v := range []float64{0, 999.5, 999_500, -1, 1e300, math.Inf(1), math.NaN(), 5e-324, 9.995e6} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v float64) {
		for _, u := range []string{"bytes", "seconds", "percent", "objects"} {
			s := Format(u, v)
			if strings.Contains(s, "NaN") || strings.Contains(s, "Inf") || s == "" || !utf8.ValidString(s) {
				t.Errorf("%v %s is %q", v, u, s)
			}
			if v >= 0 && v < 1e15 && len(s) > 20 {
				t.Errorf("%v %s is %q: %d bytes", v, u, s, len(s))
			}
			if strings.HasPrefix(s, "-0 ") || s == "-0" || s == "-0%" {
				t.Errorf("%v %s is %q", v, u, s)
			}
		}
	})
}

func BenchmarkBytes(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = Bytes(61.2e6)
	}
}

func TestThings(t *testing.T) {
	for want, got := range map[string]string{
		"0 frames": Things(0, "frame"), "1 frame": Things(1, "frame"), "2 frames": Things(2, "frame"), "12,400 small functions": Things(12400, "small function"),
		"1 process": Things(1.0, "process"), "2 processes": Things(2.0, "process"), "3 entries": Things(uint64(3), "entry"), "2 days": Things(int64(2), "day"),
		"5 searches": Things(5, "search"), "4 boxes": Things(4, "box"), "-1 ys": Things(-1, "y"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
