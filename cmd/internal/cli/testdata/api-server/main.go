// Command api-server is the program that the documentation watches: a little memory, a little traffic, net/http/pprof.
package main

import (
	"net/http"
	_ "net/http/pprof" // what http://host:port means as a target
	"os"
	"time"
)

var kept [][]byte

func main() {
	address := "127.0.0.1:0"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	go func() {
		for range time.Tick(10 * time.Millisecond) {
			kept = append(kept, make([]byte, 16<<10))
			if len(kept) > 512 {
				kept = kept[256:]
			}
		}
	}()
	if err := http.ListenAndServe(address, nil); err != nil {
		os.Exit(1)
	}
}
