package page_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/gates/report/page/pagetest"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// between returns what stands between two marks of a text, the first time.
func between(t *testing.T, s, before, after string) string {
	t.Helper()
	_, s, found := strings.Cut(s, before)
	s, _, ended := strings.Cut(s, after)
	if !found || !ended {
		t.Fatalf("there is nothing between %q and %q", before, after)
	}
	return s
}

// TestPolicyAllowsTheStylesAndTheScriptAlone computes the hashes as a browser does.
func TestPolicyAllowsTheStylesAndTheScriptAlone(t *testing.T) {
	html := string(written(t, sample()))
	policy := strings.ReplaceAll(between(t, html, `http-equiv="Content-Security-Policy" content="`, `"`), "&#39;", "'")
	policy = strings.ReplaceAll(policy, "&#43;", "+")
	for _, element := range []string{"style", "script"} {
		sum := sha256.Sum256([]byte(between(t, html, "<"+element+">", "</"+element+">")))
		if want := element + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !strings.Contains(policy, want) {
			t.Errorf("the policy %q has no %s", policy, want)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy allows too much: %s", policy)
	}
}

func TestWriteRefusesWhatIsPutTogetherWrongly(t *testing.T) {
	for want, p := range map[string]*page.Page{
		"there is none":  nil,
		"no caption":     {Parts: []page.Part{{Title: "limits", Blocks: []page.Block{&page.Table{}}}}},
		"has no format":  {Parts: []page.Part{{Title: "limits", Blocks: []page.Block{&page.Chart{Title: "heap"}}}}},
		`"who" has no f`: {Parts: []page.Part{{Title: "limits", Blocks: []page.Block{&page.Flame{Title: "who"}}}}},
	} {
		if err := page.Write(new(strings.Builder), p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
}

// TestWriteByManyAtOnce writes one page several times at once: all are the same.
func TestWriteByManyAtOnce(t *testing.T) {
	p, pages := sample(), make([]string, 4)
	var all sync.WaitGroup
	for i := range pages {
		all.Go(func() {
			var b strings.Builder
			if err := page.Write(&b, p); err != nil {
				t.Error(err)
			}
			pages[i] = b.String()
		})
	}
	all.Wait()
	for i, html := range pages {
		if html != pages[0] || len(html) < 10_000 {
			t.Errorf("page %d has %d bytes and differs from the first, which has %d", i, len(html), len(pages[0]))
		}
	}
}

// TestFramesAreNamedWithoutFolders: a flame graph names a function as the screens do.
func TestFramesAreNamedWithoutFolders(t *testing.T) {
	for name, want := range map[string]string{
		"github.com/a/b.F":                   "b.F",
		"github.com/a/b.F[github.com/c/d.T]": "b.F[github.com/c/d.T]",
		"/usr/lib/":                          "/usr/lib/",
		"main.main":                          "main.main",
	} {
		root, err := pagetest.Parse(written(t, &page.Page{Parts: []page.Part{{Title: "Heap", Blocks: []page.Block{&page.Flame{Format: unit.Bytes, Root: &page.Frame{Name: name, Value: 10}}}}}}))
		if err != nil {
			t.Fatal(err)
		}
		if got := root.All("text"); len(got) != 1 || got[0].Content() != want {
			t.Errorf("%q is drawn as %v, want %q", name, got, want)
		}
	}
}
