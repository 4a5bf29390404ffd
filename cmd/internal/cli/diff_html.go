package cli

import (
	"strings"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// diffPage is the comparison as a page: the lists of the other formats, and what the later side holds as a flame graph.
func diffPage(d *analysis.Diff, top int) *page.Page {
	r := newDiffReport(d, top, maxTop)
	p := &page.Page{Title: "Memory compared", Notes: r.Warnings}
	for _, s := range r.Sides {
		p.Facts = append(p.Facts, sideFacts(&s, r.Later)...)
	}
	if r.Filter != "" {
		p.Facts = append(p.Facts, page.Fact{Name: "filter", Value: r.Filter, Code: true})
	}
	flames := diffFlames(d)
	for i := range r.Lists {
		p.Parts = append(p.Parts, listPart(&r.Lists[i]))
		if i == 0 {
			p.Parts = append(p.Parts, flames...)
		}
	}
	return p
}

func sideFacts(s *diffSide, later string) []page.Fact {
	facts := []page.Fact{{Name: s.Word, Value: s.Name, Code: true}}
	when := s.Time
	if s.Word == "to" && later != "" {
		when = strings.TrimPrefix(when+", "+later, ", ")
	}
	for _, f := range []page.Fact{
		{Name: s.Word + ", read at", Value: when}, {Name: s.Word + ", program", Value: s.Program, Code: true}, {Name: s.Word + ", note", Value: s.Note},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

// columnHint is the definition of a column of changes.
func columnHint(title string) string {
	switch title {
	case "CHANGE":
		return "after less before"
	case "±":
		return "two standard deviations of the change by sampling: a smaller change is not told from chance"
	case "%":
		return "the change, of what was there before"
	case "FROM":
		return "before"
	case "TO":
		return "after"
	}
	return ""
}

// listPart is a list of changes as a section with one table, what it is of first.
func listPart(l *diffList) page.Part {
	part := page.Part{Title: l.Title, Note: l.Note}
	if len(l.Rows) == 0 {
		if l.More != "" {
			part.Blocks = append(part.Blocks, page.Text{Text: l.More, Tone: page.Faint})
		}
		return part
	}
	last := len(l.Columns) - 1
	of := strings.ToLower(l.Columns[last].Title)
	t := &page.Table{Caption: "Changes, by " + of, More: l.More, Columns: []page.Column{{Title: of, Code: l.Columns[last].Code}}}
	switch of {
	case "what":
		t.Caption = "The main figures"
	case "objects of":
		t.Caption = "Changes, by the size of objects"
	}
	for _, c := range l.Columns[:last] {
		t.Columns = append(t.Columns, page.Column{Title: strings.ToLower(c.Title), Hint: columnHint(c.Title), Number: true})
	}
	for i := range l.Rows {
		t.Rows = append(t.Rows, listRow(&l.Rows[i]))
	}
	part.Blocks = append(part.Blocks, t)
	return part
}

func listRow(r *diffRow) page.Row {
	last := len(r.Cells) - 1
	row := page.Row{Cells: []page.Cell{{Text: r.Cells[last]}}}
	for i, text := range r.Cells[:last] {
		cell := page.Cell{Text: text, Value: r.Values[i].Pointer()}
		if i == 0 {
			cell.Tone = [...]page.Tone{page.Down, page.Plain, page.Up}[r.Sign+1]
		}
		row.Cells = append(row.Cells, cell)
	}
	if r.Detail != "" {
		row.Detail = append(row.Detail, page.Text{Text: r.Detail, Tone: page.Faint})
	}
	frames := make([]string, len(r.Stack))
	for i, f := range r.Stack {
		frames[i] = f.Full
	}
	row.Detail = append(row.Detail, stackBlocks(frames)...)
	return row
}

// stackBlocks is a stack, innermost first, as what opens under a row; nothing for an empty one.
func stackBlocks(frames []string) []page.Block {
	if len(frames) == 0 {
		return nil
	}
	facts := page.Facts{}
	for i, f := range frames {
		name := "called by"
		if i == 0 {
			name = "in"
		}
		facts = append(facts, page.Fact{Name: name, Value: f, Code: true})
	}
	return []page.Block{facts}
}

// diffFlames are what is in use on the later side, coloured by how it changed, and what came and went. There are none
// where a side has no heap profile.
func diffFlames(d *analysis.Diff) []page.Part {
	if d.Joined == nil || d.Joined.From == nil {
		return nil
	}
	changes, err := d.Joined.Flame(profile.MeasureChange, d.Filter)
	if err != nil {
		return nil
	}
	var flames []page.Part
	if root, err := d.Joined.Flame(profile.MeasureInUse, d.Filter); err == nil && root.Bytes > 0 {
		f := newFlame("What is in use after it, by who allocated it", root, changes, flameShare)
		f.Note = joinSentences("Widths are bytes in use on the later side; the colour says what grew and what shrank.", f.Note)
		flames = append(flames, page.Part{Title: "Flame graph, in use", Blocks: []page.Block{f}})
	}
	if changes.Bytes > 0 {
		f := newFlame("What came and went, by who allocated it", changes, changes, flameShare)
		f.Note = joinSentences("Widths are what grew and what shrank together, by stack: "+unit.Bytes(changes.Grown)+" came, "+unit.Bytes(changes.Shrunk)+" went.", f.Note)
		flames = append(flames, page.Part{Title: "Flame graph of the changes", Blocks: []page.Block{f}, Folded: true})
	}
	return flames
}

func joinSentences(a, b string) string { return strings.TrimSpace(a + " " + b) }
