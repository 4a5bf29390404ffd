package theme

import (
	"strings"
	"testing"
)

func TestShortenKeepsTheCauseOfAnError(t *testing.T) {
	path := "/home/somebody/.local/state/heaptop/snapshots/" + strings.Repeat("deep/", 20) + "shop-20261122T084303.heapsnap"
	for text, parts := range map[string][]string{
		"open " + path + ": permission denied":                                       {"open /", "T084303.heapsnap: permission denied", Ellipsis},
		"rename " + path + " to " + path + ".old: no space left on device":           {"rename /", ".heapsnap to /", ".old: no space left on device"},
		`read C:\Users\somebody\` + strings.Repeat(`deep\`, 20) + `a.heapsnap: gone`: {`read C:\Users`, `a.heapsnap: gone`},
		strings.Repeat("word ", 40):                                                  {"word word", Ellipsis},
		"read " + strings.Repeat("日本/", 60) + "x: gone":                              {"read 日", "x: gone"},
	} {
		got := Shorten(text, 96)
		if w := Width(got); w > 96 || w < 90 {
			t.Errorf("%d cells of 96: %q", w, got)
		}
		for _, part := range parts {
			if !strings.Contains(got, part) {
				t.Errorf("%q is not in %q", part, got)
			}
		}
	}
	for w := range 40 {
		if got := Shorten("open "+path+": permission denied", w); Width(got) > w {
			t.Errorf("%d cells of %d: %q", Width(got), w, got)
		}
	}
	full := "write the snapshot: write snapshot " + path + ": heap.pb.gz: write " + path + ": no space left on device"
	if got := Shorten(full, 78); Width(got) > 78 || !strings.HasPrefix(got, "write the snapshot: ") || !strings.HasSuffix(got, "…: no space left on device") {
		t.Errorf("a full disk became %q", got)
	}
	if got := Shorten("/short/path: gone", 20); got != "/short/path: gone" {
		t.Errorf("what fits became %q", got)
	}
}
