package capture

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// A table is what a profile, a list of goroutines, of mappings or of processes comes down to: rows in an order, each
// with an identity (a stack, a name) and some numbers. A recording has each table as its difference from the one before:
// rows that are new, gone or changed. Every so often one is written whole, the key, so that reading begins there.
//
// Identities are nodes: lists of whole numbers that refer to texts and to other nodes. What a list means is up to the
// kind of table. Texts and nodes are written once and are known until the next key.

// What a table may hold.
const (
	maxTexts    = 1 << 20
	maxNodes    = 1 << 20
	maxRows     = 1 << 20
	maxWidth    = 16
	maxExpanded = 8 << 20 // references, when the stacks of a profile are written out
	maxFrames   = 2 << 20 // the same of goroutines
)

// keyEvery is how many tables follow each other before one is whole again.
const keyEvery = 32

// tableJSON is the line of a table's member.
type tableJSON struct {
	Number   int             `json:"number"` // counted from the key, which is 0
	Width    int             `json:"width"`  // numbers in a row
	Head     json.RawMessage `json:"head,omitempty"`
	Now      nowJSON         `json:"now"`
	Texts    []string        `json:"texts,omitempty"`
	Nodes    ints            `json:"nodes,omitempty"`   // each its length and its numbers
	Removed  ints            `json:"removed,omitempty"` // gaps between rows of the table before
	Order    ints            `json:"order,omitempty"`   // of those that stay, when it is another: distances, 0 for the next
	AddedAt  ints            `json:"added_at,omitempty"`
	Added    ints            `json:"added,omitempty"` // nodes
	Values   numbers         `json:"values,omitempty"`
	Changed  ints            `json:"changed,omitempty"` // gaps between rows
	Increase numbers         `json:"increase,omitempty"`
}

// nowJSON is what each table tells anew.
type nowJSON struct {
	Time     time.Time     `json:"time"`
	Took     time.Duration `json:"took_ns,omitempty"`
	Source   string        `json:"source,omitempty"`
	Clock    int64         `json:"clock_ns,omitempty"`    // the profile's own time
	Duration int64         `json:"duration_ns,omitempty"` // of the profile
	Total    int           `json:"total,omitempty"`
	Machine  *machineJSON  `json:"machine,omitempty"`
	Warnings []string      `json:"warnings,omitempty"`
	Whole    []byte        `json:"whole,omitempty"` // a profile that is not understood, as it came
}

// table is one table. Rows index nodes; row i has values[i*width:(i+1)*width], NaN for what is unknown.
type table struct {
	number int
	width  int
	head   json.RawMessage
	now    nowJSON
	texts  []string
	nodes  []ints
	rows   []int
	values []float64
}

func (t *table) row(i int) []float64 { return t.values[i*t.width : (i+1)*t.width] }

// chain is the writer's side: the texts and nodes that are known to the reader, and the table it has.
type chain struct {
	texts  map[string]int
	nodes  map[string]int
	last   *table
	added  tableJSON // what is new for the reader
	packed []byte    // of a node, for looking it up
}

func newChain() *chain {
	c := &chain{texts: make(map[string]int), nodes: make(map[string]int)}
	c.text("")
	return c
}

// text returns the number of a text.
func (c *chain) text(s string) int64 {
	if n, ok := c.texts[s]; ok {
		return int64(n)
	}
	n := len(c.texts)
	c.texts[s] = n
	c.added.Texts = append(c.added.Texts, s)
	return int64(n)
}

// node returns the number of a node.
func (c *chain) node(list ...int64) int64 {
	c.packed = c.packed[:0]
	for _, v := range list {
		c.packed = binary.AppendVarint(c.packed, v)
	}
	if n, ok := c.nodes[string(c.packed)]; ok {
		return int64(n)
	}
	n := len(c.nodes)
	c.nodes[string(c.packed)] = n
	c.added.Nodes = append(append(c.added.Nodes, int64(len(list))), list...)
	return int64(n)
}

