package goproc

type goroutineReader struct{}
type spanReader struct{}
