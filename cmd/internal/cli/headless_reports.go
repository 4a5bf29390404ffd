package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report"
)

// reportFormats are the names of the formats of reports.
func reportFormats() []string {
	var list []string
	for _, f := range report.Formats() {
		list = append(list, f.Name)
	}
	return list
}

func reportFormat(name string) (report.Format, bool) {
	for _, f := range report.Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return report.Format{}, false
}

// defaultFormat is what stdout gets when no format is named.
const defaultFormat = "text"

// checkReportFormats refuses a format that is not known, and two reports in one place.
func checkReportFormats(typed []string, output string) error {
	seen := map[string]string{}
	if output != "" {
		seen[output] = "--output"
	}
	for _, t := range typed {
		name, file, toFile := strings.Cut(t, "=")
		if _, ok := reportFormat(name); !ok {
			return usagef("see heaptop --help", "--format %s: unknown format, reports know %s%s", name, strings.Join(reportFormats(), ", "),
				didYouMean("", name, reportFormats()))
		}
		if toFile && file == "" {
			return usagef("", "--format %s: want the name of a file behind =", t)
		}
		if other, twice := seen[file]; twice {
			where := file
			if where == "" {
				where = "stdout"
			}
			return usagef("give one of them a file: --format "+name+"=FILE", "--format %s and %s both go to %s", name, other, where)
		}
		seen[file] = "--format " + name
	}
	return nil
}

// reports are the places where one report goes, each in a format.
type reports struct {
	env  *environment
	list []outlet
}

type outlet struct {
	format report.Format
	file   *outputFile // nil for stdout
}

// openReports opens the files before the work, so that a folder that cannot be written is known at once. Where no format
// is given stdout gets text.
func openReports(env *environment, typed []string, output string) (*reports, error) {
	r := &reports{env: env}
	open := func(name, path string) error {
		format, ok := reportFormat(name)
		if !ok {
			return usagef("", "unknown format %s", name)
		}
		d := outlet{format: format}
		if path != "" {
			file, err := createOutput(path)
			if err != nil {
				return err
			}
			d.file = file
		}
		r.list = append(r.list, d)
		return nil
	}
	if output != "" {
		typed = append([]string{"json=" + output}, typed...)
	}
	if len(typed) == 0 || len(typed) == 1 && output != "" {
		typed = append(typed, defaultFormat)
	}
	for _, t := range typed {
		name, file, _ := strings.Cut(t, "=")
		if err := open(name, file); err != nil {
			r.discard()
			return nil, err
		}
	}
	return r, nil
}

// write writes the report everywhere; a place that fails does not keep it from the others.
func (r *reports) write(rep *gates.Report) error {
	var all []error
	for _, d := range r.list {
		all = append(all, d.write(r.env.Out, rep))
		if d.format.Name == githubFormat {
			all = append(all, summarize(r.env.Getenv, rep))
		}
	}
	r.list = nil
	return errors.Join(all...)
}

func (d outlet) write(stdout io.Writer, rep *gates.Report) error {
	var b bytes.Buffer
	err := d.format.Write(&b, rep)
	if err != nil {
		err = fmt.Errorf("write the report as %s: %w", d.format.Name, err)
	}
	if d.file == nil {
		if err == nil {
			_, err = stdout.Write(b.Bytes())
		}
		return err
	}
	if err == nil {
		_, err = d.file.Write(b.Bytes())
	}
	if err != nil {
		d.file.discard()
		return err
	}
	return d.file.publish()
}

// discard leaves nothing behind of what was not written.
func (r *reports) discard() {
	for _, d := range r.list {
		if d.file != nil {
			d.file.discard()
		}
	}
	r.list = nil
}

// githubFormat is the format that has a second part: the summary of the step.
const githubFormat = "github"

// summarize appends to the file that GitHub Actions shows as the summary of a step, as far as there is room in it. It does
// nothing elsewhere.
func summarize(getenv func(string) string, rep *gates.Report) error {
	path := getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the summary of the step: %w", err)
	}
	var written int64
	if at, statErr := file.Stat(); statErr == nil {
		written = at.Size()
	}
	err = errors.Join(report.GitHubSummary(file, rep, int(max(0, report.MaxSummary-written))), file.Close())
	if err != nil {
		return fmt.Errorf("write the summary of the step to %s: %w", path, err)
	}
	return nil
}
