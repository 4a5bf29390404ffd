// Package table knows, for each Go release it was made for, where the runtime keeps its figures: the offsets of the
// fields that goproc reads, and the places in the runtime's code that betray the address of a variable when the binary
// has no symbol table.
//
// The tables are data, made from real binaries of each release by ../gen and committed, so that neither building nor
// using heaptop needs any toolchain but its own. A release is a minor release: the patch releases of one minor release
// never changed a layout. The package refuses to guess: a version that is not an official release name has no table,
// because a vendor's or an experiment's runtime may differ in any field.
package table

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"sync"
)

//go:generate go run ../gen -out data

//go:embed data/*.json
var data embed.FS

// ErrNoTable says that there is no table for a version or an architecture.
var ErrNoTable = errors.New("no table for this release")

// Field is where a field lies in its struct and how long it is, both in bytes.
type Field struct{ Off, Size uint32 }

// MarshalJSON writes the pair [offset, size].
func (f Field) MarshalJSON() ([]byte, error) { return json.Marshal([2]uint32{f.Off, f.Size}) }

// UnmarshalJSON reads the pair [offset, size].
func (f *Field) UnmarshalJSON(b []byte) error {
	var pair [2]uint32
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	f.Off, f.Size = pair[0], pair[1]
	return nil
}

// Type is the layout of a struct. Fields of nested structs have dotted names: "gFree.stack.size".
type Type struct {
	Size   uint32           `json:"size"`
	Fields map[string]Field `json:"fields"`
}

// Layout is the types of one release by their full name, "runtime.mspan".
type Layout map[string]Type

// Variable is a package variable of the runtime.
type Variable struct {
	Size      uint32    `json:"size"`
	Witnesses []Witness `json:"witnesses"`
}

// Release is all that is known of one minor release on one architecture.
type Release struct {
	Go        string              `json:"go"`   // "go1.26"
	Arch      string              `json:"arch"` // "amd64"
	Made      []string            `json:"made"` // the versions it was made from: "go1.26.8"
	Types     Layout              `json:"types"`
	Variables map[string]Variable `json:"variables"`
	// Classes is the object size of each size class, in bytes; class 0 stands for large objects and has size 0.
	Classes []uint32 `json:"classes"`
}

// release is compiled when it is needed first: most runs of heaptop never look into a process.
var release = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^go1\.([0-9]{1,3})(\.[0-9]{1,3}|rc[0-9]{1,2})?$`)
})

// Minor returns the minor release of an official version, 26 for "go1.26.8" and "go1.26rc1". ok is false for a
// development version, a vendor's and one built with experiments.
func Minor(version string) (minor int, ok bool) {
	m := release().FindStringSubmatch(version)
	if m == nil {
		return 0, false
	}
	for _, d := range m[1] {
		minor = minor*10 + int(d-'0')
	}
	return minor, true
}

// Load returns the table for a version such as "go1.26.8" on "amd64" or "arm64". The error wraps ErrNoTable when there
// is none.
func Load(version, arch string) (*Release, error) {
	minor, ok := Minor(version)
	if !ok {
		return nil, fmt.Errorf("%q is not an official release: %w", version, ErrNoTable)
	}
	b, err := data.ReadFile(fmt.Sprintf("data/go1.%d-%s.json", minor, arch))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s on %s: %w", version, arch, ErrNoTable)
	}
	if err != nil {
		return nil, err
	}
	r := new(Release)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("table of %s on %s: %w", version, arch, err)
	}
	return r, nil
}
