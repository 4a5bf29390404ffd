//go:build cgo

package main

// #include <stdlib.h>
// #include <string.h>
// static void *leak(size_t n) { void *p = malloc(n); if (p) memset(p, 1, n); return p; }
import "C"

//go:noinline
func allocated() { C.leak(8 << 10) }
