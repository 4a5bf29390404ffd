package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

// checkFile refuses what makes no sense over a recording or a snapshot.
func (o *live) checkFile() error {
	for _, f := range []struct {
		flag  string
		given bool
	}{
		{"--record", o.record != ""}, {"--pprof", o.pprof != ""}, {"--duration", o.given("duration")},
		{"--interval", o.given("interval")}, {"--mode " + o.mode, o.mode != modeLive},
	} {
		if f.given {
			return usagef("see heaptop --help", "%s goes with a target that lives, and %s is a file", f.flag, o.target.Path)
		}
	}
	return nil
}

// readPage reads --format html: a page is made of what was kept, which a file is and what lives is not.
func (o *live) readPage() error {
	if o.target.Kind == sampler.KindFile {
		o.format = "html"
		return nil
	}
	hint := "record it, and make a page of that: --record FILE.heaprec, then heaptop replay --format html FILE.heaprec"
	if o.mode == modeSnapshot {
		hint = "make a page of two of its snapshots: heaptop diff --format html FROM TO"
	}
	return usagef(hint, "--format html: a page is made of what was kept, and the live modes print as they read: %s", strings.Join(formats(), ", "))
}

// checkMode refuses what does not go with the mode.
func (o *live) checkMode() error {
	if o.mode == modeLive {
		return nil
	}
	if o.target.Kind == sampler.KindMachine && !o.demo {
		return usagef("name one: heaptop --mode "+o.mode+" 4242", "--mode %s goes with a target", o.mode)
	}
	if o.mode == modeSnapshot && o.given("format") && o.format == "dashboard" {
		return usagef("", "--mode snapshot shows no dashboard: use it with --format text or json")
	}
	return nil
}

// checkRecord refuses a recording that could not be made or not be opened again.
func (o *live) checkRecord() error {
	if o.record == "" {
		return nil
	}
	if filepath.Ext(o.record) != capture.RecordingExtension {
		return usagef("", "--record %s: the name must end in %s, or heaptop cannot open it again", o.record, capture.RecordingExtension)
	}
	return free("--record", o.record)
}

// free returns an error when there is a file of that name.
func free(flag, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return taken(flag, path)
	}
	return nil
}

// dir is the folder for snapshots.
func (o *live) dir() (string, error) {
	if o.snapshotDir != "" {
		return o.snapshotDir, nil
	}
	return capture.DefaultDir()
}

// boxDir is the folder for the black box, "" where none is wanted; or why there is none.
func (o *live) boxDir() (string, error) {
	if !o.blackBox {
		return "", nil
	}
	dir, err := o.dir()
	if err != nil {
		return "", fmt.Errorf("keep what was read before its end: %w; --snapshot-dir names a folder", err)
	}
	return dir, nil
}
