package cli

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/proc"
)

// offerValues registers for the flags of a tree of commands what a shell can offer for their values, where their type
// says it and the command does not.
func offerValues(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		complete := valuesOf(f.Value)
		if _, has := c.GetFlagCompletionFunc(f.Name); has || complete == nil {
			return
		}
		if err := c.RegisterFlagCompletionFunc(f.Name, complete); err != nil {
			panic(err) // the flag is the command's own
		}
	})
	for _, sub := range c.Commands() {
		offerValues(sub)
	}
}

func valuesOf(v pflag.Value) cobra.CompletionFunc {
	switch v := v.(type) {
	case *choice:
		return cobra.FixedCompletions(v.known, cobra.ShellCompDirectiveNoFileComp)
	case *limits:
		return beginnings(liveLimits)
	case *when:
		return beginnings(func() []string {
			list := liveLimits()
			for i, begin := range list {
				list[i] = strings.TrimSuffix(begin, "=") + ">"
			}
			return list
		})
	case *span, *size, *growthRate, *levels, *seed:
		return cobra.NoFileCompletions
	}
	return nil
}

// workCounters are the counters of work that --per is given first of all; any other counter will do.
func workCounters() []string {
	return []string{string(sampler.WorkOperations), string(sampler.GoHeapAllocCount), string(sampler.ProcessCPU)}
}

// beginnings offers words that are typed on, without a space behind them.
func beginnings(words func() []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words(), cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
}

// filesEnding leaves it to the shell to offer folders and the files with these ends.
func filesEnding(ends ...string) cobra.CompletionFunc {
	for i, end := range ends {
		ends[i] = strings.TrimPrefix(end, ".")
	}
	return cobra.FixedCompletions(ends, cobra.ShellCompDirectiveFilterFileExt)
}

// completeTarget offers the one target of a command: processes that run, and recordings and snapshots.
func completeTarget(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list := filesLike(typed, capture.RecordingExtension, capture.Extension)
	if typed != "" && !strings.Contains(typed, "/") {
		for _, name := range processNames(c.Context()) {
			if strings.HasPrefix(name, typed) {
				list = append(list, name)
			}
		}
	}
	return list, spaceBehind(list)
}

// completeReports offers reports and the folders they may be in.
func completeReports(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	list := filesLike(typed, ".json")
	return list, spaceBehind(list)
}

// spaceBehind says that a folder is typed on.
func spaceBehind(list []string) cobra.ShellCompDirective {
	if slices.ContainsFunc(list, func(s string) bool { return strings.HasSuffix(s, "/") }) {
		return cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return cobra.ShellCompDirectiveNoFileComp
}

// filesLike returns the folders, and the files with these ends, whose names begin as what was typed. A shell that is told
// to offer files by their ends offers no commands beside them, so commands that have both look for themselves.
func filesLike(typed string, ends ...string) []string {
	const most = 1000
	folder, begin := filepath.Split(typed)
	entries, err := os.ReadDir(cmp.Or(folder, "."))
	if err != nil {
		return nil
	}
	var list []string
	for _, e := range entries {
		name := e.Name()
		hidden := strings.HasPrefix(name, ".") && begin == ""
		if !strings.HasPrefix(name, begin) || hidden || !plain(name) || len(list) == most {
			continue
		}
		switch {
		case e.IsDir():
			list = append(list, folder+name+"/")
		case slices.Contains(ends, filepath.Ext(name)):
			list = append(list, folder+name)
		}
	}
	return list
}

// processNames returns the names of the programs that run, each once and in order, as far as a shell takes them without
// quotes: who names a process could else make a shell run something.
func processNames(ctx context.Context) []string {
	if ctx == nil {
		ctx = context.Background()
	}
	lister, err := proc.NewLister(proc.Options{})
	if err != nil {
		return nil
	}
	defer func() { _ = lister.Close() }() // it gives back what it read with
	var table sampler.ProcessTable
	if err := lister.List(ctx, sampler.ListOptions{}, &table); err != nil {
		return nil
	}
	var names []string
	for _, p := range table.Processes {
		if name := programName(p); plain(name) && p.PID != os.Getpid() && p.State != 'Z' {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// programName is what a person calls a process: the last part of its first argument, for the kernel cuts names after 15
// bytes, or the name where the argument is none, such as -bash. It is "" for a thread of the kernel, which has no arguments
// and no memory of its own.
func programName(p sampler.Process) string {
	first, _, _ := strings.Cut(p.Command, " ")
	if first == "" {
		return ""
	}
	if base := filepath.Base(first); plain(base) {
		return base
	}
	return p.Name
}
