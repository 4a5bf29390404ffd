// Command heaptop watches the memory of any process, and sees deep inside Go programs. See `heaptop help`.
package main

import (
	"context"
	"os"

	"github.com/alloc-dev/heaptop/cmd/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), cli.System(), os.Args[1:]))
}
