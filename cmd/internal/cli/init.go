package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/tui/theme"
)

const initLong = `Write a first policy, heaptop.yml, for the Go module of a folder, and the GitHub workflows that measure with it. It looks for programs and benchmarks, builds and runs each
of them three times without arguments, and sets limits above what it measured, with the measured values beside them. A
program that goes on, such as a server, is measured for --duration. What ends with an error is written as an example in a comment,
with the error. A command behind -- is measured as well, whatever it is written in.

It runs the programs of the repository, so it asks first; --yes agrees. A file that is there is never lost: on a terminal
you are asked, elsewhere --force is needed, and the old one stays beside it as .bak.

Exit codes: 0 done; 2 nothing could be measured, so nothing was written; 3 what was typed is wrong, or a file is in the way.`

// initRuns is how often each program runs: the least that shows a noise.
const initRuns = 3

// initializing are the options of heaptop init.
type initializing struct {
	env         *environment
	dir         string
	yes         bool
	force       bool
	noWorkflows bool
	time        time.Duration
	duration    time.Duration
	command     []string
	now         func() time.Time
	questions   *questions
}

func newInit(env *environment) *cobra.Command {
	o := &initializing{env: env, dir: ".", time: 3 * time.Minute, duration: 5 * time.Second, now: time.Now}
	c := &cobra.Command{
		Use:     "init [-- COMMAND...]",
		Short:   "Write a first policy and the workflows, from what this repository takes",
		Long:    initLong,
		Example: "  heaptop init\n  heaptop init --yes --dir ./service\n  heaptop init --yes -- ./import.sh testdata/big.csv",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if dash := c.ArgsLenAtDash(); dash != 0 && len(args) > 0 {
				return usagef("a command is written behind dashes, a folder with --dir", "init takes no argument, but %q was given", args[0])
			}
			o.command = args
			return o.run(c.Context())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.dir, "dir", o.dir, "the `FOLDER` of the module")
	f.BoolVar(&o.yes, "yes", false, "run the programs without a question")
	f.BoolVar(&o.force, "force", false, "put the new file in the place of one that is there, which stays beside it as .bak")
	f.BoolVar(&o.noWorkflows, "no-workflows", false, "write the policy alone")
	f.Var(&span{&o.time, time.Second, 24 * time.Hour}, "time", "begin no measurement after this time")
	f.Var(&span{&o.duration, 100 * time.Millisecond, time.Hour}, "duration", "how long a program that goes on is measured")
	if err := c.MarkFlagDirname("dir"); err != nil {
		panic(err) // the flag was bound before
	}
	return c
}

func (o *initializing) run(ctx context.Context) error {
	if info, err := os.Stat(o.dir); err != nil || !info.IsDir() {
		return usagef("", "--dir %s: there is no such folder", o.dir)
	}
	if o.questions == nil {
		o.questions = newQuestions(o.env)
	}
	o.questions.possible = o.questions.possible && !o.yes
	o.questions.ended = ctx.Done()
	if !o.yes && !o.questions.possible {
		return usagef("agree with --yes", "init runs the programs of this folder and writes a policy, and there is no terminal to ask on")
	}
	path := filepath.Join(o.dir, policy.Name)
	if err := o.inTheWay(path); err != nil {
		return err
	}
	found, err := survey(ctx, o.dir)
	if err != nil {
		return err
	}
	if len(o.command) > 0 {
		found.drafts = append(found.drafts, commandDraft(o.command, found.drafts))
	}
	if _, err := fmt.Fprint(o.env.Out, found.words()); err != nil {
		return fmt.Errorf("write what was found: %w", err)
	}
	if len(found.drafts) == 0 {
		fmt.Fprint(o.env.Out, found.example())
		return &unmeasured{"there is no Go program and no benchmark here to measure: name a command, heaptop init -- ./script.sh"}
	}
	if !o.yes && !o.questions.yes("build and run these now, three times each?") {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return usagef("", "nothing was run, and nothing written")
	}
	if err := o.measure(ctx, found); err != nil {
		return err
	}
	return o.write(ctx, path, found)
}

