package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// mostProblems bounds how many are told.
const mostProblems = 20

// Problem is what is wrong at one place of a file. Lines and columns count from 1; without a line the problem is of the
// whole file.
type Problem struct {
	File         string
	Line, Column int
	Text         string
}

// Error is "heaptop.yml:5:5: unknown key ...", as editors read it.
func (p Problem) Error() string {
	switch {
	case p.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
	case p.File != "":
		return p.File + ": " + p.Text
	}
	return p.Text
}

// Problems is all that is wrong with a policy, in the file's order. It is never empty.
type Problems []Problem

// Error has a line for each problem, and one more when there are many.
func (p Problems) Error() string {
	var b strings.Builder
	for i, problem := range p {
		if i == mostProblems {
			fmt.Fprintf(&b, "\nand %d more", len(p)-mostProblems)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(problem.Error())
	}
	return b.String()
}

// sorted orders problems by place and leaves out what is said twice.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(p)
}
