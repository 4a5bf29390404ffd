package redis

// Explain wraps an error of the client library in words: what was done, of which server, what it means and what to do next.
// It wraps the sentinels of package sampler as readings do, and is nil where err is.
func Explain(what, who string, err error) error { return told(what, who, err) }
