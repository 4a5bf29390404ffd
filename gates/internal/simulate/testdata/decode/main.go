// Command decode marshals and reads back records as JSON, keeping a part of them, and prints its own peak RSS in kB. Its
// runs are in ../recorded.txt.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type record struct {
	ID     int
	Name   string
	Tags   []string
	Values map[string]float64
}

func main() {
	batch := make([]record, 1500)
	for i := range batch {
		batch[i] = record{ID: i, Name: strings.Repeat("n", i%40), Tags: []string{"a", "b", "c"},
			Values: map[string]float64{"x": float64(i), "y": float64(i) / 3}}
	}
	data, _ := json.Marshal(batch)
	var kept [][]record
	for i := range 40 {
		var got []record
		if err := json.Unmarshal(data, &got); err != nil {
			os.Exit(1)
		}
		if i%4 == 0 {
			kept = append(kept, got)
		}
	}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Println(strings.Fields(line)[1])
		}
	}
	if len(kept) == 0 {
		os.Exit(1)
	}
}
