package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/nearest"
	"github.com/alloc-dev/heaptop/sampler/proc"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// listedMost is how many processes of one name are listed.
const listedMost = 20

// resolve turns a name into a process id; other targets are what they are.
func (o *live) resolve(ctx context.Context, b *backend) (sampler.Target, error) {
	if o.demo {
		return sampler.Target{Kind: sampler.KindCommand}, nil
	}
	if o.target.Kind != sampler.KindName {
		return o.target, nil
	}
	found, err := proc.Find(ctx, o.target.Name)
	if err != nil && !errors.Is(err, sampler.ErrNotFound) {
		return sampler.Target{}, fmt.Errorf("find process %q: %w", o.target.Name, err)
	}
	found = without(found, os.Getpid())
	switch len(found) {
	case 0:
		return sampler.Target{}, o.noSuchName(ctx)
	case 1:
		return sampler.Target{Kind: sampler.KindProcess, PID: found[0].PID}, nil
	}
	return sampler.Target{}, usagef("name one by its id: heaptop "+fmt.Sprint(found[0].PID),
		"%d processes are named %s:\n%s", len(found), o.target.Name, listProcesses(found))
}

func without(list []sampler.Process, pid int) []sampler.Process {
	kept := list[:0]
	for _, p := range list {
		if p.PID != pid {
			kept = append(kept, p)
		}
	}
	return kept
}

// noSuchName is wrong typing when the name is nearly something else that can be named, and else a process that is not
// there.
func (o *live) noSuchName(ctx context.Context) error {
	name := o.target.Name
	if meant := o.meant(); meant != "" {
		return usagef("see heaptop help", "no command and no process is named %s, did you mean heaptop %s?", name, meant)
	}
	hint := "run heaptop without a target to choose a process"
	if runs := nearest.Word(filepath.Base(name), processNames(ctx)); runs != "" {
		hint = "did you mean heaptop " + runs + "? Or " + hint
	}
	if start := startable(name); start != "" {
		hint += ", or start one: heaptop -- " + start
	}
	return &hinted{fmt.Errorf("no process is named %q: %w", name, sampler.ErrNotFound), hint}
}

// plain reports whether a shell takes a name as it stands.
func plain(name string) bool {
	return name != "" && !strings.HasPrefix(name, "-") && !strings.ContainsFunc(name, func(r rune) bool {
		return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("./_-+", r)
	})
}

// startable returns how a command of that name is started, as a shell takes it: "" where it would have to be quoted.
func startable(name string) string {
	switch {
	case !plain(name):
		return ""
	case strings.Contains(name, "/"):
		return name
	}
	return "./" + name
}

// listProcesses prints one process a line: id, user, memory, command.
func listProcesses(list []sampler.Process) string {
	var b strings.Builder
	for i, p := range list {
		if i == listedMost {
			fmt.Fprintf(&b, "  and %d more\n", len(list)-listedMost)
			break
		}
		command := p.Command
		if command == "" {
			command = "[" + p.Name + "]"
		}
		fmt.Fprintf(&b, "%9d  %-10s  %9s  %.100s\n", p.PID, theme.Clean(p.User), cell(p.RSS, unit.Bytes), theme.Clean(command))
	}
	return strings.TrimRight(b.String(), "\n")
}
