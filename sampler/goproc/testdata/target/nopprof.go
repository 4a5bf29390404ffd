//go:build nopprof

package main

func profile(string) []byte { return nil }
