package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/tui/keys"
)

// keymap prints every binding of the dashboard as Markdown, one table a place.
func keymap() []byte {
	var b strings.Builder
	b.WriteString("# Keys of the dashboard\n\n")
	b.WriteString("Generated from `tui/keys` by `go generate ./tui/keys`. The dashboard shows the same with `?`.\n")
	for _, p := range keys.Places() {
		fmt.Fprintf(&b, "\n## %s\n\n| key | does |\n|---|---|\n", p.Title)
		for _, k := range keys.Bindings() {
			if slices.Contains(k.Places, p.Place) {
				fmt.Fprintf(&b, "| %s | %s |\n", "`"+strings.Join(k.Names(), "` `")+"`", k.Help)
			}
		}
	}
	b.WriteString("\nThe mouse: a click chooses a tab, a column to sort by, or a row; a second click on the row opens it; the wheel scrolls.\n")
	return []byte(b.String())
}
