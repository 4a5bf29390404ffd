package goproc

type siteReader struct{}
type goroutineReader struct{}
type spanReader struct{}
