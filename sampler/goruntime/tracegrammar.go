package goruntime

// The runtime writes a gctrace line in about forty small writes, one for each argument of print, while the program's
// other threads write to the same stderr. So a line is a row of pieces, and foreign bytes may stand between any two of
// them, but never inside one. This table says which pieces there are and what may follow what; tracematch.go runs it.

// form says how the bytes of a piece look.
type form uint8

const (
	literal  form = iota // exactly text
	whole                // digits
	thousand             // digits, a point, three digits: seconds since start
	millis               // the runtime's milliseconds: 0, 0.0dd, 0.dd, d.d or dd and more
)

// piece is what one print argument of the runtime writes.
type piece struct {
	form form
	text string
	next []int8 // the pieces that may follow, the likeliest first; none after a line's last
	name field
}

// field names the numbers that a cycle is made of.
type field uint8

const (
	noField field = iota
	fieldNumber
	fieldSince
	fieldUtil
	fieldClockSweep
	fieldClockMark
	fieldClockTerm
	fieldBefore
	fieldAfter
	fieldLive
	fieldGoal
	fieldProcs
	fieldForced
	fieldOther // a number whose size is compared with the last line's, and not used otherwise
	fields     = int(fieldOther) + 1
)

// Where lines begin in the table.
const (
	startGC     = 0
	startForced = 41 // "GC forced": the runtime starts a cycle because none ran for two minutes
	startScvg   = 43 // the scavenger's lines of Go 1.13 and before
)

// grammar is the table of pieces. A piece is followed by the one below it where next is not given.
func grammar() []piece {
	g := []piece{
		{literal, "gc ", nil, noField}, // 0
		{whole, "", nil, fieldNumber},
		{literal, " @", nil, noField},
		{thousand, "", nil, fieldSince},
		{literal, "s ", nil, noField},
		{whole, "", nil, fieldUtil}, // 5
		{literal, "%", []int8{7, 8}, noField},
		{literal, " (checking for goroutine leaks)", nil, noField},
		{literal, ": ", nil, noField},
		{millis, "", nil, fieldClockSweep},
		{literal, "+", nil, noField}, // 10
		{millis, "", nil, fieldClockMark},
		{literal, "+", nil, noField},
		{millis, "", nil, fieldClockTerm},
		{literal, " ms clock, ", nil, noField},
		{millis, "", nil, noField}, // 15
		{literal, "+", nil, noField},
		{millis, "", nil, noField},
		{literal, "/", nil, noField},
		{millis, "", nil, noField},
		{literal, "/", nil, noField}, // 20
		{millis, "", nil, noField},
		{literal, "+", nil, noField},
		{millis, "", nil, noField},
		{literal, " ms cpu, ", nil, noField},
		{whole, "", nil, fieldBefore}, // 25
		{literal, "->", nil, noField},
		{whole, "", nil, fieldAfter},
		{literal, "->", nil, noField},
		{whole, "", nil, fieldLive},
		{literal, " MB, ", nil, noField}, // 30
		{whole, "", nil, fieldGoal},
		{literal, " MB goal, ", []int8{33, 37}, noField}, // Go 1.18 added stacks and globals
		{whole, "", nil, fieldOther},
		{literal, " MB stacks, ", nil, noField},
		{whole, "", nil, fieldOther}, // 35
		{literal, " MB globals, ", nil, noField},
		{whole, "", nil, fieldProcs},
		{literal, " P", []int8{39, 40}, noField},
		{literal, " (forced)", nil, fieldForced},
		{literal, "\n", []int8{}, noField}, // 40
		{literal, "GC forced", nil, noField},
		{literal, "\n", []int8{}, noField},
		{literal, "scvg", []int8{44, 45, 55}, noField},
		{whole, "", []int8{45, 55}, noField},
		{literal, ": inuse: ", nil, noField}, // 45
		{whole, "", nil, noField},
		{literal, ", idle: ", nil, noField},
		{whole, "", nil, noField},
		{literal, ", sys: ", nil, noField},
		{whole, "", nil, noField}, // 50
		{literal, ", released: ", nil, noField},
		{whole, "", nil, noField},
		{literal, ", consumed: ", nil, noField},
		{whole, "", []int8{58}, noField},
		{literal, ": ", nil, noField}, // 55
		{whole, "", []int8{57, 59}, noField},
		{literal, " MB released\n", []int8{}, noField},
		{literal, " (MB)\n", []int8{}, noField},
		{literal, " KB released\n", []int8{}, noField},
	}
	for i := range g {
		if g[i].next == nil {
			g[i].next = []int8{int8(i + 1)}
		}
	}
	return g
}

// maxDigits bounds a number, so that it fits the state and an int64.
const maxDigits = 15

// advance returns the state of a piece after one more byte; ok is false when the byte does not belong to it. State 0
// is before its first byte.
func (p *piece) advance(state uint8, b byte) (uint8, bool) {
	digit := b >= '0' && b <= '9'
	switch p.form {
	case literal:
		if int(state) < len(p.text) && p.text[state] == b {
			return state + 1, true
		}
		return 0, false
	case whole:
		return state + 1, digit && state < maxDigits
	case thousand:
		return advanceThousand(state, b, digit)
	}
	return advanceMillis(state, b, digit)
}

// full reports whether the piece may end in this state.
func (p *piece) full(state uint8) bool {
	switch p.form {
	case literal:
		return int(state) == len(p.text)
	case whole:
		return state > 0
	case thousand:
		return state == maxDigits+4
	}
	return state == msZero || state == msThree || state == msTwo || state == msOne || state == msMany
}

func advanceThousand(state uint8, b byte, digit bool) (uint8, bool) {
	switch {
	case state < maxDigits && digit:
		return state + 1, true
	case state > 0 && state <= maxDigits && b == '.':
		return maxDigits + 1, true
	case state > maxDigits && state < maxDigits+4 && digit:
		return state + 1, true
	}
	return 0, false
}

// The states of the runtime's milliseconds.
const (
	msZero      uint8 = iota + 1 // "0"
	msPoint                      // "0."
	msPointZero                  // "0.0"
	msPointZ1                    // "0.0d"
	msThree                      // "0.0dd"
	msPoint1                     // "0.d", d not 0
	msTwo                        // "0.dd"
	msDigit                      // "d", d not 0
	msDigitDot                   // "d."
	msOne                        // "d.d"
	msMany                       // "dd" and more
)

func advanceMillis(state uint8, b byte, digit bool) (uint8, bool) {
	switch {
	case b == '.':
		switch state {
		case msZero:
			return msPoint, true
		case msDigit:
			return msDigitDot, true
		}
		return 0, false
	case !digit:
		return 0, false
	}
	switch state {
	case 0:
		if b == '0' {
			return msZero, true
		}
		return msDigit, true
	case msPoint:
		if b == '0' {
			return msPointZero, true
		}
		return msPoint1, true
	case msPointZero, msPointZ1, msPoint1, msDigitDot:
		return state + 1, true
	case msDigit, msMany:
		return msMany, true
	}
	return 0, false
}
