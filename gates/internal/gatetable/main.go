// Command gatetable prints the table of docs/gates.md: how often each way of judging is wrong.
//
//	go run ./gates/internal/gatetable -repeats 20000
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/alloc-dev/heaptop/gates/internal/simulate"
)

func main() {
	repeats := flag.Int("repeats", 2000, "of every figure")
	seed := flag.Uint64("seed", 1, "of noise and order")
	flag.Parse()
	if err := simulate.Write(os.Stdout, simulate.Table(*repeats, *seed)); err != nil {
		fmt.Fprintf(os.Stderr, "write the table: %v\n", err)
		os.Exit(1)
	}
}
