package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates/report/page/pagetest"
)

// measuredPage measures a command, and returns the page and the JSON of its report.
func measuredPage(t *testing.T) (html, data []byte) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "report.json")
	html, _ = printed(t, []int{1}, "--headless", "--runs", "3", "--limit", "peak_rss=64kB", "--output", file, "--format", "html", "--", "true")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return html, data
}

// TestPageOfAMeasurement compares the page of a real measurement with the JSON of the same.
func TestPageOfAMeasurement(t *testing.T) {
	html, data := measuredPage(t)
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	known, runs := map[float64]bool{}, 0
	var collect func(any)
	collect = func(v any) {
		switch x := v.(type) {
		case map[string]any:
			for _, e := range x {
				collect(e)
			}
		case []any:
			for _, e := range x {
				collect(e)
			}
		case float64:
			known[x] = true
		}
	}
	collect(tree)
	for _, d := range pageFigures(t, html) {
		if !known[d.Value] {
			t.Errorf("%s / %s / %s / %s: %q stands for %v, which is in no JSON", d.Part, d.Block, d.Row, d.Column, d.Text, d.Value)
		}
		if d.Block == "Each run of peak_rss" && d.Column == "exactly" {
			runs++
		}
	}
	if runs != 3 || !strings.Contains(string(html), "the limit is 64.0 kB") {
		t.Errorf("the page has %d runs of peak_rss, want 3, and the limit in words", runs)
	}
}

// TestMeasurementInTheBrowser looks at the page of a real measurement.
func TestMeasurementInTheBrowser(t *testing.T) {
	html, _ := measuredPage(t)
	pagetest.Browse(t, html, pagetest.Visit{Name: "measurement", Script: `
		const metrics = page.locator("section", { has: page.getByRole("heading", { name: "true", exact: true }) });
		await metrics.locator("details", { hasText: "Details of peak_rss" }).last().locator("summary").first().press("Enter").catch(() => {});
		check(await page.getByText("Each run of peak_rss").count() > 0, "the runs are not on the page");
		await shot("opened");
	`})
}
