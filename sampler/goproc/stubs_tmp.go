package goproc

type spanReader struct{}
