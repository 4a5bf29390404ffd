package run_test

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// workloads are programs made of the standard library, each with some work of its own kind: they read GOROOT's source.
func workloads() map[string]func([]string, func([]byte)) error {
	return map[string]func([]string, func([]byte)) error{"format": formatting, "json": encoding, "words": counting}
}

// work runs a workload with what was planted: ballast outside of the Go heap, and so many allocations more for each
// line of source.
func work(name, root string, ballast, extra int) error {
	files, err := filepath.Glob(filepath.Join(root, "src", "go", "*", "*.go"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, errors.New("no source was found"))
	}
	if ballast > 0 {
		b, err := syscall.Mmap(-1, 0, ballast, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			return err
		}
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
	}
	run, found := workloads()[name]
	if !found {
		return fmt.Errorf("no workload %q", name)
	}
	return run(files, func(text []byte) {
		for range extra * bytes.Count(text, []byte("\n")) {
			last = make([]byte, 32)
		}
	})
}

// formatting parses and prints source, as gofmt does, and keeps the trees.
func formatting(files []string, op func(text []byte)) error {
	fset := token.NewFileSet()
	var trees []*ast.File
	for _, name := range files[:len(files)/5] {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		tree, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := format.Node(&out, fset, tree); err != nil {
			return err
		}
		if trees = append(trees, tree); len(trees) > 20 {
			trees = trees[1:]
		}
		op(text)
	}
	runtime.KeepAlive(trees)
	return nil
}

// encoding writes documents and reads them back into maps.
func encoding(files []string, op func(text []byte)) error {
	var kept []any
	for _, name := range files[:len(files)/3] {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		data, err := json.Marshal(strings.Split(string(text), "\n"))
		if err != nil {
			return err
		}
		var doc any
		if err := json.Unmarshal(data, &doc); err != nil {
			return err
		}
		kept = append(kept, doc)
		op(text)
	}
	runtime.KeepAlive(kept)
	return nil
}

// counting compresses source, reads it again and counts its words.
func counting(files []string, op func(text []byte)) error {
	words := map[string]int{}
	for _, name := range files[:len(files)/3] {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, flate.BestSpeed)
		if err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		again, err := io.ReadAll(flate.NewReader(&packed))
		if err != nil {
			return err
		}
		for _, word := range strings.Fields(string(again)) {
			words[word]++
		}
		op(text)
	}
	list := make([]string, 0, len(words))
	for word := range words {
		list = append(list, word)
	}
	slices.Sort(list)
	runtime.KeepAlive(list)
	return nil
}
