package capture

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// scanner reads the lines of samples as samplesEncoder writes them, some five times as fast as encoding/json. It knows no
// other spelling: where a line has spaces, unknown fields or fields in another order, or is no JSON at all, it says so,
// and encoding/json reads the line, or tells what is wrong with it. What it does read is the same as encoding/json reads.
type scanner struct {
	rest []byte
	bad  bool // this is a line for encoding/json
}

// scanSample reads a line into j, whose lists are used again; ok is false when it is not as samplesEncoder writes it. What
// is in j then is of no use.
func scanSample(line []byte, j *sampleJSON) (ok bool) {
	*j = sampleJSON{Values: j.Values[:0], Min: j.Min[:0], Max: j.Max[:0], Histograms: j.Histograms[:0]}
	s := scanner{rest: line}
	s.want(`{"sample":{"time":`)
	s.time(&j.Time)
	if s.has(`,"took_ns":`) {
		j.Took = time.Duration(s.whole())
	}
	if s.has(`,"runtime_time":`) {
		s.time(&j.Runtime)
	}
	if s.has(`,"values":`) {
		j.Values = s.numbers(j.Values)
	}
	if s.has(`,"histograms":`) {
		s.list(func() { s.counts(j) })
	}
	if s.has(`,"cycles":`) {
		s.list(func() { j.Cycles = append(j.Cycles, s.cycle()) })
	}
	if s.has(`,"warnings":`) {
		s.list(func() { j.Warnings = append(j.Warnings, s.text()) })
	}
	if s.has(`,"from":`) {
		j.From = new(time.Time)
		s.time(j.From)
	}
	if s.has(`,"count":`) {
		j.Count = int(s.whole())
	}
	if s.has(`,"min":`) {
		j.Min = s.numbers(j.Min)
	}
	if s.has(`,"max":`) {
		j.Max = s.numbers(j.Max)
	}
	s.want(`}}`)
	return !s.bad && len(s.rest) == 0
}

