//go:build unix

package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	mayRun     = "build and run these now, three times each? [y/N]"
	mayReplace = "is there already: put the new one in its place? [y/N/d: what differs]"
)

// TestInitAsksOnATerminal answers the questions of heaptop init as a person does.
func TestInitAsksOnATerminal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "heaptop.yml")
	ask := func() *console {
		c := on(t, nil, heaptop(t), "init", "--dir", dir, "--", "true", "\x1b[31mred\a")
		c.shows(mayRun)
		return c
	}
	read := func(name string) string {
		t.Helper()
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, no := range []struct {
		keys string
		code int
		says string
	}{{"n\r", 3, "nothing was run, and nothing written"}, {"\r", 3, "nothing was run"}, {"\x04", 3, "nothing was run"}, {"\x03", 130, "interrupted"}} {
		c := ask()
		c.press(no.keys)
		if code := c.exits(); code != no.code {
			t.Errorf("%q: exit %d, want %d:\n%s", no.keys, code, no.code, c.text())
		}
		c.shows(no.says)
		if _, err := os.Stat(path); err == nil {
			t.Fatalf("%q: a policy was written", no.keys)
		}
		noEscapes(t, c)
	}

	c := ask()
	c.press("y\r")
	if code := c.exits(); code != 0 {
		t.Fatalf("exit %d:\n%s", code, c.text())
	}
	c.shows("wrote " + path)
	noEscapes(t, c)
	first := read(path)
	if !strings.Contains(first, "peak_rss: ") || strings.Contains(first, "\x1b") {
		t.Errorf("the policy is %q", first)
	}

	mine := strings.Replace(first, "version: 1", "# \x1b[31mmine\nversion: 1", 1)
	if err := os.WriteFile(path, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	c = ask()
	c.press("y\r")
	c.shows(mayReplace)
	c.press("n\r")
	c.exits()
	c.shows("stays as it was")
	if read(path) != mine {
		t.Error("the policy was replaced after a no")
	}

	c = ask()
	c.press("y\r")
	c.shows(mayReplace)
	c.press("\x03")
	if code := c.exits(); code != 130 || read(path) != mine {
		t.Errorf("interrupted: exit %d:\n%s", code, c.text())
	}

	c = ask()
	c.press("y\r")
	c.shows(mayReplace)
	c.press("d\r")
	c.shows("mine")
	c.press("yes\r")
	if code := c.exits(); code != 0 {
		t.Fatalf("exit %d:\n%s", code, c.text())
	}
	c.shows("the old heaptop.yml is kept as " + path + ".bak")
	if read(path) == mine || read(path+".bak") != mine {
		t.Error("the old policy is not kept beside the new one")
	}
	noEscapes(t, c)
}

// noEscapes checks that nothing of what strangers wrote moves the cursor, colours or rings.
func noEscapes(t *testing.T, c *console) {
	t.Helper()
	if out := c.text(); strings.ContainsAny(out, "\x1b\a") {
		t.Errorf("an escape code or a bell is written: %q", out)
	}
}
