package goruntime

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	maxGroups  = 10_000     // groups kept; the rest is counted
	maxLine    = 64 << 10   // of a text page; a longer one is cut
	maxFrames  = 1_000      // of one stack
	maxCounted = 10_000_000 // goroutines that a page may claim of one stack
)

// grouping collects goroutines by stack and state.
type grouping struct {
	groups  []sampler.GoroutineGroup
	byKey   map[string]int
	total   int
	dropped int
	key     []byte   // of the goroutine being read
	lines   [][]byte // of its stack, in turns a function and its place
	spare   [][]byte // memory for lines
}

func newGrouping() *grouping { return &grouping{byKey: make(map[string]int)} }

// line keeps a copy of one line of a stack.
func (g *grouping) line(b []byte) {
	if len(g.lines) >= 2*maxFrames {
		return
	}
	if len(g.spare) == len(g.lines) {
		g.spare = append(g.spare, nil)
	}
	n := len(g.lines)
	g.spare[n] = append(g.spare[n][:0], b...)
	g.lines = append(g.lines, g.spare[n])
}

// add counts the goroutines whose lines were kept, and forgets the lines.
func (g *grouping) add(count int, state string, wait sampler.Reading) {
	g.total += count
	g.key = append(append(g.key[:0], state...), 0)
	for _, l := range g.lines {
		g.key = append(append(g.key, l...), 0)
	}
	i, found := g.byKey[string(g.key)]
	switch {
	case !found && len(g.groups) == maxGroups:
		g.dropped += count
		g.lines = g.lines[:0]
		return
	case !found:
		i = len(g.groups)
		g.byKey[string(g.key)] = i
		grp := sampler.GoroutineGroup{State: state, WaitMin: wait, WaitMax: wait}
		grp.Stack, grp.CreatedBy = g.frames()
		g.groups = append(g.groups, grp)
	default:
		merge(&g.groups[i], wait)
	}
	g.groups[i].Count += count
	g.lines = g.lines[:0]
}

// merge counts in another goroutine's waiting time. One that is unknown may be any, so it leaves no least known.
func merge(grp *sampler.GoroutineGroup, wait sampler.Reading) {
	if !wait.OK {
		grp.WaitMin = wait
		return
	}
	if grp.WaitMin.OK && wait.Value < grp.WaitMin.Value {
		grp.WaitMin = wait
	}
	if !grp.WaitMax.OK || wait.Value > grp.WaitMax.Value {
		grp.WaitMax = wait
	}
}

// frames turns the lines into a stack and who started it.
func (g *grouping) frames() (stack []sampler.Frame, createdBy sampler.Frame) {
	for i := 0; i+1 < len(g.lines); i += 2 {
		name, created := bytes.CutPrefix(g.lines[i], []byte("created by "))
		f := place(g.lines[i+1])
		f.Function = string(name)
		if created {
			createdBy = f
		} else {
			stack = append(stack, f)
		}
	}
	return stack, createdBy
}

// place reads file:line.
func place(b []byte) sampler.Frame {
	i := bytes.LastIndexByte(b, ':')
	if i < 0 {
		return sampler.Frame{File: string(b)}
	}
	line, err := strconv.Atoi(string(b[i+1:]))
	if err != nil || line < 0 {
		return sampler.Frame{File: string(b)}
	}
	return sampler.Frame{File: string(b[:i]), Line: line}
}

// result sorts the groups, the largest first.
func (g *grouping) result(into *sampler.Goroutines) {
	slices.SortStableFunc(g.groups, func(a, b sampler.GoroutineGroup) int { return cmp.Compare(b.Count, a.Count) })
	into.Groups, into.Total = g.groups, g.total
	if g.dropped > 0 {
		into.Warnings = append(into.Warnings, fmt.Errorf("%d goroutines in further groups are left out: only the first %d different stacks are kept", g.dropped, maxGroups))
	}
}

// eachLine calls f with each line of r, without its end, cut at maxLine. What f gets is valid until it returns.
func eachLine(r io.Reader, f func(line []byte) error) error {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := br.ReadSlice('\n')
		cut := errors.Is(err, bufio.ErrBufferFull)
		if len(line) > 0 {
			if e := f(bytes.TrimRight(line, "\r\n")); e != nil {
				return e
			}
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = br.ReadSlice('\n')
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !cut:
			return err
		case err != nil:
			return fmt.Errorf("behind a long line: %w", err)
		}
	}
}