// inTheWay refuses at once what would be refused after the measurement.
func (o *initializing) inTheWay(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil
	case !info.Mode().IsRegular():
		return usagef("", "%s is no ordinary file: move it away", path)
	case o.force || o.questions.possible:
		return nil
	}
	return usagef("--force puts the new one in its place and keeps it as "+path+".bak", "%s is there already", path)
}

// write writes the policy when it holds, and says what comes next.
func (o *initializing) write(ctx context.Context, path string, found *surveyed) error {
	text := found.policy(o.now())
	if found.measured() == 0 {
		fmt.Fprint(o.env.Out, "\nNothing could be measured. This is what a policy could begin with:\n\n")
		for line := range strings.Lines(text) {
			fmt.Fprintln(o.env.Out, theme.Clean(strings.TrimSuffix(line, "\n")))
		}
		return &unmeasured{"none of the programs could be measured without arguments: name a command, heaptop init -- ./program -flag"}
	}
	if _, err := policy.Parse(path, []byte(text), policy.Options{Now: o.now()}); err != nil {
		return fmt.Errorf("check the new policy: %w", err)
	}
	if err := o.put(path, []byte(text)); err != nil {
		return err
	}
	if err := o.workflows(ctx, path); err != nil {
		return err
	}
	if ctx.Err() != nil { // what was left unanswered stays as it was
		return context.Cause(ctx)
	}
	if found.builds() {
		if err := ignoreBinaries(o.dir); err != nil {
			return err
		}
	}
	next := []string{"next:", "  heaptop check                  says in plain words what is gated",
		"  heaptop --headless --selftest  proves that it turns red", "  heaptop --headless             measures and judges"}
	if found.against {
		next = append(next, "Commit "+policy.Name+" first: while a program is what it was in that commit, comparing it takes no run.")
	}
	fmt.Fprintln(o.env.Out, strings.Join(next, "\n"))
	return nil
}

// put writes a file, after a question where one is there. The old one is kept.
func (o *initializing) put(path string, data []byte) error {
	old, err := os.ReadFile(path)
	switch {
	case err == nil && string(old) == string(data):
		fmt.Fprintf(o.env.Out, "%s is as it should be already\n", theme.Clean(path))
		return nil
	case err == nil && !o.force && !o.questions.overwrite(path, string(old), string(data)):
		printLines(o.env.Err, "heaptop: ", path+" stays as it was")
		return nil
	case err == nil:
		kept, err := keepOld(path, old)
		if err != nil {
			return err
		}
		fmt.Fprintf(o.env.Out, "the old %s is kept as %s\n", theme.Clean(filepath.Base(path)), theme.Clean(kept))
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := writeReport(o.env, path, func() ([]byte, error) { return data, nil }); err != nil {
		return err
	}
	fmt.Fprintf(o.env.Out, "wrote %s\n", theme.Clean(path))
	return nil
}

// keepOld copies a file to the first name that is free.
func keepOld(path string, data []byte) (string, error) {
	for n := range 100 {
		name := path + ".bak"
		if n > 0 {
			name += fmt.Sprint(n)
		}
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("keep the old file: %w", err)
		}
		_, err = file.Write(data)
		if err = errors.Join(err, file.Close()); err != nil {
			return "", fmt.Errorf("keep the old file: %w", err)
		}
		return name, nil
	}
	return "", usagef("", "there are 100 files %s.bak already", path)
}

// ignoreBinaries keeps the binaries that the policy's builds make out of git, by a file that also hides itself.
func ignoreBinaries(dir string) error {
	folder := filepath.Join(dir, filepath.FromSlash(binDir))
	path := filepath.Join(folder, ".gitignore")
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("make the folder for binaries: %w", err)
	}
	if err := os.WriteFile(path, []byte("*\n"), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
