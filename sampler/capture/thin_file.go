package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// startThinning begins to rewrite the recording, once it is too large, on a goroutine of its own. Readings go on being
// appended to the old file meanwhile.
func (w *recording) startThinning() {
	large := w.size > max(w.o.MaxBytes, w.nextThin) || w.members > maxMembers/2
	if !large || w.thinned != nil || len(w.backlog) > 0 {
		return
	}
	w.packer.breakChains() // what is appended from here on must stand by itself
	w.thinned, w.cancel = make(chan thinning, 1), make(chan struct{})
	w.harder = max(w.harder, 1)
	done, cancel, file, path, size, now, harder := w.thinned, w.cancel, w.file, w.path, w.size, w.o.Now(), w.harder
	go func() { done <- thin(file, path, size, now, harder, cancel) }()
}

// stopThinning gives a rewriting up that is not done.
func (w *recording) stopThinning() {
	if w.thinned == nil {
		return
	}
	close(w.cancel)
	t := <-w.thinned
	t.discard()
	w.thinned = nil
}

// finishThinning puts the new file in the old one's place, with what was appended meanwhile. When anything fails, the
// old file stays.
func (w *recording) finishThinning(t thinning) {
	w.thinned = nil
	w.nextThin = w.size + w.size/4
	if t.err == nil {
		t.err = w.replace(&t)
	}
	if t.err != nil {
		t.discard()
		w.err = fmt.Errorf("thin %s: %w", w.path, t.err)
		return
	}
	w.rewrites++
	w.nextThin = 0
	if w.size > w.o.MaxBytes/4*3 && w.harder < hardest {
		w.harder *= 2 // and again at once, while it is too large
	} else {
		w.nextThin = w.size + w.size/4
	}
}

// hardest is how much harder than usual a recording is thinned at most: then a few minutes alone are too large.
const hardest = 1 << 10

func (w *recording) replace(t *thinning) error {
	since := io.NewSectionReader(w.file, t.upTo, w.size-t.upTo)
	appended, err := io.Copy(io.NewOffsetWriter(t.file, t.size), since)
	if err != nil {
		return err
	}
	if err := t.file.Sync(); err != nil {
		return err
	}
	if err := w.stillThere(); err != nil {
		return err
	}
	if err := rename(w, t); err != nil {
		return err
	}
	w.size = t.size + appended
	w.members = t.members // and the few appended since; a bound, not a sum
	syncDir(filepath.Dir(w.path))
	return nil
}

// stillThere makes sure that the recording has its name: somebody may have moved it, and put something else there.
func (w *recording) stillThere() error {
	ours, err := w.file.Stat()
	if err != nil {
		return err
	}
	named, err := os.Lstat(w.path)
	if err != nil {
		return err
	}
	if !os.SameFile(ours, named) {
		return errors.New("another file has its name now")
	}
	return nil
}

// rename makes the new file the recording. Where an open file cannot be replaced it is closed first, and opened again
// if that does not help because somebody else reads it.
func rename(w *recording, t *thinning) error {
	err := os.Rename(t.file.Name(), w.path)
	if err == nil {
		old := w.file
		w.file, t.file = t.file, nil
		_ = old.Close() // all of it is in the new file
		return nil
	}
	temp := t.file.Name()
	if err := errors.Join(w.file.Close(), t.file.Close()); err != nil {
		return err
	}
	err = os.Rename(temp, w.path)
	f, openErr := os.OpenFile(w.path, os.O_RDWR, 0)
	if openErr != nil {
		return errors.Join(err, openErr)
	}
	w.file = f
	return err
}
