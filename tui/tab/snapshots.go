package tab

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// FileInfo is a snapshot or a recording in the folder of snapshots.
type FileInfo struct {
	Path      string
	Size      int64 // bytes
	Changed   time.Time
	Recording bool

	// The rest is known once the file was looked into.
	Known   bool
	Err     error         // why it cannot be read
	Time    time.Time     // of the last reading in it
	Length  time.Duration // of a recording
	Program string
	RSS     sampler.Reading // bytes
	Heap    sampler.Reading // bytes of heap objects in use
	Note    string          // the person's, or how the program ended
}

// Requests that have to do with files, as messages of commands. The root answers the first two with FileList and
// FileInfos, and the others with a Notice and a FilesChanged.
type (
	// ListFiles asks what is in the folder.
	ListFiles struct{}
	// LookInto asks for what stands in files.
	LookInto struct{ Files []FileInfo }
	// RenameFile gives a file another name in its folder.
	RenameFile struct{ Path, Name string }
	// NoteFile writes the person's note into a snapshot.
	NoteFile struct{ Path, Note string }
	// DeleteFile removes a file; the person has agreed.
	DeleteFile struct{ Path string }
	// Confirm asks the person, and runs Yes when the person agrees.
	Confirm struct {
		Text string // what would be done, without a question mark
		Yes  tea.Cmd
	}
)

// FileList is what is in the folder, the newest first, not looked into yet.
type FileList struct {
	Dir   string
	Files []FileInfo
	More  int // older ones that are left out
	Err   error
}

// FileInfos is files that were looked into.
type FileInfos struct{ Files []FileInfo }

// FilesChanged says that a file was renamed, noted, deleted or written. Path is where it is now, "" when it is gone.
type FilesChanged struct{ Was, Path string }

// lookAtOnce is how many files are looked into by one command, so that the list grows while the rest is read.
const lookAtOnce = 8

// Snapshots is the list of snapshots and recordings that were written.
type Snapshots struct {
	table  Table[string] // by path
	files  map[string]FileInfo
	order  []string // as listed
	chosen []string // paths, at most two, the one chosen first first
	dir    string
	more   int
	err    error
	listed bool

	edit   fileEdit
	typing string // the path of the file whose name or note is typed
	input  Input
	size   Size
}

// fileEdit is what is being typed.
type fileEdit int

const (
	editNothing fileEdit = iota
	editName
	editNote
	editFilter
)

// The columns of the list.
const (
	fileName = iota
	fileTime
	fileRSS
	fileHeap
	fileSize
	fileNote
)

// NewSnapshots returns the list before it was read.
func NewSnapshots() *Snapshots {
	s := &Snapshots{files: map[string]FileInfo{}}
	s.table.SetColumns([]Column{
		fileName: {Title: "name", Width: 22, Flex: 6, Left: true, Sort: true, Ascending: true},
		fileTime: {Title: "time", Width: 12, Left: true, Sort: true, Keep: 4},
		fileRSS:  {Title: "RSS", Width: 8, Sort: true},
		fileHeap: {Title: "heap", Width: 8, Sort: true, Keep: 3},
		fileSize: {Title: "size", Width: 8, Sort: true, Keep: 1},
		fileNote: {Title: "note", Width: 14, Flex: 3, Left: true, Keep: 2},
	})
	s.table.Order = fileTime
	return s
}

// Title implements Screen.
func (s *Snapshots) Title() string { return "Snapshots" }

// Place implements Screen.
func (s *Snapshots) Place() keys.Place {
	if s.edit != editNothing {
		return keys.InFilter
	}
	return keys.InSnapshots
}

// Mode implements Screen.
func (s *Snapshots) Mode() Mode {
	if s.edit != editNothing {
		return Filtering
	}
	return Normal
}

// Closable implements BackHandler: Esc drops a filter, then the choice.
func (s *Snapshots) Closable() bool { return len(s.chosen) > 0 || s.filtered() }

func (s *Snapshots) filtered() bool { return s.edit == editNothing && s.input.Text() != "" }

// Pair is what the person chose to compare: two files, the older one first, or one with now.
func (s *Snapshots) Pair() (p Pair, ok bool) {
	switch len(s.chosen) {
	case 1:
		return Pair{Moment{MomentFile, s.chosen[0]}, Moment{Kind: MomentNow}}, true
	case 2:
		a, b := s.chosen[0], s.chosen[1]
		if s.files[b].Time.Before(s.files[a].Time) {
			a, b = b, a
		}
		return Pair{Moment{MomentFile, a}, Moment{MomentFile, b}}, true
	}
	return Pair{}, false
}

// Why implements Screen.
func (s *Snapshots) Why(_ *State, id keys.ID) string {
	file, ok := s.selected()
	switch id {
	case keys.Open, keys.Choose, keys.Rename, keys.Note, keys.Delete:
		if !ok {
			return "there is no file: s writes a snapshot"
		}
	}
	switch id {
	case keys.Open, keys.Choose:
		if file.Err != nil {
			return "this file cannot be read: " + theme.Clean(file.Err.Error())
		}
	case keys.Note:
		switch {
		case file.Err != nil:
			return "this file cannot be read: " + theme.Clean(file.Err.Error())
		case file.Recording:
			return "a recording has no note of its own"
		}
	}
	return ""
}

