package cli

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestWhatAShellIsOffered asks as the scripts of heaptop completion do.
func TestWhatAShellIsOffered(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"nightwatch-1.heaprec", "now.heapsnap", "nightwatch-2.txt", "report.json", "re$(reboot).json"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll("reports/old", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		typed   string // the last word may be empty
		offered string // each line that is told, without what explains it
	}{
		{"debu", "debug :4"},
		{"nightwatch-", "nightwatch-1.heaprec :4"},
		{"help s", "scenarios snapshot stability :4"},
		{"help debug l", "leaks :4"},
		{"--limit rs", "rss= :6"},
		{"--headless --limit peak_r", "peak_rss= :6"},
		{"debug leaks --limit li", "live= :6"},
		{"debug leaks --per /w", "/work/operations:operations :4"},
		{"snapshot --when rs", "rss> :6"},
		{"snapshot --interval 1", ":4"},
		{"snapshot nightwatch-", "nightwatch-1.heaprec :4"},
		{"check --scenario vi", "vim_session :4"},
		{"stability --scenario vi", "vim_session :4"},
		{"history --metric peak_r", "peak_rss :4"},
		{"history re", "report.json reports/ :6"},
		{"history reports/", "reports/old/ :6"},
		{"diff n", "heapsnap gz :8"},
		{"replay n", "heaprec heapsnap :8"},
		{"--theme d", "dark :4"},
	} {
		var out bytes.Buffer
		root, _ := treeFor(nil, &out)
		words := strings.Split(c.typed, " ")
		root.SetArgs(append([]string{cobra.ShellCompRequestCmd}, words...))
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := offered(out.String(), words[len(words)-1]); got != c.offered {
			t.Errorf("heaptop %s: offered %q, want %q", c.typed, got, c.offered)
		}
	}
}

// offered are the words that a shell shows: those that begin as what was typed, or the ends of files, and the directive.
func offered(answer, typed string) string {
	files := strings.Contains(answer, "\n:8\n")
	var list []string
	for line := range strings.Lines(answer) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(word, ":") || files && !strings.Contains(word, " ") || strings.HasPrefix(word, typed) {
			list = append(list, word)
		}
	}
	return strings.Join(list, " ")
}

var explained = regexp.MustCompile(`^(  heaptop\b.*?\S)(  +\S.*)?$`)

// TestExamplesOfHelp parses every example in every help text: its command is there, and it takes those flags with those
// values.
func TestExamplesOfHelp(t *testing.T) {
	var out bytes.Buffer
	root, _ := treeFor(nil, &out)
	checked := 0
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		if c.Example == "" && c.Runnable() && !c.Hidden {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			m := explained.FindStringSubmatch(strings.TrimRight(line, "\n"))
			if m == nil || strings.ContainsAny(m[1], "|>") && !strings.Contains(m[1], "'rss>") {
				continue // what explains the line above, or is for the shell
			}
			checked++
			tree, _ := treeFor(nil, &out)
			words := shellWords(m[1])[1:]
			found, rest, err := tree.Find(words)
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", c.CommandPath(), m[1], err)
			}
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	check(root)
	if checked < 70 {
		t.Errorf("%d examples", checked)
	}
}

// shellWords splits a line at its spaces, but not between quotes.
func shellWords(line string) []string {
	words := regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`).FindAllString(line, -1)
	for i, w := range words {
		words[i] = strings.Trim(w, `'"`)
	}
	return words
}
