package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/tui/keys"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outputs() {
		onDisk, err := os.ReadFile(filepath.Join(root, o.path))
		if err != nil {
			t.Fatal(err)
		}
		want, err := o.make()
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != string(onDisk) {
			t.Errorf("%s has drifted from the code: run go generate ./...", o.path)
		}
	}
}

func TestKeymapNamesEveryBinding(t *testing.T) {
	text := string(keymap())
	for _, b := range keys.Bindings() {
		if len(b.Names()) != len(b.Keys) {
			t.Errorf("%s has keys %q and names %q", b.ID, b.Keys, b.Names())
		}
		for _, name := range b.Names() {
			if !strings.Contains(text, "`"+name+"`") {
				t.Errorf("keymap.md does not name key %q of %s", name, b.ID)
			}
		}
		if strings.Count(text, "| "+b.Help+" |") != len(b.Places) {
			t.Errorf("keymap.md has %q %d times, want once for each of its %d places", b.Help, strings.Count(text, "| "+b.Help+" |"), len(b.Places))
		}
	}
}
