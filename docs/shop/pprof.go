//go:build pprof

package main

import _ "net/http/pprof" // /debug/pprof on the port of the shop
