// Package github brings a report to where people discuss it on GitHub: a comment on a pull request, an issue about what
// drifts, the summary of a job; and it renders the workflows that do so.
//
// It speaks to the REST API through google/go-github, which knows the types, the pagination and GitHub's two kinds of rate
// limits; that weighs 0.7 MB of binary and one module more than net/http alone. What go-github leaves to its callers is
// here: waiting and trying again, which is bounded, and errors that say the next step. A try repeats the whole of an
// operation, beginning with the search for what an earlier try may have written, so that an answer that was lost never
// leads to a second comment.
//
// A comment or an issue is its own when a hidden marker is in it and the account of the token has written it: what others
// write can hold the same marker and stays untouched. It refuses to judge: the verdict is the report's, and whatever GitHub
// answers, a verdict is never lost; a token that may only read is an error of its own, ErrReadOnly, for which the caller has
// the job's summary. It never prints a token, and it downloads and runs nothing that a pull request brings.
package github
