package proc

import (
	"bytes"
	"math"

	"github.com/alloc-dev/heaptop/sampler"
)

// nextLine cuts the first line off, without its newline.
func nextLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// nextField cuts the first line off and splits it at the colon. A line without one has a nil key.
func nextField(b []byte) (key, value, rest []byte) {
	line, rest := nextLine(b)
	if i := bytes.IndexByte(line, ':'); i >= 0 {
		return line[:i], line[i+1:], rest
	}
	return nil, nil, rest
}

// nextWord cuts the first word off; words are separated by blanks, tabs and newlines. It is empty at the end.
func nextWord(b []byte) (word, rest []byte) {
	i := 0
	for i < len(b) && blank(b[i]) {
		i++
	}
	j := i
	for j < len(b) && !blank(b[j]) {
		j++
	}
	return b[i:j], b[j:]
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// parseUint reads decimal digits; false when there is anything else, nothing, or more than fits.
func parseUint(b []byte) (uint64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || v > (math.MaxUint64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}

// parseDecimal reads digits with a fraction, as "12.34".
func parseDecimal(b []byte) (float64, bool) {
	whole, fraction, dotted := bytes.Cut(b, []byte{'.'})
	v, ok := parseUint(whole)
	if !ok || !dotted {
		return float64(v), ok
	}
	f, ok := parseUint(fraction)
	return float64(v) + float64(f)/math.Pow10(len(fraction)), ok && len(fraction) < 18
}

// parseSize reads the first number of a field, and multiplies it when it is in kB, by which the kernel means KiB.
func parseSize(b []byte) sampler.Reading {
	word, rest := nextWord(b)
	v, ok := parseUint(word)
	if !ok {
		return sampler.Reading{}
	}
	unit, _ := nextWord(rest)
	if string(unit) == "kB" {
		return sampler.Known(float64(v) * 1024)
	}
	return sampler.Known(float64(v))
}

// parseHex reads lower-case hexadecimal digits.
func parseHex(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 16 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
