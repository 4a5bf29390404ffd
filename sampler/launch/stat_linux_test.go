package launch

import "testing"

func TestParseStatTakesHostileNames(t *testing.T) {
	const rest = " S 12 34 34 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 0 0"
	for _, name := range []string{"sleep", "a b", "x) Z 1 1 1", "((", "\x1b[31m\n"} {
		s, ok := parseStat([]byte("7 (" + name + ")" + rest))
		if !ok || s.ppid != 12 || s.group != 34 || s.started != "98765" || s.zombie {
			t.Errorf("%q: %+v %v", name, s, ok)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("7 (sleep) Z 12 34 34 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 0 0"))
	f.Add([]byte("7 (sleep"))
	f.Add([]byte(")"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, ok := parseStat(data); ok && s.started == "" {
			t.Errorf("%q has no start time", data)
		}
	})
}
