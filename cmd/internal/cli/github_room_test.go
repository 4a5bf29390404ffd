package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/cmd/internal/cli"
	"github.com/alloc-dev/heaptop/gates/report"
)

// TestSummaryTakesTheRoomThatIsLeft: other steps of a job have written into its summary already.
func TestSummaryTakesTheRoomThatIsLeft(t *testing.T) {
	stored := filepath.Join("..", "..", "..", "gates", "report", "testdata", "failed.json")
	for _, c := range []struct {
		name string
		room int
		code int
		want string // in what was appended, or on stderr
	}{
		{"some", 1500, 0, "did not fit; the JSON report has all"},
		{"none", 20, 2, "GitHub has no room"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "summary.md")
			before := bytes.Repeat([]byte("x"), report.MaxSummary-c.room)
			if err := os.WriteFile(path, before, 0o644); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr strings.Builder
			streams := cli.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr, Getenv: func(name string) string {
				return map[string]string{"GITHUB_STEP_SUMMARY": path}[name]
			}}
			code := cli.Main(t.Context(), streams, []string{"github", "summary", stored})
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			added, kept := bytes.CutPrefix(after, before)
			if code != c.code || !kept || len(after) > report.MaxSummary || !strings.Contains(string(added)+stderr.String(), c.want) {
				t.Errorf("exit %d, %d bytes, added %q\n%s%s", code, len(after), added, &stdout, &stderr)
			}
		})
	}
}
