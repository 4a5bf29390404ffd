// Package analysis turns readings into answers: where the resident memory is, whether it grows and when it reaches a
// limit, what the garbage collector costs, and which processes a filter means. The dashboard and the headless mode call
// the same functions, so a figure on the screen and the same figure in a report cannot differ.
//
// Everything here is a function of its arguments: no clock, no file, no network, no terminal. It refuses to fill gaps. A
// reading that is absent makes its result unknown or moves the memory to "unexplained", with a warning that says why; it
// never counts as 0. It refuses to call memory native, or leaked, without proof. Text from strangers (process and file
// names) passes through as it is: whoever prints it cleans it.
package analysis
