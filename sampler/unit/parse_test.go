package unit

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseBytes(t *testing.T) {
	for _, c := range []struct {
		text string
		want float64
	}{
		{"0", 0}, {"4096", 4096}, {"12B", 12}, {"12 b", 12},
		{"500MB", 500e6}, {"500mb", 500e6}, {"512MiB", 512 << 20}, {"512mib", 512 << 20}, {"1.5 GB", 1.5e9},
		{"64kB", 64e3}, {"64KB", 64e3}, {"64KiB", 64 << 10}, {"2TB", 2e12}, {"2TiB", 2 << 40}, {"  3 MB  ", 3e6}, {".5MB", .5e6}, {"5.MB", 5e6},
	} {
		if got, err := ParseBytes(c.text); err != nil || got != c.want {
			t.Errorf("%q is %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}

func TestParseBytesErrorsSayWhatIsAccepted(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"", "no number"}, {"MB", "no number"}, {"-5MB", "negative"}, {"-0", "negative"}, {"+5MB", "not a number"},
		{"64k", "kB, MB, GB, TB (powers of 1000) or KiB"}, {"1g", "GiB"}, {"5 apples", "apples"}, {"5MB/h", "MB/h"},
		{"NaN", "no number"}, {"Inf", "no number"}, {"1e9", "e9"}, {"0x10", "x10"}, {"1,000", ",000"}, {"1.2.3MB", "not a number"}, {".", "not a number"},
		{"9223372036854775808", "larger than any memory"}, {"99999999999TB", "larger than any memory"}, {"1" + strings.Repeat("0", 400), "not a number"},
		{strings.Repeat("x", 10_000), "..."}, {"5\x1b[2J", `\x1b`},
	} {
		got, err := ParseBytes(c.text)
		if err == nil || !strings.Contains(err.Error(), c.says) || len(err.Error()) > 250 {
			t.Errorf("%.40q is %v, %v; want a short error that says %s", c.text, got, err, c.says)
		}
	}
}

func TestParseRate(t *testing.T) {
	for _, c := range []struct {
		text string
		want float64
	}{
		{"10MB/h", 10e6}, {"1 MB/min", 60e6}, {"1kB/s", 3.6e6}, {"24 MiB / d", 1 << 20}, {"5MB/Hour", 5e6}, {"0/h", 0},
	} {
		if got, err := ParseRate(c.text); err != nil || got != c.want {
			t.Errorf("%q is %v, %v; want %v", c.text, got, err, c.want)
		}
	}
	for text, says := range map[string]string{"10MB": "10MB/h", "10MB/": "s, min, h, d", "10MB/week": "s, min, h, d", "x/h": "no number", "1MB/m": "s, min, h, d"} {
		if got, err := ParseRate(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is %v, %v; want an error that says %s", text, got, err, says)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{"90", 90 * time.Second}, {"1.5", 1500 * time.Millisecond}, {"0", 0}, {"5m", 5 * time.Minute}, {"1h30m", 90 * time.Minute}, {" 500ms ", 500 * time.Millisecond},
	} {
		if got, err := ParseDuration(c.text); err != nil || got != c.want {
			t.Errorf("%q is %v, %v; want %v", c.text, got, err, c.want)
		}
	}
	for text, says := range map[string]string{"": "90s, 5m", "-5s": "negative", "-5": "90s, 5m", "5 minutes": "90s, 5m", "1e3": "90s, 5m", "NaN": "90s, 5m", "9999999999999": "292 years", "1d": "90s, 5m"} {
		if got, err := ParseDuration(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is %v, %v; want an error that says %s", text, got, err, says)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"500MB", "1.5 GiB", "10MB/h", "-1", "1e309", "NaN", "0x1p4", "1h", "٣MB", "\xff", "9223372036854775807", "9223372036.9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := ParseBytes(s); err == nil && !(v >= 0 && v < 1<<63) {
			t.Errorf("size %q is %v", s, v)
		}
		if v, err := ParseRate(s); err == nil && !(v >= 0 && !math.IsInf(v, 0)) {
			t.Errorf("rate %q is %v", s, v)
		}
		if d, err := ParseDuration(s); err == nil && d < 0 {
			t.Errorf("duration %q is %v", s, d)
		}
	})
}
