package unit

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Width is the most cells Bytes takes for a size that is not negative: "61.2 MB".
const Width = 7

// unknown is printed for what is no number. Callers keep such values out; it must still not look like one.
const unknown = "?"

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Bytes prints a size in decimal units with three significant digits: "12 B", "61.2 MB", "212 MB", "4.80 GB". Negative
// sizes have a minus sign in front.
func Bytes(v float64) string {
	if !finite(v) {
		return unknown
	}
	i := scale(v)
	return printBytes(v, i)
}

// largestUnit is the index of the last of unitNames.
const largestUnit = 6

func unitNames() [largestUnit + 1]string { return [...]string{"B", "kB", "MB", "GB", "TB", "PB", "EB"} }

// scale returns the index of the unit in which v has one to three digits before the point, once it is rounded.
func scale(v float64) int {
	v = math.Abs(v)
	i := 0
	for v >= 999.5 && i < largestUnit {
		v /= 1000
		i++
	}
	return i
}

func printBytes(v float64, i int) string {
	name := unitNames()[i]
	if i == 0 {
		return fixed(v, 0) + " " + name
	}
	return three(v/math.Pow(1000, float64(i))) + " " + name
}

// three prints v with three significant digits, more when it has more before the point.
func three(v float64) string {
	switch a := math.Abs(v); {
	case a >= 99.95:
		return fixed(v, 0)
	case a >= 9.995:
		return fixed(v, 1)
	}
	return fixed(v, 2)
}

// fixed prints v with so many decimals; what rounds to zero has no minus sign.
func fixed(v float64, decimals int) string {
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-")
	}
	return text
}

// BytesUnit returns the unit in which Bytes prints v: "B", "kB", "MB" ... A chart asks it for its largest value.
func BytesUnit(v float64) string {
	if !finite(v) {
		return "B"
	}
	return unitNames()[scale(v)]
}

// BytesIn prints v as a number of the given unit, "MB" or "MiB", for chart axes: three significant digits, zeros at the
// end left out. A unit that ParseBytes does not know counts as B; so do "PB" and "EB" as they are too large to plot.
func BytesIn(v float64, unit string) string {
	if !finite(v) {
		return unknown
	}
	factor, ok := factorOf(unit)
	if !ok {
		factor = 1
	}
	return trimZeros(three(v / factor))
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// Change prints a difference of sizes with its sign: "+18.4 MB", "-3.10 kB", "0 B".
func Change(v float64) string {
	s := Bytes(v)
	if v > 0 && finite(v) && s != "0 B" {
		return "+" + s
	}
	return s
}

// Rate prints bytes per second: "3.10 MB/s".
func Rate(perSecond float64) string {
	if !finite(perSecond) {
		return unknown
	}
	return Bytes(perSecond) + "/s"
}

// Count prints a whole number with separators: "12,400".
func Count(v float64) string {
	if !finite(v) {
		return unknown
	}
	digits := fixed(v, 0)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// Percent prints a share, 1 being all: 0.453 is "45%", 0.034 "3.4%", 0.0007 "0.07%". A share that is not 0 never
// prints as "0%": it is "<0.01%".
func Percent(share float64) string {
	if !finite(share) {
		return unknown
	}
	p := share * 100
	switch a := math.Abs(p); {
	case a == 0:
		return "0%"
	case a < 0.005 && p > 0:
		return "<0.01%"
	case a < 0.005:
		return ">-0.01%"
	case a < 0.995:
		return fixed(p, 2) + "%"
	case a < 9.95:
		return fixed(p, 1) + "%"
	}
	return fixed(p, 0) + "%"
}

// Duration prints two units at most: "40µs", "85ms", "1.2s", "47s", "12m04s", "4h10m", "3d2h".
func Duration(d time.Duration) string {
	if d < 0 {
		if d == math.MinInt64 {
			d++
		}
		return "-" + Duration(-d)
	}
	switch s := d.Seconds(); {
	case d == 0:
		return "0s"
	case d < time.Microsecond:
		return strconv.FormatInt(int64(d), 10) + "ns"
	case s*1e6 < 999.5:
		return fixed(s*1e6, 0) + "µs"
	case s*1e3 < 9.95:
		return fixed(s*1e3, 1) + "ms"
	case s*1e3 < 999.5:
		return fixed(s*1e3, 0) + "ms"
	case s < 9.95:
		return fixed(s, 1) + "s"
	case s < 59.5:
		return fixed(s, 0) + "s"
	}
	return long(d)
}

// long prints durations of a minute and more.
func long(d time.Duration) string {
	if r := d.Round(time.Second); r < time.Hour {
		return two(r, time.Minute, "m", time.Second, "s", true)
	}
	if r := d.Round(time.Minute); r < 24*time.Hour {
		return two(r, time.Hour, "h", time.Minute, "m", true)
	}
	return two(d.Round(time.Hour), 24*time.Hour, "d", time.Hour, "h", false)
}

// two prints d, a multiple of small, in two units, the second one with two digits when pad is set.
func two(d, big time.Duration, bigName string, small time.Duration, smallName string, pad bool) string {
	rest := strconv.FormatInt(int64(d%big/small), 10)
	if pad && len(rest) == 1 {
		rest = "0" + rest
	}
	return strconv.FormatInt(int64(d/big), 10) + bigName + rest + smallName
}

// Format prints v by the unit that a metric's name ends in: sizes for "bytes", durations for "seconds" and
// "cpu-seconds", shares for "percent" (0 to 100) and whole numbers for what is counted. A unit it does not know is
// printed after three significant digits.
func Format(unit string, v float64) string {
	if !finite(v) {
		return unknown
	}
	switch unit {
	case "bytes":
		return Bytes(v)
	case "seconds", "cpu-seconds":
		ns := v * float64(time.Second)
		return Duration(time.Duration(min(max(ns, math.MinInt64+1), math.MaxInt64-1024)))
	case "percent":
		return Percent(v / 100)
	case "threads", "processes", "files", "faults", "events", "objects", "goroutines", "gc-cycles", "count":
		return Count(v)
	}
	return strings.TrimSpace(trimZeros(three(v)) + " " + unit)
}

// Things prints how many there are of something: "1 frame", "2 frames", "12,400 entries", "0 frames".
// one is the word for a single one, in English and regular: what ends in a hiss has "es" for more, what ends in a consonant
// and "y" has "ies", all else "s". Words may stand before it: "small function".
func Things[N int | int64 | uint64 | float64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(float64(n)) + " " + many(one)
}

// many is a word for more than one.
func many(one string) string {
	for _, hiss := range []string{"s", "x", "z", "ch", "sh"} {
		if strings.HasSuffix(one, hiss) {
			return one + "es"
		}
	}
	if stem, ok := strings.CutSuffix(one, "y"); ok && stem != "" && !strings.ContainsRune("aeiou", rune(stem[len(stem)-1])) {
		return stem + "ies"
	}
	return one + "s"
}