// Update implements Screen.
func (s *Snapshots) Update(_ *State, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case Size:
		s.size = msg
		s.table.Resize(s.body().height)
		if !s.listed && s.dir == "" {
			return Ask(ListFiles{})
		}
	case FileList:
		return s.take(msg)
	case FileInfos:
		for _, f := range msg.Files {
			if _, ok := s.files[f.Path]; ok {
				s.files[f.Path] = f
			}
		}
		s.arrange()
		return s.look()
	case FilesChanged:
		s.changed(msg)
		return Ask(ListFiles{})
	case tea.KeyMsg:
		if s.edit != editNothing && s.input.Type(msg) && s.edit == editFilter {
			s.arrange()
		}
	default:
		switch s.table.heed(msg, s.body()) {
		case outcomeAgain:
			return s.open()
		case outcomeOrder:
			s.arrange()
		case outcomeElse:
			if act, ok := msg.(Act); ok {
				return s.act(act.ID)
			}
		}
	}
	return nil
}

// take makes the list anew and keeps what is known of files that have not changed.
func (s *Snapshots) take(list FileList) tea.Cmd {
	old := s.files
	s.dir, s.more, s.err, s.listed = list.Dir, list.More, list.Err, true
	s.files, s.order = map[string]FileInfo{}, s.order[:0]
	for _, f := range list.Files {
		if was, ok := old[f.Path]; ok && was.Size == f.Size && was.Changed.Equal(f.Changed) {
			f = was
		}
		s.files[f.Path] = f
		s.order = append(s.order, f.Path)
	}
	s.chosen = slices.DeleteFunc(s.chosen, func(path string) bool { _, ok := s.files[path]; return !ok })
	s.arrange()
	return s.look()
}

// look asks for some of the files that were not looked into.
func (s *Snapshots) look() tea.Cmd {
	var next []FileInfo
	for _, path := range s.order {
		if f := s.files[path]; !f.Known && len(next) < lookAtOnce {
			next = append(next, f)
		}
	}
	if len(next) == 0 {
		return nil
	}
	return Ask(LookInto{next})
}

// changed lets choice and selection follow a file.
func (s *Snapshots) changed(msg FilesChanged) {
	for i, path := range s.chosen {
		if path == msg.Was && msg.Path != "" {
			s.chosen[i] = msg.Path
		}
	}
	if at, ok := s.files[msg.Was]; ok && msg.Path != "" && msg.Path != msg.Was {
		at.Path = msg.Path
		s.files[msg.Path] = at
		delete(s.files, msg.Was)
		for i, path := range s.order {
			if path == msg.Was {
				s.order[i] = msg.Path
			}
		}
		s.arrange()
		if i := slices.Index(s.table.rows, msg.Path); i >= 0 {
			s.table.Select(i)
		}
	}
}

func (s *Snapshots) act(id keys.ID) tea.Cmd {
	switch id {
	case keys.Open:
		return s.open()
	case keys.Choose:
		s.choose()
	case keys.Rename:
		s.begin(editName)
	case keys.Note:
		s.begin(editNote)
	case keys.Filter:
		s.edit = editFilter
	case keys.Delete:
		return s.remove()
	case keys.FilterKeep:
		return s.finish()
	case keys.FilterDrop:
		s.edit = editNothing
		s.input.Set("")
		s.arrange()
	case keys.Back:
		s.back()
	}
	s.table.Resize(s.body().height)
	return nil
}

func (s *Snapshots) back() {
	if s.filtered() {
		s.input.Set("")
		s.arrange()
		return
	}
	s.chosen = nil
}

func (s *Snapshots) selected() (FileInfo, bool) {
	path, ok := s.table.Selected()
	if !ok {
		return FileInfo{}, false
	}
	return s.files[path], true
}

// arrange filters and orders the files.
func (s *Snapshots) arrange() {
	var words []string
	if s.edit == editFilter || s.edit == editNothing {
		words = wordsOf(s.input.Text())
	}
	shown := make([]string, 0, len(s.order))
	for _, path := range s.order {
		f := s.files[path]
		if hasAll(filepath.Base(path)+" "+f.Program+" "+f.Note, words) {
			shown = append(shown, path)
		}
	}
	sign := -1
	if s.table.Ascending() {
		sign = 1
	}
	slices.SortStableFunc(shown, func(a, b string) int {
		x, y := s.files[a], s.files[b]
		return cmp.Or(compareFiles(&x, &y, s.table.Order, sign), strings.Compare(a, b))
	})
	s.table.SetRows(shown)
}

func compareFiles(a, b *FileInfo, column, sign int) int {
	switch column {
	case fileName:
		return sign * strings.Compare(shownName(a.Path), shownName(b.Path))
	case fileRSS:
		return compareReadings(a.RSS, b.RSS, sign)
	case fileHeap:
		return compareReadings(a.Heap, b.Heap, sign)
	case fileSize:
		return sign * cmp.Compare(a.Size, b.Size)
	}
	return sign * a.when().Compare(b.when())
}

// when is the time of what is in the file; until that is known, of the file.
func (f *FileInfo) when() time.Time {
	if f.Time.IsZero() {
		return f.Changed
	}
	return f.Time
}

func shownName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}
