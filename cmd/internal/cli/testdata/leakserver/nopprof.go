//go:build nopprof

package main

func profile() error { return nil }
