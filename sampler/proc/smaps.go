package proc

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// The Go runtime places its heap from here on where the address is free (0x00c0<<32 in runtime/malloc.go); from Go
// 1.25 on mappings carry names, and from Go 1.26 on the place is random.
const (
	goHeapBegin = 0xc000000000
	goHeapEnd   = 0x10000000000
)

// maxNames bounds how many different names are kept; the rest is summed as otherMappings.
const (
	maxNames      = 16384
	otherMappings = "[other mappings]"
)

// mappingKey keeps anonymous memory of the Go runtime apart from other anonymous memory.
type mappingKey struct {
	name   string
	golang bool
}

// parseSmaps sums /proc/PID/smaps by name, the largest RSS first; anonymous memory within heap, which is ascending, is
// Go's. Memory is bounded whatever r holds.
func parseSmaps(r io.Reader, heap []sampler.Range) ([]sampler.Mapping, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	list := make([]sampler.Mapping, 0, 64)
	index := make(map[mappingKey]int, 64)
	current := -1
	for {
		line, err := readLine(in)
		if len(line) > 0 {
			if size, name, golang, ok := parseMappingHeader(line, heap); ok {
				current = findMapping(&list, index, name, golang)
				list[current].Count++
				list[current].Size += size
			} else if current >= 0 {
				addMappingField(&list[current], line)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if current < 0 && len(list) == 0 {
		return list, nil
	}
	slices.SortStableFunc(list, func(a, b sampler.Mapping) int {
		switch {
		case a.RSS > b.RSS:
			return -1
		case a.RSS < b.RSS:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list, nil
}

// readLine returns the next line without its newline. What of a line exceeds the reader's buffer is left out.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line = bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
	}
	return bytes.TrimSuffix(line, []byte{'\n'}), err
}

// parseMappingHeader reads "begin-end perms offset device inode name". The name is what stands after the padding, blanks
// inside included.
func parseMappingHeader(line []byte, heap []sampler.Range) (size float64, name []byte, golang, ok bool) {
	span, rest := nextWord(line)
	from, to, found := bytes.Cut(span, []byte{'-'})
	begin, ok1 := parseHex(from)
	end, ok2 := parseHex(to)
	if !found || !ok1 || !ok2 || end < begin {
		return 0, nil, false, false
	}
	for range 4 {
		_, rest = nextWord(rest)
	}
	name = bytes.TrimLeft(rest, " \t")
	golang = bytes.HasPrefix(name, []byte("[anon: Go: ")) ||
		(len(name) == 0 && (within(begin, heap) || begin >= goHeapBegin && begin < goHeapEnd))
	return float64(end - begin), name, golang, true
}

// within reports whether an address lies in one of the ranges, which are ascending.
func within(address uint64, ranges []sampler.Range) bool {
	i, exact := slices.BinarySearchFunc(ranges, address, func(r sampler.Range, a uint64) int { return cmp.Compare(r.Begin, a) })
	return exact || i > 0 && address < ranges[i-1].End
}

func findMapping(list *[]sampler.Mapping, index map[mappingKey]int, name []byte, golang bool) int {
	if i, ok := index[mappingKey{string(name), golang}]; ok {
		return i
	}
	text := string(name)
	if len(*list) >= maxNames {
		text, golang = otherMappings, false
		if i, ok := index[mappingKey{text, golang}]; ok {
			return i
		}
	}
	*list = append(*list, sampler.Mapping{
		Name: text, Go: golang,
		Stack: strings.HasPrefix(text, "[stack") || strings.HasPrefix(text, "[anon:stack_and_tls:"),
	})
	index[mappingKey{text, golang}] = len(*list) - 1
	return len(*list) - 1
}

func addMappingField(m *sampler.Mapping, line []byte) {
	key, value, _ := nextField(line)
	var to *float64
	switch string(key) {
	case "Rss":
		to = &m.RSS
	case "Pss":
		to = &m.PSS
	case "Private_Clean", "Private_Dirty", "Private_Hugetlb":
		to = &m.Private
	case "Anonymous":
		to = &m.Anon
	case "Swap":
		to = &m.Swap
	default:
		return
	}
	*to += parseSize(value).Value
}

// errTooSoon tells how long the time budget asks to wait.
func errTooSoon(path, wait string) error {
	return fmt.Errorf("read %s again in %s: %w", path, wait, sampler.ErrBudget)
}
