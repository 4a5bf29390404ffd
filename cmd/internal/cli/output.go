package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// flushEvery is how long lines wait at most before they are written to the temporary file.
const flushEvery = time.Second

// outputFile is a file that appears under its name when it is complete. Until then the lines are in a temporary file
// beside it. What is no ordinary file, such as a pipe or /dev/null, is written as it is. One goroutine uses it.
type outputFile struct {
	path      string
	temporary string // "" when path is written as it is
	file      *os.File
	buffer    *bufio.Writer
	flushed   time.Time
}

func createOutput(path string) (*outputFile, error) {
	o := &outputFile{path: path, flushed: time.Now()}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, usagef("", "write %s: that is a directory", path)
	case err == nil && !info.Mode().IsRegular():
		o.file, err = os.OpenFile(path, os.O_WRONLY, 0)
	default:
		err = o.createTemporary()
	}
	if _, missing := os.Stat(filepath.Dir(path)); err != nil && errors.Is(missing, fs.ErrNotExist) {
		return nil, &hinted{fmt.Errorf("write %s: there is no folder %s", path, filepath.Dir(path)), "make it first, or write elsewhere"}
	}
	if inner := (*fs.PathError)(nil); errors.As(err, &inner) { // it names the temporary file
		err = inner.Err
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	o.buffer = bufio.NewWriter(o.file)
	return o, nil
}

// createTemporary makes the file that the lines go to until they are complete. In a folder that everybody may write to,
// another user may have put a link under any name that can be guessed: this one cannot, and a file that is there is never
// opened. The umask decides who may read it, as with the output of every other program.
func (o *outputFile) createTemporary() error {
	for range 100 {
		name := fmt.Sprintf(".%s.%d.%08x.tmp", filepath.Base(o.path), os.Getpid(), rand.Uint32())
		file, err := os.OpenFile(filepath.Join(filepath.Dir(o.path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			o.file, o.temporary = file, file.Name()
		}
		return err
	}
	return fmt.Errorf("make a temporary file beside it: %w", fs.ErrExist)
}

// writeOutput writes a file that appears under its name when write has written all of it, and not at all where that fails.
func writeOutput(path string, write func(io.Writer) error) error {
	file, err := createOutput(path)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		file.discard()
		return err
	}
	return file.publish()
}

// Write takes a whole line.
func (o *outputFile) Write(b []byte) (int, error) {
	n, err := o.buffer.Write(b)
	if err == nil && time.Since(o.flushed) >= flushEvery {
		o.flushed = time.Now()
		err = o.buffer.Flush()
	}
	if err != nil {
		return n, fmt.Errorf("write %s: %w", o.path, err)
	}
	return n, nil
}

// publish completes the file and gives it its name.
func (o *outputFile) publish() error {
	err := o.buffer.Flush()
	if err == nil && o.temporary != "" {
		err = o.file.Sync()
	}
	if closeErr := o.file.Close(); err == nil {
		err = closeErr
	}
	if err == nil && o.temporary != "" {
		err = os.Rename(o.temporary, o.path)
	}
	if err != nil {
		o.remove()
		return fmt.Errorf("write %s: %w", o.path, err)
	}
	return nil
}

// discard leaves nothing behind.
func (o *outputFile) discard() {
	o.file.Close()
	o.remove()
}

func (o *outputFile) remove() {
	if o.temporary != "" {
		os.Remove(o.temporary)
	}
}
