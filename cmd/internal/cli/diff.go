package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

const diffLong = `Compare two snapshots, or two heap profiles in pprof's format: what grew and what shrank.

Allocation sites are compared by what they hold (in use) and by all they allocated. Heap profiles are samples, so each
change is shown with its uncertainty, two standard deviations; sites whose change does not exceed it stand apart.
Snapshots of different programs or Go versions are compared too, with a warning.

--focus and --ignore are those of go tool pprof: regular expressions over the functions and files of a stack. --mine
takes the stacks that pass through the program's own code and counts them for the innermost line of it: dependencies and
the standard library are told by the paths of their files.

Exit codes: 0 done, whatever changed; 3 what was typed is wrong, or a file is none that can be compared.`

const diffExample = `  heaptop diff before.heapsnap after.heapsnap
  heaptop diff --mine --focus cache before.heapsnap after.heapsnap
  heaptop diff --format markdown --output leak.md monday.heapsnap friday.heapsnap
  heaptop diff --format json old.pb.gz new.pb.gz`

// diff are the options of heaptop diff.
type diff struct {
	env      *environment
	from, to string
	format   string
	focus    *regexp.Regexp
	ignore   *regexp.Regexp
	mine     bool
	top      int
	output   string
}

// maxTop bounds --top: more rows than any profile has sites.
const maxTop = 1_000_000

func diffFormats() []string { return []string{"text", "json", "markdown", "html"} }

func newDiff(env *environment) *cobra.Command {
	o := &diff{env: env, format: "text", top: 20}
	c := &cobra.Command{
		Use:               "diff FROM TO",
		Short:             "Compare two snapshots or heap profiles",
		Long:              diffLong,
		Example:           diffExample,
		ValidArgsFunction: filesEnding(capture.Extension, ".gz"),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("see heaptop diff --help", "want two files, the earlier one first; given: %d", len(args))
			}
			o.from, o.to = args[0], args[1]
			return o.run()
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.Var(&choice{&o.format, diffFormats(), "unknown format, diff knows"}, "format", "how to show it")
	f.Var(&pattern{&o.focus}, "focus", "only stacks with a function or file that matches")
	f.Var(&pattern{&o.ignore}, "ignore", "no stacks with a function or file that matches")
	f.BoolVar(&o.mine, "mine", false, "only the program's own code, not dependencies and the standard library")
	f.IntVar(&o.top, "top", o.top, "`ROWS` of each list; 0 shows all. json always has all")
	f.StringVar(&o.output, "output", "", "write to this `FILE`, complete or not at all")
	return c
}

// pattern is a flag that takes a regular expression.
type pattern struct{ value **regexp.Regexp }

func (p *pattern) String() string {
	if p.value == nil || *p.value == nil {
		return ""
	}
	return (*p.value).String()
}

func (p *pattern) Type() string { return "REGEXP" }

func (p *pattern) Set(s string) error {
	re, err := regexp.Compile(s)
	if err != nil {
		return err
	}
	*p.value = re
	return nil
}

func (o *diff) run() error {
	if o.top < 0 || o.top > maxTop {
		return usagef("", "--top %d: want 0 to %d rows", o.top, maxTop)
	}
	from, err := readSide(o.from)
	if err != nil {
		return err
	}
	to, err := readSide(o.to)
	if err != nil {
		return err
	}
	d := analysis.Compare(from, to, profile.Filter{Focus: o.focus, Ignore: o.ignore, Mine: o.mine})
	if o.output == "" {
		err = o.write(o.env.Out, &d)
		if errors.Is(err, syscall.EPIPE) {
			return nil // who reads has seen enough
		}
		return err
	}
	return writeOutput(o.output, func(w io.Writer) error { return o.write(w, &d) })
}

// write prints the comparison in the format that was asked for.
func (o *diff) write(w io.Writer, d *analysis.Diff) error {
	var text string
	switch o.format {
	case "json":
		var b invisible
		if err := d.WriteJSON(&b); err != nil {
			return err
		}
		text = b.String()
	case "markdown":
		text = diffMarkdown(newDiffReport(d, o.top, detailStacks))
	case "html":
		var b strings.Builder
		if err := page.Write(&b, diffPage(d, o.top)); err != nil {
			return err
		}
		text = b.String()
	default:
		text = diffText(newDiffReport(d, o.top, detailStacks), textWidth(w))
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	return nil
}

// The width of text: a pipe's, and what a terminal's is held to.
const (
	pipeWidth     = 80
	leastWidth    = 60
	greatestWidth = 200
)

func textWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok && isTerminal(f) {
		if width, _, err := term.GetSize(f.Fd()); err == nil {
			return min(max(width, leastWidth), greatestWidth)
		}
	}
	return pipeWidth
}

// maxProfileFile is the largest profile that is read; a snapshot's bounds are those of package capture.
const maxProfileFile = 64 << 20

// readSide reads a snapshot, or a profile alone. Every error says that what was typed names nothing to compare.
func readSide(path string) (*analysis.Side, error) {
	const hint = "heaptop diff compares *.heapsnap files and heap profiles in pprof's format"
	side, err := sideFromFile(path)
	if err != nil {
		return nil, &usageError{err, hint}
	}
	return side, nil
}

func sideFromFile(path string) (*analysis.Side, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	if isSnapshot(path) {
		s, err := capture.Read(path)
		if err != nil {
			return nil, err
		}
		side, err := analysis.SideOf(filepath.Base(path), s)
		if err != nil {
			return nil, fmt.Errorf("read snapshot %s: %w", path, err)
		}
		return side, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxProfileFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: byte %d: %w", path, len(data), err)
	}
	if len(data) > maxProfileFile {
		return nil, fmt.Errorf("read %s: more than %d bytes, which no profile has", path, maxProfileFile)
	}
	side, err := analysis.SideOfProfile(filepath.Base(path), sampler.Profile{Data: data, Source: "file"})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return side, nil
}

// isSnapshot reports whether the file is named or begins as a snapshot.
func isSnapshot(path string) bool {
	if filepath.Ext(path) == capture.Extension {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [4]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && string(head[:]) == "PK\x03\x04"
}

// invisible collects JSON and writes characters that a terminal obeys as escapes.
type invisible struct{ text []byte }

// Write takes a piece of JSON.
func (i *invisible) Write(p []byte) (int, error) {
	i.text = append(i.text, p...)
	return len(p), nil
}

func (i *invisible) String() string { return escapeInvisible(string(i.text)) }
