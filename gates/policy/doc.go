// Package policy reads heaptop.yml: what is run, what is allowed, and what is compared with what.
//
// It is strict. A key that it does not know, a unit that does not fit the metric, a limit that could never fail, a setting
// that no scenario follows, two scenarios of one name and a scenario that nothing judges are errors with file, line and column, because a policy that is
// not read as it was meant passes what it should stop. Where a word was nearly right, the error names it.
//
// It refuses merge keys, tags and more than one document: each makes the place where a setting comes from hard to see.
// It bounds size, depth and what aliases unfold to, for a policy may come from a stranger's pull request. It starts
// nothing, and measures and judges nothing; gates/run does the one, gates the other.
//
// From the weakest to the strongest, a setting comes from a preset, the top of the file, the chosen environment, the
// scenario, the chosen environment's entry for that scenario, and the command line.
package policy
