package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/pprof/profile"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alloc-dev/heaptop/cmd/internal/cli"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// takeSnapshots returns snapshots of a made-up server that leaks, some minutes apart.
func takeSnapshots(o samplertest.Options, n int) ([]*capture.Snapshot, error) {
	f := samplertest.New(o)
	ctx := context.Background()
	var out []*capture.Snapshot
	for i := range n {
		var s sampler.Snapshot
		for range 30 + 300*i {
			if err := f.Read(ctx, &s); err != nil {
				return nil, err
			}
		}
		snap := &capture.Snapshot{Info: f.Describe(), Sample: s.Clone(), Note: fmt.Sprintf("round %d", i+1)}
		snap.Meta.Time = s.Time
		heap, err := f.HeapProfile(ctx)
		if err != nil {
			return nil, err
		}
		goroutines, err := f.GoroutineProfile(ctx)
		if err != nil {
			return nil, err
		}
		maps, err := f.Mappings(ctx)
		if err != nil {
			return nil, err
		}
		snap.Heap, snap.Goroutine, snap.Mappings = &heap, &goroutines, &maps
		out = append(out, snap)
	}
	return out, nil
}

func TestDiffScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/diff",
		Setup: func(env *testscript.Env) error {
			snaps, err := takeSnapshots(samplertest.Options{}, 2)
			if err != nil {
				return err
			}
			for i, name := range []string{"before", "after"} {
				if err := capture.Write(filepath.Join(env.WorkDir, name+".heapsnap"), snaps[i]); err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(env.WorkDir, name+".pb.gz"), snaps[i].Heap.Data, 0o600); err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(env.WorkDir, name+".goroutine.pb.gz"), snaps[i].Goroutine.Data, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"lastline": lastLine, "narrow": narrow},
	})
}

// narrow is a script command: no line on stdout is wider than 80 cells or holds an escape code.
func narrow(ts *testscript.TestScript, _ bool, _ []string) {
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if line = strings.TrimSuffix(line, "\n"); ansi.StringWidth(line) > 80 || strings.ContainsRune(line, '\x1b') {
			ts.Fatalf("a line of %d cells: %q", ansi.StringWidth(line), line)
		}
	}
}

// nasty are names that try to be more than names.
func nasty() []string {
	return []string{
		"main.\x1b[31mred\x1b[0m", "main.bell\x07\r\n# heading", "main.<script>alert(1)</script>", "main.`code` | cell | @octocat",
		"main.\\`</code><img src=x onerror=alert(1)>", "main.[link](http://evil.example)", "main.\u202egnp.exe\u200b\u009b2J",
		"main." + strings.Repeat("世界", 300), "main.|\\||`|", "main.&lt;b&gt;", "main.{{.Sides}}",
	}
}

