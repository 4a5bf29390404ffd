package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestLinks looks for the file behind every relative link of the documentation.
func TestLinks(t *testing.T) {
	const top = "../../.."
	pages, err := filepath.Glob(filepath.Join(top, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, filepath.Join(top, "README.md"), filepath.Join(top, ".github", "CONTRIBUTING.md"))
	link, found := regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`), 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			found++
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), string(m[1]))); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
	if found < 20 {
		t.Errorf("%d links were found", found)
	}
}
