package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/alloc-dev/heaptop/gates/internal/printable"
)

//go:embed assets
var assets embed.FS

// Write writes a page as one HTML file of less than MaxBytes. Texts are cleaned and escaped; addresses that are not http
// or https, or carry a password, are printed and not linked. What is left out to keep the size is told on the page. It
// fails if a chart or flame graph has no Format, if a table has no caption, and with the error of w. It does not change p,
// and may be called by several goroutines.
func Write(w io.Writer, p *Page) error {
	if p == nil {
		return errors.New("write page: there is none")
	}
	if err := checkParts(p.Parts); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	kit, err := loaded()
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	data, err := kit.fit(p)
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

func checkParts(parts []Part) error {
	for _, part := range parts {
		if err := checkBlocks(part.Blocks); err != nil {
			return fmt.Errorf("section %q: %w", clean(part.Title), err)
		}
	}
	return nil
}

// checkBlocks refuses what was put together wrongly.
func checkBlocks(blocks []Block) error {
	for _, b := range blocks {
		switch b := b.(type) {
		case *Table:
			if b.Caption == "" {
				return errors.New("a table has no caption")
			}
			for _, r := range b.Rows {
				if err := checkBlocks(r.Detail); err != nil {
					return err
				}
			}
		case *Chart:
			if b.Format == nil {
				return fmt.Errorf("chart %q has no format", clean(b.Title))
			}
		case *Flame:
			if b.Format == nil {
				return fmt.Errorf("flame graph %q has no format", clean(b.Title))
			}
		}
	}
	return nil
}

// kit is what all pages have in common.
type kit struct {
	page        *template.Template
	css, script string
}

// loaded returns the kit, read once.
var loaded = sync.OnceValues(loadKit)

func loadKit() (*kit, error) {
	k := &kit{}
	for _, f := range []struct {
		into  *string
		names []string
	}{
		{&k.css, []string{"base.css", "blocks.css"}},
		{&k.script, []string{"core.js", "table.js", "chart.js", "flame.js"}},
	} {
		var b strings.Builder
		for _, name := range f.names {
			data, err := assets.ReadFile("assets/" + name)
			if err != nil {
				return nil, err
			}
			// A parser of HTML makes one character of the two, which would break the hash.
			b.WriteString(strings.ReplaceAll(string(data), "\r\n", "\n"))
		}
		*f.into = b.String()
	}
	k.css += shareRules()
	k.script = "(() => {\n\"use strict\";\n" + k.script + "})();\n"
	var err error
	k.page, err = template.New("page.html").Option("missingkey=error").ParseFS(assets, "assets/*.html")
	return k, err
}

// shareRules are the classes of bars behind figures: a policy without inline styles leaves no other way.
func shareRules() string {
	var b strings.Builder
	for i := 1; i <= 100; i++ {
		b.WriteString(".s" + strconv.Itoa(i) + "{--s:" + strconv.Itoa(i) + "%}")
	}
	return b.String() + "\n"
}

// policy is the content security policy: nothing is loaded, and only our style and script run.
func (k *kit) policy() string {
	return "default-src 'none'; style-src '" + hash(k.css) + "'; script-src '" + hash(k.script) +
		"'; img-src data:; base-uri 'none'; form-action 'none'"
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// fit renders the page, with less of it as long as it is too large.
func (k *kit) fit(p *Page) ([]byte, error) {
	l := full()
	for range 12 {
		data, used, err := k.render(p, l)
		if err != nil || len(data) < MaxBytes {
			return data, err
		}
		fixed := len(k.css) + len(k.script)
		l = l.tighter(used, float64(len(data)-fixed)/float64(MaxBytes-fixed))
	}
	return nil, fmt.Errorf("it does not fit into %d bytes, however much of it is left out", MaxBytes)
}

// render renders a page within limits, however large it becomes. It returns how much of the limits it used.
func (k *kit) render(p *Page, l limits) ([]byte, limits, error) {
	var b bytes.Buffer
	v, used := newView(p, l)
	v.Policy, v.CSS, v.Script = k.policy(), template.CSS(k.css), template.JS(k.script)
	if err := k.page.Execute(&b, v); err != nil {
		return nil, used, err
	}
	return b.Bytes(), used, nil
}

// clean makes a text safe for an error.
func clean(s string) string { return printable.Line(s) }
