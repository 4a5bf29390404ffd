//go:build nopprof

package main

func setRate(int) {}
