package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const sizeUnits = "B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024)"

// maxBytes bounds what ParseBytes takes: 2^63, more than any address space has.
const maxBytes = 1 << 63

// ParseBytes reads a size: "500MB" (10^6), "512MiB" (2^20), "1.5 GB", "4096". Upper and lower case are the same. It
// returns bytes, which may have a fraction. Negative, endless and hexadecimal numbers, exponents, sizes from 2^63 on and
// units without a B are errors that name what is accepted.
func ParseBytes(s string) (float64, error) {
	number, name := split(s)
	v, err := parseNumber(number)
	if err != nil {
		return 0, fmt.Errorf("size %q: %w", clip(s), err)
	}
	factor, ok := factorOf(name)
	if !ok {
		return 0, fmt.Errorf("size %q: unit %q is not one of %s", clip(s), clip(name), sizeUnits)
	}
	if v *= factor; v >= maxBytes {
		return 0, fmt.Errorf("size %q: larger than any memory", clip(s))
	}
	return v, nil
}

// ParseRate reads a size per time: "10MB/h", "1 MB/min". It returns bytes per hour. The time is s, min, h or d (or
// sec, minute, hour, day); errors are those of ParseBytes besides.
func ParseRate(s string) (float64, error) {
	size, per, found := strings.Cut(s, "/")
	if !found {
		return 0, fmt.Errorf("rate %q: want a size per time, as in 10MB/h", clip(s))
	}
	v, err := ParseBytes(size)
	if err != nil {
		return 0, fmt.Errorf("rate %q: %w", clip(s), err)
	}
	switch strings.ToLower(strings.TrimSpace(per)) {
	case "s", "sec", "second":
		return v * 3600, nil
	case "min", "minute":
		return v * 60, nil
	case "h", "hour":
		return v, nil
	case "d", "day":
		return v / 24, nil
	}
	return 0, fmt.Errorf("rate %q: time %q is not one of s, min, h, d", clip(s), clip(strings.TrimSpace(per)))
}

// ParseDuration reads a duration as Go writes it ("1m30s", "500ms"); a bare number is seconds. Negative ones are an
// error. The limit is Go's own, 292 years.
func ParseDuration(s string) (time.Duration, error) {
	text := strings.TrimSpace(s)
	if v, err := parseNumber(text); err == nil {
		if v *= float64(time.Second); v < math.MaxInt64 {
			return time.Duration(math.Round(v)), nil
		}
		return 0, fmt.Errorf("duration %q: longer than 292 years", clip(s))
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("duration %q: want a duration such as 90s, 5m or 1h30m, or a number of seconds", clip(s))
	}
	if d < 0 {
		return 0, fmt.Errorf("duration %q: is negative", clip(s))
	}
	return d, nil
}

// split cuts a size into its number and its unit, without the space around and between them.
func split(s string) (number, name string) {
	s = strings.TrimSpace(s)
	i := strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789.+-", r) })
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimSpace(s[i:])
}

// parseNumber reads a decimal number of digits and one point. ParseFloat takes much more: hexadecimal, exponents,
// infinities.
func parseNumber(s string) (float64, error) {
	if s == "" {
		return 0, fmt.Errorf("there is no number")
	}
	if s[0] == '-' {
		return 0, fmt.Errorf("a negative number")
	}
	for _, r := range s {
		if (r < '0' || r > '9') && r != '.' {
			return 0, fmt.Errorf("%q is not a number", clip(s))
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", clip(s))
	}
	return v, nil
}

func factorOf(name string) (float64, bool) {
	switch strings.ToLower(name) {
	case "", "b":
		return 1, true
	case "kb":
		return 1e3, true
	case "mb":
		return 1e6, true
	case "gb":
		return 1e9, true
	case "tb":
		return 1e12, true
	case "kib":
		return 1 << 10, true
	case "mib":
		return 1 << 20, true
	case "gib":
		return 1 << 30, true
	case "tib":
		return 1 << 40, true
	}
	return 0, false
}

// clip shortens what a stranger typed so that the message stays a line.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
