package tui

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/tui/tab"
)

// The bounds of the list of files: the folder may hold anything.
const (
	mostNames = 10_000 // of the folder that are looked at
	mostFiles = 500    // that are listed, the newest
)

// changedFile is the end of something done to a file.
type changedFile struct {
	tab.FilesChanged
	done string
	err  error
}

// filesNews takes what has to do with the folder of snapshots. taken is false for another message.
func (m *model) filesNews(msg tea.Msg) (cmd tea.Cmd, taken bool) {
	switch msg := msg.(type) {
	case tab.ListFiles:
		dir := m.o.SnapshotDir
		return func() tea.Msg { return listFiles(dir) }, true
	case tab.LookInto:
		return func() tea.Msg { return lookInto(msg.Files) }, true
	case tab.RenameFile:
		return func() tea.Msg {
			to, err := capture.Rename(msg.Path, msg.Name)
			if errors.Is(err, fs.ErrExist) {
				err = fmt.Errorf("there is a file called %s already: nothing was renamed", msg.Name)
			}
			return changedFile{tab.FilesChanged{Was: msg.Path, Path: to}, "renamed: " + filepath.Base(to), err}
		}, true
	case tab.NoteFile:
		return func() tea.Msg {
			err := capture.SetNote(msg.Path, msg.Note)
			return changedFile{tab.FilesChanged{Was: msg.Path, Path: msg.Path}, "noted in " + filepath.Base(msg.Path), err}
		}, true
	case tab.DeleteFile:
		return func() tea.Msg {
			err := os.Remove(msg.Path)
			return changedFile{tab.FilesChanged{Was: msg.Path}, "deleted: " + filepath.Base(msg.Path), err}
		}, true
	case changedFile:
		if msg.err != nil {
			m.say(clean(msg.err.Error()), true)
			return nil, true
		}
		m.say(clean(msg.done), false)
		return m.tell(msg.FilesChanged), true
	case tab.Confirm:
		return m.pose(questionMsg{watch: m.watchID, text: msg.Text, no: "nothing was deleted", yes: func() tea.Cmd { return msg.Yes }}), true
	case tab.ReadSides:
		return m.readSides(msg), true
	}
	return nil, false
}

// listFiles lists the snapshots and recordings in the folder, the newest first.
func listFiles(dir string) tab.FileList {
	if dir == "" {
		var err error
		if dir, err = capture.DefaultDir(); err != nil {
			return tab.FileList{Err: fmt.Errorf("find the folder for snapshots: %w", err)}
		}
	}
	list := tab.FileList{Dir: dir}
	folder, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return list // nothing was written yet
	}
	if err != nil {
		list.Err = err
		return list
	}
	defer func() { _ = folder.Close() }() // it was only read
	entries, err := folder.ReadDir(mostNames)
	if err != nil && !errors.Is(err, io.EOF) {
		list.Err = err
		return list
	}
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if ext != capture.Extension && ext != capture.RecordingExtension || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // it is gone again, or no file of ours
		}
		list.Files = append(list.Files, tab.FileInfo{
			Path: filepath.Join(dir, e.Name()), Size: info.Size(), Changed: info.ModTime(), Recording: ext == capture.RecordingExtension,
		})
	}
	slices.SortFunc(list.Files, func(a, b tab.FileInfo) int { return b.Changed.Compare(a.Changed) })
	if more := len(list.Files) - mostFiles; more > 0 {
		list.Files, list.More = list.Files[:mostFiles], more
	}
	return list
}

// lookInto reads what the list shows of each file.
func lookInto(files []tab.FileInfo) tab.FileInfos {
	for i := range files {
		f := &files[i]
		f.Known = true
		if f.Recording {
			f.Err = lookIntoRecording(f)
		} else {
			f.Err = lookIntoSnapshot(f)
		}
	}
	return tab.FileInfos{Files: files}
}

func lookIntoSnapshot(f *tab.FileInfo) error {
	s, err := capture.Peek(f.Path)
	if err != nil {
		return withoutPath(f.Path, err)
	}
	f.Time, f.Note, f.Program = s.Meta.Time, s.Note, s.Info.Name
	if s.Sample != nil {
		f.RSS, f.Heap = s.Sample.Reading(sampler.ProcessRSS), s.Sample.Reading(sampler.GoClassObjects)
		if f.Time.IsZero() {
			f.Time = s.Sample.Time
		}
	}
	return nil
}

func lookIntoRecording(f *tab.FileInfo) error {
	r, err := capture.Open(f.Path)
	if err != nil {
		return withoutPath(f.Path, err)
	}
	defer func() { _ = r.Close() }() // it was only read
	from, to := r.Span()
	f.Time, f.Length, f.Program = to, to.Sub(from).Round(time.Second), r.Info().Name
	if gone := r.Gone(); gone != nil {
		f.Note = gone.Error()
	}
	last, err := r.At(to)
	if err != nil {
		return withoutPath(f.Path, err)
	}
	f.RSS, f.Heap = last.Reading(sampler.ProcessRSS), last.Reading(sampler.GoClassObjects)
	return nil
}

// withoutPath leaves the file's path out of an error that stands beside its name.
func withoutPath(path string, err error) error {
	if _, reason, found := strings.Cut(err.Error(), path+": "); found {
		return errors.New(reason)
	}
	return err
}
