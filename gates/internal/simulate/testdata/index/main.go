// Command index builds an inverted index of generated text with four goroutines, and prints its own peak RSS in kB. Its
// runs are in ../recorded.txt.
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
)

func main() {
	words := make([]string, 20000)
	lot := rand.New(rand.NewPCG(1, 2))
	for i := range words {
		words[i] = fmt.Sprintf("word%06d", lot.IntN(1_000_000))
	}
	var wait sync.WaitGroup
	shards := make([]map[string][]int, 4)
	for s := range shards {
		wait.Go(func() {
			lot := rand.New(rand.NewPCG(3, uint64(s)))
			index := map[string][]int{}
			for document := range 6000 {
				var b strings.Builder
				for range 40 {
					b.WriteString(words[lot.IntN(len(words))])
					b.WriteByte(' ')
				}
				for _, w := range strings.Fields(b.String()) {
					index[w] = append(index[w], document)
				}
			}
			shards[s] = index
		})
	}
	wait.Wait()
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Println(strings.Fields(line)[1])
		}
	}
	if len(shards[0]) == 0 {
		os.Exit(1)
	}
}
