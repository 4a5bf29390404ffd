package capture

import (
	"errors"
	"fmt"
	"math"
)

// decodeTable reads the line of a table's member.
func decodeTable(raw []byte) (*tableJSON, error) {
	var j *tableJSON
	err := eachLine(raw, func(line []byte) error {
		if j != nil {
			return nil // a future version's
		}
		j = new(tableJSON)
		return decodeLine(line, j)
	})
	if err == nil && j == nil {
		err = errors.New("it is empty")
	}
	return j, err
}

// apply returns the table that j makes of t, which is the table before it and used up; nil before a key.
func (t *table) apply(j *tableJSON) (*table, error) {
	if j.Number == 0 {
		t = &table{number: -1, width: j.Width, texts: []string{""}}
	}
	if t == nil || j.Number != t.number+1 || j.Width != t.width || j.Width < 0 || j.Width > maxWidth {
		return nil, fmt.Errorf("table %d, %d wide, does not follow the one before it", j.Number, j.Width)
	}
	if len(t.texts)+len(j.Texts) > maxTexts || len(t.rows)+len(j.Added) > maxRows {
		return nil, fmt.Errorf("%d texts or %d rows more are too many", len(j.Texts), len(j.Added))
	}
	next := &table{number: j.Number, width: t.width, head: t.head, now: j.Now, texts: t.texts, nodes: t.nodes}
	if j.Number == 0 {
		next.texts = append(next.texts, j.Texts[min(1, len(j.Texts)):]...) // a key repeats the empty text
	} else {
		next.texts = append(next.texts, j.Texts...)
	}
	if j.Head != nil {
		next.head = j.Head
	}
	if err := next.learn(j.Nodes); err != nil {
		return nil, err
	}
	if err := next.arrange(t, j); err != nil {
		return nil, err
	}
	changed, err := j.Changed.indices(len(next.rows))
	if err != nil {
		return nil, fmt.Errorf("changed rows: %w", err)
	}
	if len(j.Increase) != len(changed)*next.width {
		return nil, fmt.Errorf("%d numbers for %d changed rows", len(j.Increase), len(changed))
	}
	for i, at := range changed {
		for x, by := range j.Increase[i*next.width : (i+1)*next.width] {
			if next.row(at)[x] += by; math.IsInf(next.row(at)[x], 0) {
				return nil, fmt.Errorf("changed row %d grows without end", at)
			}
		}
	}
	return next, nil
}

// learn adds nodes.
func (t *table) learn(list ints) error {
	for len(list) > 0 {
		n := list[0]
		if n < 0 || n > int64(len(list)-1) || len(t.nodes) >= maxNodes {
			return fmt.Errorf("node %d has %d numbers, of %d", len(t.nodes), n, len(list)-1)
		}
		t.nodes = append(t.nodes, list[1:1+n:1+n])
		list = list[1+n:]
	}
	return nil
}

// arrange fills the rows: those of before that stay, in their order, and those that are new.
func (t *table) arrange(before *table, j *tableJSON) error {
	removed, err := j.Removed.indices(len(before.rows))
	if err != nil {
		return fmt.Errorf("removed rows: %w", err)
	}
	stays := make([]int, 0, len(before.rows)-len(removed))
	for i := range before.rows {
		if len(removed) > 0 && removed[0] == i {
			removed = removed[1:]
			continue
		}
		stays = append(stays, i)
	}
	if j.Order != nil {
		if stays, err = reorder(stays, j.Order); err != nil {
			return err
		}
	}
	total := len(stays) + len(j.Added)
	addedAt, err := j.AddedAt.indices(total)
	if err != nil || len(addedAt) != len(j.Added) || len(j.Values) != len(j.Added)*t.width {
		return fmt.Errorf("%d new rows at %d places with %d numbers: %w", len(j.Added), len(j.AddedAt), len(j.Values), errors.Join(err, errors.New("they do not go together")))
	}
	t.rows, t.values = make([]int, 0, total), make([]float64, 0, total*t.width)
	for i, used := 0, 0; i < total; i++ {
		if used < len(addedAt) && addedAt[used] == i {
			node := j.Added[used]
			if node < 0 || node >= int64(len(t.nodes)) {
				return fmt.Errorf("new row %d has the identity %d, of %d", used, node, len(t.nodes))
			}
			t.rows = append(t.rows, int(node))
			t.values = append(t.values, j.Values[used*t.width:(used+1)*t.width]...)
			used++
			continue
		}
		was := stays[i-used]
		t.rows = append(t.rows, before.rows[was])
		t.values = append(t.values, before.row(was)...)
	}
	return nil
}

func reorder(stays []int, order ints) ([]int, error) {
	if len(order) != len(stays) {
		return nil, fmt.Errorf("an order of %d rows for %d", len(order), len(stays))
	}
	list := make([]int, len(stays))
	seen := make([]bool, len(stays))
	before := int64(-1)
	for i, step := range order {
		if step > maxRows || step < -maxRows-1 {
			return nil, fmt.Errorf("an order with a step of %d", step)
		}
		before += step + 1
		if before < 0 || before >= int64(len(stays)) || seen[before] {
			return nil, fmt.Errorf("an order with row %d twice, or out of %d", before, len(stays))
		}
		seen[before] = true
		list[i] = stays[before]
	}
	return list, nil
}
