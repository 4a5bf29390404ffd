package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

// format is a way to write a report.
type format struct {
	Name, What string
	Write      func(io.Writer, *gates.Report) error
}

// formatList is the table of the formats.
func formatList() []format {
	return []format{
		{"json", "the report itself, which can be a baseline", func(w io.Writer, r *gates.Report) error {
			data, err := r.JSON()
			if err == nil {
				_, err = w.Write(data)
			}
			return err
		}},
	}
}

// reportFormats are the names of the formats of reports.
func reportFormats() []string {
	var list []string
	for _, f := range formatList() {
		list = append(list, f.Name)
	}
	return list
}

func reportFormat(name string) (format, bool) {
	for _, f := range formatList() {
		if f.Name == name {
			return f, true
		}
	}
	return format{}, false
}

// defaultFormat is what stdout gets when no format is named.
func defaultFormat() string {
	if _, ok := reportFormat("text"); ok {
		return "text"
	}
	return formatList()[0].Name
}

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
	format format
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
		typed = append(typed, defaultFormat())
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