// tableOf makes a member of what fill puts into a table. Width, head and now are the table's; its nodes belong to the
// chain.
func (p *packer) tableOf(k kind, width int, now nowJSON, fill func(*chain, *table) error) (member, error) {
	at, ok := instant(now.Time)
	if !ok {
		return member{}, fmt.Errorf("%v at %v cannot be recorded", k, now.Time)
	}
	c := p.chains[k]
	if c == nil || c.last.width != width || c.last.number+1 >= keyEvery || len(c.nodes) > 4*(len(c.last.rows)+1024) {
		c = newChain()
	}
	p.chains[k] = nil // unless all goes well
	next := &table{width: width, now: now}
	if err := fill(c, next); err != nil {
		return member{}, err
	}
	if len(c.texts) > maxTexts || len(c.nodes) > maxNodes || len(next.rows) > maxRows {
		return member{}, fmt.Errorf("%v: %d rows, %d texts or %d nodes are more than a recording may hold",
			k, len(next.rows), len(c.texts), len(c.nodes))
	}
	j := c.difference(next)
	if err := p.line(j); err != nil {
		p.lines.Reset()
		return member{}, fmt.Errorf("%v: %w", k, err)
	}
	m, err := p.seal(entry{kind: k, key: next.number == 0, count: len(next.rows), from: at, to: at})
	if err == nil {
		p.chains[k] = c
	}
	return m, err
}

// difference returns what makes next of the last table, and makes next the last.
func (c *chain) difference(next *table) tableJSON {
	before := c.last
	if before == nil {
		before = &table{number: -1, width: next.width}
	}
	next.number = before.number + 1
	j := c.added
	c.added = tableJSON{}
	j.Number, j.Width, j.Now = next.number, next.width, next.now
	if string(before.head) != string(next.head) {
		j.Head = next.head
	}
	matched := match(before, next)
	var stays, addedAt []int
	for i, was := range matched {
		if was < 0 {
			addedAt = append(addedAt, i)
			j.Added = append(j.Added, int64(next.rows[i]))
			j.Values = append(j.Values, next.row(i)...)
			continue
		}
		stays = append(stays, was)
	}
	j.AddedAt = gaps(addedAt)
	j.Removed, j.Order = removal(stays, len(before.rows))
	var changed []int
	for i, was := range matched {
		if was < 0 || slices.EqualFunc(before.row(was), next.row(i), same) {
			continue
		}
		changed = append(changed, i)
		for x, v := range next.row(i) {
			j.Increase = append(j.Increase, increase(before.row(was)[x], v))
		}
	}
	j.Changed = gaps(changed)
	c.last = next
	return j
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// increase returns what makes b of a. What is unknown stays so.
func increase(a, b float64) float64 {
	if same(a, b) {
		return 0
	}
	return b - a
}

// match returns which row of before each row of next was; -1 for a new one. A row whose numbers cannot be reached by
// adding is a new one too.
func match(before, next *table) []int {
	where := make(map[int][]int, len(before.rows))
	for i, node := range before.rows {
		where[node] = append(where[node], i)
	}
	matched := make([]int, len(next.rows))
	for i, node := range next.rows {
		matched[i] = -1
		list := where[node]
		if len(list) == 0 {
			continue
		}
		where[node] = list[1:]
		if slices.EqualFunc(before.row(list[0]), next.row(i), func(a, b float64) bool { return same(a, b) || a+(b-a) == b }) {
			matched[i] = list[0]
		}
	}
	return matched
}

// removal returns which of n rows are not among those that stay, and the order of these, nil when it is the same.
func removal(stays []int, n int) (removed, order ints) {
	rank := make([]int, n)
	for i := range rank {
		rank[i] = -1
	}
	for _, was := range stays {
		rank[was] = 0
	}
	var gone []int
	kept := 0
	for was := range rank {
		if rank[was] < 0 {
			gone = append(gone, was)
			continue
		}
		rank[was] = kept
		kept++
	}
	if slices.IsSorted(stays) {
		return gaps(gone), nil
	}
	order = make(ints, len(stays))
	before := -1
	for i, was := range stays {
		order[i] = int64(rank[was] - before - 1)
		before = rank[was]
	}
	return gaps(gone), order
}
