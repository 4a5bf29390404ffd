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
				fmt.Fprintf(&b, "| %s | %s |\n", labels(k), k.Help)
			}
		}
	}
	b.WriteString("\nThe mouse: a click chooses a tab, a column to sort by, or a row; a second click on the row opens it; the wheel scrolls.\n")
	return []byte(b.String())
}

// labels names a binding's keys, those first that the label shows.
func labels(k keys.Binding) string {
	shown := make([]string, 0, len(k.Keys))
	for _, key := range k.Keys {
		shown = append(shown, "`"+keyName(key)+"`")
	}
	return strings.Join(shown, " ")
}

// keyName is a key as a keyboard has it.
func keyName(key string) string {
	names := map[string]string{
		"enter": "Enter", "esc": "Esc", "tab": "Tab", "shift+tab": "Shift-Tab", "ctrl+c": "Ctrl-C", "up": "↑", "down": "↓",
		"left": "←", "right": "→", " ": "Space", "delete": "Delete",
		"pgup": "PgUp", "pgdown": "PgDn", "home": "Home", "end": "End",
	}
	if name, ok := names[key]; ok {
		return name
	}
	return key
}
