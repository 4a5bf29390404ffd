// Package pagetest tests pages: it reads what stands on them, each number with its place, and opens them in a headless
// Chromium, where they must make no request, have no error, fit the window and be accessible. It does not build pages and
// knows nothing of reports: those who do compare what it read with what they have. The tests in a browser are slow and need
// Chromium, Node and npm: they run where HEAPTOP_FULL is 1.
package pagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

//go:embed browser
var driver embed.FS

// View is a window that a page is opened in.
type View struct {
	Width  int    `json:"width"` // in pixels
	Height int    `json:"height"`
	Scheme string `json:"scheme"` // "light" or "dark"
	Plain  bool   `json:"plain"`  // without scripts; then neither Script nor the check of accessibility is run
}

// Views are a desk and a phone, each light and dark.
func Views() []View {
	return []View{{Width: 1280, Height: 900, Scheme: "light"}, {Width: 1280, Height: 900, Scheme: "dark"},
		{Width: 390, Height: 844, Scheme: "light"}, {Width: 390, Height: 844, Scheme: "dark"}}
}

// Visit says how a page is looked at.
type Visit struct {
	Name  string // of the pictures: letters, digits and dashes
	Views []View // Views() if there are none
	// Script is the body of an asynchronous JavaScript function that is run in each view: page is Playwright's,
	// check(condition, text) reports, shot(name) takes a picture of the window, view is the view, and took is how many
	// milliseconds the page took to open.
	Script string
	Hash   string // what is added to the address: "#s1"
	// Inaccessible leaves out the check for accessibility. Without it, serious and critical findings are errors.
	Inaccessible bool
}

// Browse opens a page in Chromium, and reports what is wrong as errors of t: a message on the console, a request, a page
// that scrolls sideways, a finding of axe, what the script checks. Pictures of the whole page and those that the script
// takes are kept in the folder HEAPTOP_SHOTS if it is set. Without HEAPTOP_FULL=1 the test ends as skipped, and without a
// browser as samplertest.Missing says.
func Browse(t testing.TB, html []byte, v Visit) {
	t.Helper()
	if os.Getenv("HEAPTOP_FULL") != "1" {
		t.Skip("opens a browser: set HEAPTOP_FULL=1")
	}
	chromium, node := samplertest.Tool(t, "chromium"), samplertest.Tool(t, "node")
	samplertest.Tool(t, "npm")
	tools, err := installed()
	if err != nil {
		samplertest.Missing(t, err.Error())
	}
	shots := os.Getenv("HEAPTOP_SHOTS")
	if shots == "" {
		shots = t.TempDir()
	} else if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, html, 0o644); err != nil {
		t.Fatal(err)
	}
	if v.Views == nil {
		v.Views = Views()
	}
	job, err := json.Marshal(map[string]any{
		"chromium": chromium, "url": (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String(), "hash": v.Hash, "shots": shots,
		"name": v.Name, "views": v.Views, "script": v.Script, "accessible": !v.Inaccessible,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute) // a busy machine takes minutes for one view
	defer cancel()
	cmd := exec.CommandContext(ctx, node, filepath.Join(tools, "driver.mjs"))
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(job), &out, &problems
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("open %s in chromium: %v\n%s", v.Name, err, problems.String())
	}
	var found []string
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatalf("read what the browser says of %s: %v\n%s", v.Name, err, out.String())
	}
	for _, problem := range found {
		t.Errorf("%s: %s", v.Name, problem)
	}
}

// installed is the folder with the driver and its two packages.
var installed = sync.OnceValues(install)

// install writes the driver and the packages of its lock file into the cache of the user, unless they are there from
// before. Tests of several packages may do so at once.
func install() (string, error) {
	names := []string{"driver.mjs", "package.json", "package-lock.json"}
	files := make([][]byte, len(names))
	sum := sha256.New()
	for i, name := range names {
		var err error
		if files[i], err = driver.ReadFile("browser/" + name); err != nil {
			return "", err
		}
		sum.Write(files[i])
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a folder for the browser tests: %w", err)
	}
	dir := filepath.Join(cache, "heaptop-tests", fmt.Sprintf("browser-%x", sum.Sum(nil)[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("make a folder for the browser tests: %w", err)
	}
	half, err := os.MkdirTemp(filepath.Dir(dir), "half-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the browser tests: %w", err)
	}
	defer func() { _ = os.RemoveAll(half) }() // gone already if all went well
	for i, name := range names {
		if err := os.WriteFile(filepath.Join(half, name), files[i], 0o644); err != nil {
			return "", fmt.Errorf("write the driver of the browser tests: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--prefix", half)
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm cannot install the packages of the browser tests: %w: %s", err, bytes.TrimSpace(out))
	}
	if err := os.Rename(half, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return "", fmt.Errorf("keep the packages of the browser tests: %w", err)
		}
	}
	return dir, nil
}
