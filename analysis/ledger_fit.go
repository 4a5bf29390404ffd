package analysis

import (
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// cut takes excess out of the rows with the given keys, in that order, none below 0, and returns what was left over. Rows
// that lose something say so.
func cut(rows []Row, excess float64, reason string, order ...string) float64 {
	for _, key := range order {
		for i := range rows {
			r := &rows[i]
			if r.Key != key || excess <= 0 || r.Bytes == 0 {
				continue
			}
			taken := min(r.Bytes, excess)
			r.Bytes -= taken
			excess -= taken
			r.note(unit.Bytes(taken) + " more " + reason)
		}
	}
	return excess
}

func (r *Row) note(text string) {
	if r.Note != "" {
		r.Note += "; "
	}
	r.Note += text
}

func total(rows []Row) float64 {
	sum := 0.0
	for _, r := range rows {
		sum += r.Bytes
	}
	return sum
}

func ago(d time.Duration) string { return unit.Duration(d.Round(time.Second)) }

// mapSums is the address space in the parts a ledger needs, in bytes.
type mapSums struct {
	goHeap, goOther float64 // resident memory of the Go runtime: its heap, its own data
	goSize          float64 // address space of both
	named           bool    // the kernel has the runtime's names for them, so goOther is complete
	brk             float64 // "[heap]"
	stacks          float64 // of threads
	anonymous       float64 // all other anonymous memory
	private         float64 // private copies of file pages: written data segments
	fileBacked      float64 // resident pages of files
	byName          []sampler.Mapping
}

func (m mapSums) isGo() bool { return m.goHeap+m.goOther > 0 }

// outside is anonymous memory that is not the Go heap and no copy of a file.
func (m mapSums) outside() float64 { return m.brk + m.stacks + m.anonymous }

func (m mapSums) anon() float64 { return m.goHeap + m.goOther + m.outside() + m.private }

func sumMappings(maps *sampler.Mappings) mapSums {
	var m mapSums
	for _, x := range maps.List {
		resident, anon := whole(x.RSS), whole(x.Anon)
		anon = min(anon, resident)
		switch {
		case x.Go:
			m.addGo(x.Name, resident)
			m.goSize += whole(x.Size)
		case sharedName(x.Name):
			// the kernel counts it as shared memory
		case x.Name == "[heap]":
			m.brk += anon
		case x.Stack || strings.HasPrefix(x.Name, "[stack"):
			m.stacks += anon
		case x.Name == "" || strings.HasPrefix(x.Name, "["):
			m.anonymous += anon
		default:
			m.private += anon
			m.fileBacked += resident - anon
			if resident > anon {
				m.byName = append(m.byName, x)
			}
		}
	}
	return m
}

// addGo tells the heap from the runtime's own data by the names that Go 1.25 and later give their mappings where the
// kernel keeps such names. Without names only the heap can be recognised, by its place.
func (m *mapSums) addGo(name string, resident float64) {
	_, what, named := strings.Cut(strings.TrimSuffix(name, "]"), "Go: ")
	if !named || what == "heap" || what == "heap reservation" {
		m.goHeap += resident
	} else {
		m.goOther += resident
	}
	m.named = m.named || named
}

// sharedName reports whether the kernel counts the pages of such a mapping as shared memory rather than as file pages.
func sharedName(name string) bool {
	for _, prefix := range []string{"/memfd:", "/SYSV", "/dev/shm/", "/dev/zero", "[anon_shmem:"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
