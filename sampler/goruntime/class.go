package goruntime

import "fmt"

// ofClass is an error of one of the classes that sampler names. Its text leaves the words of the class out, which would
// only repeat, and less exactly, what was said.
type ofClass struct{ said, class error }

func (e *ofClass) Error() string { return e.said.Error() }

// Unwrap makes errors.Is tell the class, and what the text wraps.
func (e *ofClass) Unwrap() []error { return []error{e.said, e.class} }

// classed words an error as fmt.Errorf does and gives it a class.
func classed(class error, format string, args ...any) error {
	return &ofClass{fmt.Errorf(format, args...), class}
}
