package capture

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// numbers is a list of numbers in JSON. NaN stands for null: what was not read.
type numbers []float64

// MarshalJSON writes whole numbers without a fraction, and refuses infinities.
func (n numbers) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 2+8*len(n)), '[')
	for i, v := range n {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case math.IsNaN(v):
			b = append(b, "null"...)
		case math.IsInf(v, 0):
			return nil, fmt.Errorf("number %d is infinite", i)
		default:
			b = appendNumber(b, v)
		}
	}
	return append(b, ']'), nil
}

func appendNumber(b []byte, v float64) []byte {
	if exact(v) {
		return strconv.AppendInt(b, int64(v), 10)
	}
	if a := math.Abs(v); a < 1e-6 || a >= 1e21 {
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

// exact reports whether v is a whole number that a float64 tells apart from its neighbours.
func exact(v float64) bool { return v == math.Trunc(v) && math.Abs(v) < 1<<53 }

// UnmarshalJSON reads what MarshalJSON writes.
func (n *numbers) UnmarshalJSON(data []byte) error {
	var list numbers
	err := eachElement(data, func(token []byte) error {
		if string(token) == "null" {
			list = append(list, math.NaN())
			return nil
		}
		v, err := strconv.ParseFloat(string(token), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) { // ParseFloat takes "Inf", which JSON does not
			return fmt.Errorf("%s where a number belongs", clip(string(token)))
		}
		list = append(list, v)
		return nil
	})
	*n = list
	return err
}

// ints is a list of whole numbers in JSON.
type ints []int64

// MarshalJSON writes the list.
func (n ints) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 2+4*len(n)), '[')
	for i, v := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, v, 10)
	}
	return append(b, ']'), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (n *ints) UnmarshalJSON(data []byte) error {
	var list ints
	err := eachElement(data, func(token []byte) error {
		v, err := strconv.ParseInt(string(token), 10, 64)
		if err != nil {
			return fmt.Errorf("%s where a whole number belongs", clip(string(token)))
		}
		list = append(list, v)
		return nil
	})
	*n = list
	return err
}

// eachElement calls f for each element of a JSON array that holds no further arrays, objects or texts with commas.
func eachElement(data []byte, f func([]byte) error) error {
	data = bytes.TrimSpace(data)
	if string(data) == "null" {
		return nil
	}
	if len(data) < 2 || data[0] != '[' || data[len(data)-1] != ']' {
		return fmt.Errorf("%s where a list belongs", clip(string(data[:min(len(data), 40)])))
	}
	data = data[1 : len(data)-1]
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	for more := true; more; {
		var token []byte
		token, data, more = bytes.Cut(data, []byte{','})
		if err := f(bytes.TrimSpace(token)); err != nil {
			return err
		}
	}
	return nil
}

// gaps turns rising indices into the distances between them, which pack better: 3, 4, 9 become 3, 0, 4.
func gaps(index []int) ints {
	if len(index) == 0 {
		return nil
	}
	list := make(ints, len(index))
	for i, before := 0, -1; i < len(index); i++ {
		list[i] = int64(index[i] - before - 1)
		before = index[i]
	}
	return list
}

// indices undoes gaps, within [0, most).
func (n ints) indices(most int) ([]int, error) {
	list := make([]int, len(n))
	before := int64(-1)
	for i, gap := range n {
		if gap < -before-1 || gap >= int64(most) || before+gap+1 >= int64(most) {
			return nil, fmt.Errorf("index %d of %d leads out of %d rows", i, len(n), most)
		}
		before += gap + 1
		list[i] = int(before)
	}
	return list, nil
}
