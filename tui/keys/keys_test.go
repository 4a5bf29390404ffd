package keys

import (
	"slices"
	"testing"
)

func TestNoTwoBindingsShareAKeyInOnePlace(t *testing.T) {
	for _, p := range Places() {
		owner := map[string]ID{}
		for _, b := range In(p.Place) {
			for _, key := range b.Keys {
				if first, taken := owner[key]; taken {
					t.Errorf("in %s key %q means both %s and %s", p.Place, key, first, b.ID)
				}
				owner[key] = b.ID
			}
		}
	}
}

func TestBindingsAreComplete(t *testing.T) {
	var known []Place
	for _, p := range Places() {
		known = append(known, p.Place)
		if len(In(p.Place)) == 0 {
			t.Errorf("nothing works in %s", p.Place)
		}
	}
	seen := map[ID]bool{}
	for _, b := range Bindings() {
		if seen[b.ID] {
			t.Errorf("%s is bound twice: give the second its own action", b.ID)
		}
		seen[b.ID] = true
		if len(b.Keys) == 0 || b.Label == "" || b.Help == "" || len(b.Places) == 0 {
			t.Errorf("%s lacks keys, label, help or places: %+v", b.ID, b)
		}
		for _, p := range b.Places {
			if !slices.Contains(known, p) {
				t.Errorf("%s works in %q, which Places does not list", b.ID, p)
			}
		}
	}
}

func TestFindPrefersThePlaceAndKeepsTypingApart(t *testing.T) {
	for _, c := range []struct {
		place Place
		key   string
		want  ID
	}{
		{InMemory, "q", Quit},
		{InMemory, "enter", Open},
		{InFilter, "enter", FilterKeep},
		{InFilter, "q", ""},
		{InFilter, "esc", FilterDrop},
		{InLog, "enter", ""},
		{InGC, "v", Goroutines},
		{InProcesses, "t", Tree},
		{InMemory, "t", ""},
		{InMemory, "w", Holders},
		{InMemory, "P", Record},
		{InConfirm, "y", Agree},
		{InConfirm, "enter", Refuse},
		{InConfirm, "q", ""},
	} {
		b, ok := Find(c.place, c.key)
		if b.ID != c.want || ok != (c.want != "") {
			t.Errorf("Find(%s, %q) = %q, %v; want %q", c.place, c.key, b.ID, ok, c.want)
		}
	}
}

func TestTheProgramCanAlwaysBeLeft(t *testing.T) {
	for _, p := range Places() {
		if p.Place == InFilter || p.Place == InConfirm {
			continue
		}
		for _, key := range []string{"q", "ctrl+c", "esc", "?"} {
			if _, ok := Find(p.Place, key); !ok {
				t.Errorf("%q does nothing in %s", key, p.Place)
			}
		}
	}
}
