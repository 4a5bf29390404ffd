package overhead

import (
	"fmt"
	"strconv"
	"strings"
)

// The parts of a document. An object keeps the order of its members.
type (
	object []member
	list   []any
	member struct {
		name  string
		value any // int, float64, bool, string, object or list
	}
)

// text is the JSON of an object with these gaps behind colons and commas.
func (o object) text(colon, comma string) string {
	var b strings.Builder
	write(&b, o, colon, comma)
	return b.String()
}

func write(b *strings.Builder, v any, colon, comma string) {
	switch v := v.(type) {
	case object:
		for i, m := range v {
			b.WriteString([]string{"," + comma, "{"}[first(i)] + strconv.Quote(m.name) + ":" + colon)
			write(b, m.value, colon, comma)
		}
		b.WriteByte('}')
	case list:
		for i, e := range v {
			b.WriteString([]string{"," + comma, "["}[first(i)])
			write(b, e, colon, comma)
		}
		b.WriteByte(']')
	case string:
		b.WriteString(strconv.Quote(v)) // the documents hold letters and digits alone
	default:
		b.WriteString(scalar(v))
	}
}

func first(i int) int {
	if i == 0 {
		return 1
	}
	return 0
}

// scalar is a number, a truth value or a text without quotes. A fraction keeps its point: 3.0 is no whole number.
func scalar(v any) string {
	f, ok := v.(float64)
	if !ok {
		return fmt.Sprint(v)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// Field is a leaf of a document: the path of names and positions to it, between dots, and its value as text.
type Field struct{ Path, Value string }

// flatten returns the leaves of a document in its order: {"a":{"b":[1]}} is a.b.0 = 1.
func flatten(v any) []Field { return leaves(nil, "", v) }

func leaves(out []Field, path string, v any) []Field {
	under := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	switch v := v.(type) {
	case object:
		for _, m := range v {
			out = leaves(out, under(m.name), m.value)
		}
	case list:
		for i, e := range v {
			out = leaves(out, under(strconv.Itoa(i)), e)
		}
	default:
		out = append(out, Field{path, scalar(v)})
	}
	return out
}