// errNotGoroutines says that a page is no list of goroutines.
var errNotGoroutines = errors.New("not a goroutine profile of Go")

// parseStacks reads the text of goroutine?debug=2: every goroutine with its state and how many minutes it has waited.
func parseStacks(r io.Reader, into *sampler.Goroutines) error {
	g := newGrouping()
	var state string
	var wait sampler.Reading
	in, some := false, false
	end := func() {
		if in {
			g.add(1, state, wait)
		}
		in = false
	}
	err := eachLine(r, func(line []byte) error {
		switch {
		case len(line) == 0:
			end()
		case !in:
			s, w, ok := parseHeader(line)
			if !ok && !some {
				return errNotGoroutines
			}
			if ok {
				state, wait, in, some = s, w, true, true
				g.lines = g.lines[:0]
			}
		case line[0] == '\t':
			if len(g.lines)%2 == 1 {
				g.line(cutOffset(line[1:]))
			}
		case len(g.lines)%2 == 0:
			if name, ok := functionName(line); ok {
				g.line(name)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	end()
	if !some {
		return errNotGoroutines
	}
	g.result(into)
	return nil
}

// parseHeader reads `goroutine 12 [chan receive, 5 minutes, locked to thread]:`.
func parseHeader(line []byte) (state string, wait sampler.Reading, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("goroutine "))
	open, shut := bytes.IndexByte(rest, '['), bytes.LastIndexByte(rest, ']')
	if !ok || open < 0 || shut < open {
		return "", wait, false
	}
	first := true
	for part := range bytes.SplitSeq(rest[open+1:shut], []byte(", ")) {
		if first {
			first = false
			for _, mark := range []string{" (scan)", " (durable)", " (leaked)"} {
				part = bytes.TrimSuffix(part, []byte(mark))
			}
			state = string(part)
			continue
		}
		if number, found := bytes.CutSuffix(part, []byte(" minutes")); found {
			if n, err := strconv.ParseUint(string(number), 10, 32); err == nil {
				wait = sampler.Known(float64(n) * 60)
			}
		}
	}
	return state, wait, true
}

// functionName cuts the arguments off a call, and the number off who created it.
func functionName(line []byte) ([]byte, bool) {
	if bytes.HasPrefix(line, []byte("created by ")) {
		if i := bytes.LastIndex(line, []byte(" in goroutine ")); i >= 0 {
			line = line[:i]
		}
		return line, true
	}
	i := bytes.LastIndexByte(line, '(')
	if i <= 0 || line[len(line)-1] != ')' {
		return nil, false // "...additional frames elided..." and the like
	}
	return line[:i], true
}

// cutOffset cuts ` +0x1d` and what follows it off a place.
func cutOffset(line []byte) []byte {
	if i := bytes.LastIndex(line, []byte(" +0x")); i >= 0 {
		return line[:i]
	}
	return line
}

// parseCounted reads the text of goroutine?debug=1: stacks with their number, without states. It costs the target less.
func parseCounted(r io.Reader, into *sampler.Goroutines) error {
	g := newGrouping()
	count, started := 0, false
	end := func() {
		if count > 0 {
			g.add(count, "", sampler.Reading{})
		}
		count = 0
	}
	err := eachLine(r, func(line []byte) error {
		switch {
		case !started:
			if !bytes.HasPrefix(line, []byte("goroutine profile: total ")) {
				return errNotGoroutines
			}
			started = true
		case len(line) == 0:
			end()
		case line[0] != '#':
			end()
			number, _, _ := bytes.Cut(line, []byte(" @"))
			n, err := strconv.Atoi(string(number))
			if err != nil || n < 1 || n > maxCounted {
				return fmt.Errorf("%w: %.40q", errNotGoroutines, line)
			}
			count = n
			g.lines = g.lines[:0]
		case bytes.HasPrefix(line, []byte("#\t0x")):
			countedFrame(g, line)
		}
		return nil
	})
	if err != nil {
		return err
	}
	end()
	if !started {
		return errNotGoroutines
	}
	g.result(into)
	return nil
}

// countedFrame reads "#\t0x43\tmain.f+0x1d\t\t/x.go:12".
func countedFrame(g *grouping, line []byte) {
	parts := bytes.FieldsFunc(line[2:], func(r rune) bool { return r == '\t' })
	if len(parts) < 3 {
		return
	}
	name := parts[1]
	if i := bytes.LastIndex(name, []byte("+0x")); i > 0 {
		name = name[:i]
	}
	g.line(name)
	g.line(parts[2])
}
