package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

func treeFor(vars map[string]string, out *bytes.Buffer) (*cobra.Command, *environment) {
	env := &environment{Streams: Streams{In: strings.NewReader(""), Out: out, Err: out, Getenv: func(k string) string { return vars[k] }}}
	return newRoot(env), env
}

var spaces = regexp.MustCompile(`\s+`)

// TestManPagesShowWhatHelpShows renders each page with groff, which has nothing to complain of, and looks for every word of the
// command's help on it.
func TestManPagesShowWhatHelpShows(t *testing.T) {
	groff := samplertest.Tool(t, "groff")
	var out bytes.Buffer
	root, _ := treeFor(nil, &out)
	pages := map[string][]byte{}
	for _, p := range manPages(root, "2026-11-22") {
		pages[p.name] = p.text
	}
	checked := 0
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		checked++
		text, ok := pages[manName(c)+".1"]
		if !ok {
			t.Fatalf("%s has no page", c.CommandPath())
		}
		shown := render(t, groff, text)
		words := c.Short[1:] + " " + c.UseLine() + " " + c.Long + " " + c.Example
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				value, usage := pflag.UnquoteUsage(f)
				words += " --" + f.Name + " " + value + " " + usage
			}
		})
		for word := range strings.FieldsSeq(words) {
			if !strings.Contains(shown, word) {
				t.Errorf("%s: %q of its help is not on the page", c.CommandPath(), word)
			}
		}
		for _, sub := range manChildren(c) {
			check(sub)
		}
	}
	check(root)
	if len(pages) != checked || checked < 20 {
		t.Errorf("%d pages of %d commands", len(pages), checked)
	}
	if _, hidden := pages["heaptop-"+scenarioCommand+".1"]; hidden {
		t.Error("a hidden command has a page")
	}
}

func render(t *testing.T, groff string, page []byte) string {
	t.Helper()
	c := exec.Command(groff, "-man", "-Tutf8", "-ww", "-P-cbou", "-rLL=400n")
	var said bytes.Buffer
	c.Stdin, c.Stderr = bytes.NewReader(page), &said
	out, err := c.Output()
	if err != nil || said.Len() > 0 {
		t.Errorf("groff: %v: %s", err, &said)
	}
	return spaces.ReplaceAllString(string(out), " ")
}

// TestRoff gives a page what macros and escapes are made of.
func TestRoff(t *testing.T) {
	groff := samplertest.Tool(t, "groff")
	hostile := ".so /etc/passwd\n'br\n\\fBbold\\n(.l \"q\" `x` ~/a^b --flag - x\x1b[31m\n\n  a   b\n    \\*(xx\n\nlast – line"
	var b strings.Builder
	b.WriteString(".TH X 1\n.nh\n.SH DESCRIPTION\n")
	roffText(&b, hostile)
	shown := render(t, groff, []byte(b.String()))
	for _, want := range []string{".so /etc/passwd", "'br", `\fBbold\n(.l "q" ` + "`x` ~/a^b --flag - x[31m", `a b \*(xx`, "last – line"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in %q", want, shown)
		}
	}
}

func TestManWritesTheSamePagesAgain(t *testing.T) {
	var out bytes.Buffer
	root, env := treeFor(map[string]string{"SOURCE_DATE_EPOCH": "1795330000"}, &out)
	read := func(dir string) map[string]string {
		all := map[string]string{}
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			data, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			all[e.Name()] = string(data)
		}
		return all
	}
	dir := filepath.Join(t.TempDir(), "man", "man1")
	o := &manual{env: env, dir: dir}
	var first map[string]string
	for range 2 {
		if err := o.run(root); err != nil {
			t.Fatal(err)
		}
		if again := read(dir); first == nil {
			first = again
		} else {
			for name, text := range again {
				if first[name] != text {
					t.Errorf("%s is another the second time", name)
				}
			}
		}
	}
	if page := first["heaptop-diff.1"]; !strings.HasPrefix(page, `.TH "HEAPTOP\-DIFF" "1" "2026-11-22" "heaptop"`) {
		t.Errorf("the page begins %.80q", page)
	}
	for epoch, want := range map[string]bool{"0": true, "-1": false, "x": false, "99999999999999": false, "253402300799": true, "253402300800": false} {
		_, env := treeFor(map[string]string{"SOURCE_DATE_EPOCH": epoch}, &out)
		if _, err := (&manual{env: env}).date(); (err == nil) != want {
			t.Errorf("SOURCE_DATE_EPOCH=%s: %v", epoch, err)
		}
	}
	_, plain := treeFor(nil, &out)
	o = &manual{env: plain, built: &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}}}}
	if date, err := o.date(); err != nil || date != "2026-01-02" {
		t.Errorf("the commit's date is %q, %v", date, err)
	}
	o.built = nil
	if date, err := o.date(); err != nil || date != "" {
		t.Errorf("no date is %q, %v", date, err)
	}
}

// TestOneFolder refuses what is no folder.
func TestManWantsOneFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"man"}, {"man", ""}, {"man", "a", "b"}, {"man", file}} {
		var out bytes.Buffer
		root, _ := treeFor(nil, &out)
		root.SetArgs(slices.Clone(args))
		if err := root.Execute(); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
