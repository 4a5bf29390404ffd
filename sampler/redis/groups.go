package redis

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alloc-dev/heaptop/sampler"
)

const groupsMost = 1000 // patterns of names that are told apart

// groups sums the keys of a walk by their type and the pattern of their names.
type groups map[groupName]*sampler.KeyGroup

type groupName struct{ pattern, kind string }

// add counts a key by its whole name. A new pattern beyond those that are told apart counts without one.
func (g groups) add(key string, k sampler.KeySize) {
	name := groupName{pattern(key[:min(len(key), keyMost)]), k.Type}
	at := g[name]
	if at == nil && len(g) >= groupsMost {
		name.pattern = ""
		at = g[name]
	}
	if at == nil {
		at = &sampler.KeyGroup{Pattern: name.pattern, Type: k.Type}
		g[name] = at
	}
	at.Keys++
	at.Bytes += k.Bytes
}

// largest lists the groups, the one with the most memory first.
func (g groups) largest() []sampler.KeyGroup {
	list := make([]sampler.KeyGroup, 0, len(g))
	for _, x := range g {
		list = append(list, *x)
	}
	slices.SortFunc(list, func(a, b sampler.KeyGroup) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Pattern, b.Pattern), strings.Compare(a.Type, b.Type))
	})
	return list
}

// pattern puts a star in the place of each part of a name that has a digit in it, or is no text: what tells one key from
// another of its sort. Parts stand between the marks that people divide names with; stars beside each other are one.
func pattern(key string) string {
	var out strings.Builder
	star := false
	for rest := key; ; {
		end := strings.IndexAny(rest, ":/|.-_#@,; {}")
		part := rest
		if end >= 0 {
			part = rest[:end]
		}
		one := unlike(part)
		if !one || !star {
			if one {
				part = "*"
			}
			out.WriteString(part)
		}
		if end < 0 {
			return out.String()
		}
		star = one && end+1 < len(rest) && unlike(until(rest[end+1:]))
		if !star {
			out.WriteByte(rest[end])
		}
		rest = rest[end+1:]
	}
}

// until is the first part of what is left of a name.
func until(rest string) string {
	if end := strings.IndexAny(rest, ":/|.-_#@,; {}"); end >= 0 {
		return rest[:end]
	}
	return rest
}

// unlike reports whether a part of a name is what tells keys apart.
func unlike(part string) bool {
	return strings.ContainsFunc(part, func(r rune) bool { return r >= '0' && r <= '9' || r < ' ' || r == 0x7f }) || !utf8.ValidString(part)
}
