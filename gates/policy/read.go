package policy

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml/ast"

	"github.com/alloc-dev/heaptop/sampler"
)

// Name is the file that is read when none is named.
const Name = "heaptop.yml"

// Read reads a policy from a file. What is wrong inside is Problems, all of them at once; a file that cannot be read is an
// error that wraps its cause.
func Read(path string, o Options) (*Policy, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("read policy %s: is a folder; name the file: %s", path, filepath.Join(path, Name))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read policy %s: %w", path, err)
	}
	return Parse(path, data, o)
}

// Parse reads a policy. name is the file's, for problems. The error is Problems.
func Parse(name string, data []byte, o Options) (*Policy, error) {
	r := &reader{file: name, anchors: map[string]ast.Node{}}
	root, ok := r.document(data)
	if !ok {
		return nil, r.problems
	}
	f := r.policyFile(root)
	p := r.resolve(f, o)
	if len(r.problems) > 0 {
		return nil, r.problems.sorted()
	}
	p.Path = name
	return p, nil
}

// Of makes a policy of scenarios that a command line describes. A Name is made from what is measured where there is none.
// The error is Problems.
func Of(flags Flags, scenarios ...Scenario) (*Policy, error) {
	r := &reader{}
	p := &Policy{Scenarios: scenarios}
	for i := range scenarios {
		s := &scenarios[i]
		if s.Name == "" {
			s.Name = nameOf(*s)
		}
		s.setSessions()
	}
	r.finish(p, flags, nil)
	if len(r.problems) > 0 {
		return nil, r.problems.sorted()
	}
	return p, nil
}

// nameOf makes a name of what is measured: letters and digits of the program's own name.
func nameOf(s Scenario) string {
	text := s.Builtin
	switch {
	case len(s.Command) > 0:
		text = filepath.Base(s.Command[0])
	case s.Run != "":
		text = s.Run
	case s.Bench != "":
		text = filepath.Base(s.Bench)
	case s.Target != "":
		text = sampler.WithoutPassword(s.Target)
	}
	name := make([]byte, 0, len(text))
	for i := 0; i < len(text) && len(name) < 40; i++ {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_':
			name = append(name, c)
		case len(name) > 0 && name[len(name)-1] != '-':
			name = append(name, '-')
		}
	}
	for len(name) > 0 && name[len(name)-1] == '-' {
		name = name[:len(name)-1]
	}
	if len(name) == 0 {
		return string(s.Kind)
	}
	return string(name)
}