// has passes over text if it stands here.
func (s *scanner) has(text string) bool {
	if s.bad || len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

func (s *scanner) want(text string) {
	if !s.has(text) {
		s.bad = true
	}
}

// list calls one for each element of a list that is not empty.
func (s *scanner) list(one func()) {
	s.want("[")
	for one(); s.has(","); {
		one()
	}
	s.want("]")
}

// counts reads how a histogram grew, into the memory of an earlier line.
func (s *scanner) counts(j *sampleJSON) {
	var c countsJSON
	if n := len(j.Histograms); n < cap(j.Histograms) {
		c.Grown = j.Histograms[:n+1][n].Grown[:0]
	}
	s.want(`{"of":`)
	c.Of = int(s.whole())
	s.want(`,"grown":[`)
	if !s.has("]") {
		for c.Grown = append(c.Grown, s.whole()); s.has(","); {
			c.Grown = append(c.Grown, s.whole())
		}
		s.want("]")
	}
	s.want("}")
	j.Histograms = append(j.Histograms, c)
}

func (s *scanner) cycle() (c cycleJSON) {
	s.want(`{"number":`)
	if s.has("-") { // not even -0 is one without a sign
		s.bad = true
	}
	c.Number = uint64(s.whole())
	s.want(`,"end":`)
	s.time(&c.End)
	if s.has(`,"kind":`) {
		c.Kind = s.text()
	}
	c.Before = s.optional(`,"before_bytes":`)
	c.After = s.optional(`,"after_bytes":`)
	c.Live = s.optional(`,"live_bytes":`)
	c.Goal = s.optional(`,"goal_bytes":`)
	c.Pause = s.optional(`,"pause_seconds":`)
	c.CPU = s.optional(`,"cpu_percent":`)
	s.want("}")
	return c
}

func (s *scanner) optional(name string) *float64 {
	if !s.has(name) {
		return nil
	}
	v := s.number()
	return &v
}

// numbers reads a list of numbers, in which null is NaN.
func (s *scanner) numbers(list numbers) numbers {
	s.want("[")
	if s.has("]") {
		return list
	}
	for more := !s.bad; more; more = s.has(",") {
		if s.has("null") {
			list = append(list, math.NaN())
		} else {
			list = append(list, s.number())
		}
	}
	s.want("]")
	return list
}

// What is read without strconv: numbers whose digits are a whole number that a float64 holds, shifted by a power of ten
// that a float64 holds too. The quotient of two such numbers is rounded once, as strconv rounds.
const (
	exactDigits = 15
	wholeDigits = 18 // that an int64 surely holds
)

// power returns a power of ten.
func power(n int) float64 {
	powers := [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}
	return powers[n]
}

// digits returns how many digits stand at b[at:], and adds them to n, which may overflow.
func digits(b []byte, at int, n int64) (count int, sum int64) {
	for at+count < len(b) {
		c := b[at+count] - '0'
		if c > 9 {
			break
		}
		n = n*10 + int64(c)
		count++
	}
	return count, n
}

// integer returns where the whole part of a number at the beginning of b ends, 0 where there is none or it has a 0 too
// many, which JSON does not know.
func integer(b []byte) (end int, n int64, negative bool) {
	if negative = len(b) > 0 && b[0] == '-'; negative {
		end = 1
	}
	count, n := digits(b, end, 0)
	if count == 0 || count > 1 && b[end] == '0' {
		return 0, 0, false
	}
	return end + count, n, negative
}

// whole reads a whole number.
func (s *scanner) whole() int64 {
	end, n, negative := integer(s.rest)
	if s.bad || end == 0 || end > wholeDigits {
		s.bad = true
		return 0
	}
	s.rest = s.rest[end:] // what is left of 1.5 or 1e3 is none of ours, and ends the line's reading
	if negative {
		return -n
	}
	return n
}

// number reads a number as JSON has them.
func (s *scanner) number() float64 {
	b := s.rest
	end, n, negative := integer(b)
	if s.bad || end == 0 {
		s.bad = true
		return 0
	}
	fraction := 0
	if end < len(b) && b[end] == '.' {
		if fraction, n = digits(b, end+1, n); fraction == 0 {
			s.bad = true
			return 0
		}
		end += 1 + fraction
	}
	power10 := exponent(b[end:])
	s.rest = b[end+power10:]
	if power10 > 0 || end > exactDigits { // of which the point and the sign are none: fewer digits still
		v, err := strconv.ParseFloat(string(b[:end+power10]), 64)
		if err != nil {
			s.bad = true
		}
		return v
	}
	v := float64(n)
	if fraction > 0 {
		v /= power(fraction)
	}
	if negative {
		v = -v
	}
	return v
}

// exponent returns how long the exponent at the beginning of b is, 0 where there is none: then what stands there instead
// ends the line's reading.
func exponent(b []byte) int {
	if len(b) == 0 || b[0] != 'e' && b[0] != 'E' {
		return 0
	}
	end := 1
	if end < len(b) && (b[end] == '+' || b[end] == '-') {
		end++
	}
	count, _ := digits(b, end, 0)
	if count == 0 {
		return 0
	}
	return end + count
}

// token returns a text with its quotes; plain is false when there is more to it than copying.
func (s *scanner) token() (text []byte, plain bool) {
	if s.bad || len(s.rest) == 0 || s.rest[0] != '"' {
		s.bad = true
		return nil, false
	}
	plain = true
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			text, s.rest = s.rest[:i+1], s.rest[i+1:]
			return text, plain
		case c == '\\':
			plain = false
			i++
		case c < ' ' || c >= 0x80:
			plain = false
		}
	}
	s.bad = true
	return nil, false
}

func (s *scanner) text() (out string) {
	text, plain := s.token()
	switch {
	case s.bad:
	case plain:
		out = string(text[1 : len(text)-1])
	default:
		s.bad = json.Unmarshal(text, &out) != nil
	}
	return out
}

func (s *scanner) time(t *time.Time) {
	text, plain := s.token()
	if s.bad || !plain || t.UnmarshalJSON(text) != nil {
		s.bad = true
	}
}
