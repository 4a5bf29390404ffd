package goproc

import (
	"fmt"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

const maxType = 1 << 20 // bytes of one struct of the runtime

// resolver collects the offsets and addresses that one reader needs, and what of them is missing, so that the error
// names all of it at once.
type resolver struct {
	p       *program
	missing []string
}

func (p *program) resolve() *resolver { return &resolver{p: p} }

// size returns the size of a type in bytes.
func (r *resolver) size(typ string) int {
	t, ok := r.p.layout["runtime."+typ]
	if !ok || t.Size == 0 || t.Size > maxType {
		r.missing = append(r.missing, "runtime."+typ)
		return 0
	}
	return int(t.Size)
}

// field returns the offset of a field of at least width bytes.
func (r *resolver) field(typ, name string, width int) int {
	off, ok := r.optional(typ, name, width)
	if !ok {
		r.missing = append(r.missing, "runtime."+typ+"."+name)
	}
	return off
}

// optional is field for what not every release has. The field is known to lie within its type.
func (r *resolver) optional(typ, name string, width int) (off int, ok bool) {
	t := r.p.layout["runtime."+typ]
	f, ok := t.Fields[name]
	if !ok || int(f.Size) < width || t.Size > maxType || uint64(f.Off)+uint64(f.Size) > uint64(t.Size) {
		return 0, false
	}
	return int(f.Off), true
}

// width returns the size of a field in bytes, 0 when there is no such field.
func (r *resolver) width(typ, name string) int {
	return int(r.p.layout["runtime."+typ].Fields[name].Size)
}

// variable returns the address of a variable in the process.
func (r *resolver) variable(name string) uint64 {
	v, ok := r.p.vars["runtime."+name]
	if !ok {
		r.missing = append(r.missing, "runtime."+name)
	}
	return v.addr
}

// err returns nil when nothing was missing, else an error that wraps sampler.ErrUnsupported and names what was.
func (r *resolver) err(what string) error {
	if len(r.missing) == 0 {
		return nil
	}
	return fmt.Errorf("%s of a %s program: %s not found: %w", what, r.p.image.version, strings.Join(r.missing, ", "),
		sampler.ErrUnsupported)
}
