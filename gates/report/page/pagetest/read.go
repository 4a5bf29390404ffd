package pagetest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Datum is a number of a page with its place.
type Datum struct {
	Part   string // the heading of its section
	Block  string // the caption of its table, or the title of its chart or flame graph
	Row    string // what the first cell of its row says; in a chart its time in RFC 3339, in a flame graph the frame
	Column string // the head of its column; in a chart the line, in a flame graph "value"
	Text   string // as people read it
	Value  float64
}

// Values returns every number of a page: the cells of tables that have a value, in the order of the page, the points of
// charts, and the frames of flame graphs. It reads the page as XML, which is stricter than browsers are, and fails where
// that fails: a page that package page wrote is both.
func Values(html []byte) ([]Datum, error) {
	root, err := Parse(html)
	if err != nil {
		return nil, err
	}
	var out []Datum
	for _, section := range root.All("section") {
		part := ""
		if h := section.All("h2"); len(h) > 0 {
			part = h[0].Content()
		}
		blocks, err := section.data(part)
		if err != nil {
			return nil, fmt.Errorf("section %q: %w", part, err)
		}
		out = append(out, blocks...)
	}
	return out, nil
}

// data returns the numbers under an element.
func (e *Element) data(part string) ([]Datum, error) {
	var out []Datum
	for _, child := range e.Children {
		var more []Datum
		var err error
		switch {
		case child.Name == "figure" && child.Class("chart"):
			more, err = child.points(part)
		case child.Name == "figure" && child.Class("flame"):
			more, err = child.frames(part)
		case child.Name == "table":
			more, err = child.cells(part)
		default:
			more, err = child.data(part)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// cells returns the numbers of a table, and after each row those of its details.
func (e *Element) cells(part string) ([]Datum, error) {
	var heads []string
	var out []Datum
	caption := ""
	for _, child := range e.Children {
		switch child.Name {
		case "caption":
			caption = child.Content()
		case "thead":
			for _, th := range child.All("th") {
				heads = append(heads, th.Content())
			}
		case "tbody":
			rows, err := child.rows(Datum{Part: part, Block: caption}, heads)
			if err != nil {
				return nil, err
			}
			out = append(out, rows...)
		}
	}
	return out, nil
}

// rows returns the numbers of the rows of a table, and of what opens under them.
func (e *Element) rows(d Datum, heads []string) ([]Datum, error) {
	var out []Datum
	for _, tr := range e.Children {
		var more []Datum
		var err error
		if tr.Class("more") {
			more, err = tr.data(d.Part)
		} else {
			more, err = tr.row(d, heads)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

func (e *Element) row(d Datum, heads []string) ([]Datum, error) {
	if len(e.Children) != len(heads) {
		return nil, fmt.Errorf("table %q: a row has %d cells under %d heads", d.Block, len(e.Children), len(heads))
	}
	var out []Datum
	for i, cell := range e.Children {
		d.Column, d.Text = heads[i], cell.Content()
		if i == 0 {
			d.Row = d.Text
		}
		exact, there := cell.Attributes["data-value"]
		if !there {
			continue
		}
		var err error
		if d.Value, err = strconv.ParseFloat(exact, 64); err != nil {
			return nil, fmt.Errorf("table %q, row %q, column %q: %w", d.Block, d.Row, d.Column, err)
		}
		out = append(out, d)
	}
	return out, nil
}

// points returns the points of a chart, line by line. Gaps are not among them.
func (e *Element) points(part string) ([]Datum, error) {
	var data struct {
		Start float64
		Texts []string
		Lines []struct {
			Name  string
			Time  []float64  `json:"t"`
			Value []*float64 `json:"v"`
			Text  []int      `json:"s"`
		}
	}
	title, err := e.figure(&data)
	if err != nil {
		return nil, err
	}
	var out []Datum
	for _, l := range data.Lines {
		at := data.Start
		for i, v := range l.Value {
			at += l.Time[i]
			if v != nil {
				when := time.UnixMicro(int64(at*1000 + 0.5)).UTC().Format(time.RFC3339Nano)
				out = append(out, Datum{part, title, when, l.Name, data.Texts[l.Text[i]], *v})
			}
		}
	}
	return out, nil
}

// frames returns the frames of a flame graph, each before those under it.
func (e *Element) frames(part string) ([]Datum, error) {
	var data struct {
		Texts []string
		Name  []int     `json:"n"`
		Value []float64 `json:"v"`
		Text  []int     `json:"s"`
	}
	title, err := e.figure(&data)
	if err != nil {
		return nil, err
	}
	var out []Datum
	for i, v := range data.Value {
		out = append(out, Datum{part, title, data.Texts[data.Name[i]], "value", data.Texts[data.Text[i]], v})
	}
	return out, nil
}

// figure reads the data of a figure and returns its title.
func (e *Element) figure(data any) (string, error) {
	heads, scripts := e.All("h3"), e.All("script")
	if len(heads) != 1 || len(scripts) != 1 {
		return "", fmt.Errorf("a figure has %d headings and %d scripts: want one of each", len(heads), len(scripts))
	}
	title := heads[0].Content()
	if err := json.Unmarshal([]byte(scripts[0].Content()), data); err != nil {
		return "", fmt.Errorf("read the data of %q: %w", title, err)
	}
	return title, nil
}

// Element is an element of a page.
type Element struct {
	Name       string
	Attributes map[string]string
	Children   []*Element
	text       []string // before, between and after the children
}

// Class reports whether an element has a class.
func (e *Element) Class(name string) bool {
	for class := range strings.FieldsSeq(e.Attributes["class"]) {
		if class == name {
			return true
		}
	}
	return false
}

// Content returns the text of an element and of all under it, without the space around it.
func (e *Element) Content() string {
	var b strings.Builder
	e.write(&b)
	return strings.TrimSpace(b.String())
}

func (e *Element) write(b *strings.Builder) {
	for i, text := range e.text {
		b.WriteString(text)
		if i < len(e.Children) {
			e.Children[i].write(b)
		}
	}
}

// All returns the elements of a name under e, in the order of the page.
func (e *Element) All(name string) []*Element {
	var out []*Element
	for _, child := range e.Children {
		if child.Name == name {
			out = append(out, child)
		}
		out = append(out, child.All(name)...)
	}
	return out
}

// Parse reads a page as XML. The styles and the script of the kit, which are not XML, are left out.
func Parse(html []byte) (*Element, error) {
	for _, name := range []string{"style", "script"} {
		before, rest, found := bytes.Cut(html, []byte("<"+name+">"))
		_, after, ended := bytes.Cut(rest, []byte("</"+name+">"))
		if !found || !ended {
			return nil, fmt.Errorf("read a page: it has no <%s>", name)
		}
		html = append(bytes.Clone(before), after...)
	}
	d := xml.NewDecoder(bytes.NewReader(html))
	top := &Element{Name: "", text: []string{""}}
	path := []*Element{top}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read a page: %w", err)
		}
		here := path[len(path)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &Element{Name: token.Name.Local, Attributes: make(map[string]string, len(token.Attr)), text: []string{""}}
			for _, a := range token.Attr {
				e.Attributes[a.Name.Local] = a.Value
			}
			here.Children, here.text = append(here.Children, e), append(here.text, "")
			path = append(path, e)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			here.text[len(here.text)-1] += string(token)
		case xml.Comment:
			return nil, errors.New("read a page: it has a comment, which only a stranger can have written")
		}
	}
	return top, nil
}