func nastyProfile(t *testing.T, factor int64) []byte {
	t.Helper()
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"},
			{Type: "inuse_objects", Unit: "count"}, {Type: "inuse_space", Unit: "bytes"}},
		PeriodType: &profile.ValueType{Type: "space", Unit: "bytes"}, Period: 1,
	}
	for i, name := range nasty() {
		id := uint64(i + 1)
		f := &profile.Function{ID: id, Name: strings.ToValidUTF8(name, "?"), Filename: "/src/" + name + ".go"}
		l := &profile.Location{ID: id, Address: id, Line: []profile.Line{{Function: f, Line: int64(i)}}}
		p.Function, p.Location = append(p.Function, f), append(p.Location, l)
		n := factor * int64(i+1)
		p.Sample = append(p.Sample, &profile.Sample{Location: []*profile.Location{l, p.Location[0]}, Value: []int64{2 * n, 2e6 * n, n, 1e6 * n}})
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func diffNasty(t *testing.T, format string) string {
	t.Helper()
	dir := t.TempDir()
	snaps, err := takeSnapshots(samplertest.Options{Name: strings.Join(nasty(), " ")}, 2)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for i, s := range snaps {
		s.Note = nasty()[i+1]
		s.Sample.Set("/huge:bytes", 1.7e308*float64(1-2*i))
		s.Sample.Set("/huge:objects", 1.7e308*float64(2*i-1))
		s.Sample.Set("/huge:seconds", 1.7e308*float64(i))
		s.Heap.Data = nastyProfile(t, int64(i+1))
		for _, name := range nasty() {
			s.Mappings.List = append(s.Mappings.List, sampler.Mapping{Name: name, RSS: float64(1e6 * (i + 1))})
		}
		files = append(files, filepath.Join(dir, fmt.Sprintf("%d.heapsnap", i)))
		if err := capture.Write(files[i], s); err != nil {
			t.Fatal(err)
		}
	}
	var out, conversation bytes.Buffer
	streams := cli.Streams{In: strings.NewReader(""), Out: &out, Err: &conversation, Getenv: func(string) string { return "" }}
	if code := cli.Main(t.Context(), streams, []string{"diff", "--top", "0", "--format", format, files[0], files[1]}); code != 0 {
		t.Fatalf("exit %d: %s", code, conversation.String())
	}
	text := out.String()
	if !utf8.ValidString(text) {
		t.Error("bytes that are no UTF-8")
	}
	for _, bad := range []string{"\x1b", "\x07", "\r", "\u202e", "\u200b", "\u009b"} {
		if strings.Contains(text, bad) {
			t.Errorf("the output holds %q", bad)
		}
	}
	return text
}

func TestDiffKeepsHostileNamesText(t *testing.T) {
	t.Run("text", func(t *testing.T) {
		for line := range strings.Lines(diffNasty(t, "text")) {
			if w := ansi.StringWidth(strings.TrimSuffix(line, "\n")); w > 80 {
				t.Errorf("%d cells: %q", w, line)
			}
		}
	})
	t.Run("html", func(t *testing.T) {
		page := diffNasty(t, "html")
		own := regexp.MustCompile(`(?s)<(script|style)[ >].*?</(script|style)>`)
		if n := strings.Count(page, "<script>") + strings.Count(page, "<style>"); n != 2 {
			t.Errorf("%d scripts and styles: not the page's own two", n)
		}
		rest := own.ReplaceAllString(page, "")
		for _, bad := range []string{"<script", "<img", `href="http`, "onerror=alert(1)>"} {
			if strings.Contains(rest, bad) {
				t.Errorf("a name became markup: the page holds %q", bad)
			}
		}
		if !strings.Contains(html.UnescapeString(rest), "main.<script>alert(1)</script>") || !strings.Contains(rest, "{{.Sides}}") {
			t.Error("a name is not shown as it is")
		}
		open := map[string]int{}
		for _, tag := range regexp.MustCompile(`<(/?)([a-z0-9]+)([^>]*)>`).FindAllStringSubmatch(rest, -1) {
			switch {
			case strings.HasSuffix(tag[3], "/"):
			case tag[1] == "":
				open[tag[2]]++
			default:
				open[tag[2]]--
			}
		}
		for tag, n := range open {
			if n != 0 && tag != "meta" {
				t.Errorf("<%s> is opened %d times more than closed", tag, n)
			}
		}
	})
	t.Run("markdown", func(t *testing.T) {
		spans := regexp.MustCompile("`[^`\n]*`|<code>[^<\n]*</code>")
		for line := range strings.Lines(diffNasty(t, "markdown")) {
			rest := spans.ReplaceAllString(line, "X")
			rest = strings.NewReplacer("<details>", "", "<summary>", "", "</summary>", "", "</details>", "").Replace(rest)
			if strings.ContainsAny(rest, "<`@\\[{") || strings.Contains(rest, "evil") {
				t.Errorf("outside of code: %q", rest)
			}
			if strings.HasPrefix(rest, "|") {
				if cells := strings.Count(line, "|"); cells != 6 && cells != 7 {
					t.Errorf("%d bars in a row of a table: %q", cells, line)
				}
			}
		}
	})
	t.Run("json", func(t *testing.T) {
		var got struct {
			Sites []struct{ Site string }
		}
		text := diffNasty(t, "json")
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, s := range got.Sites {
			found = found || strings.Contains(s.Site, "\u202egnp.exe\u200b\u009b2J")
		}
		if !found || len(got.Sites) != len(nasty()) {
			t.Errorf("%d sites of %d, or one is not as it was", len(got.Sites), len(nasty()))
		}
	})
}
