package tab

import (
	"path/filepath"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func (s *Snapshots) open() tea.Cmd {
	file, ok := s.selected()
	if !ok || file.Err != nil {
		return nil
	}
	return Ask(Watch{Target: sampler.Target{Kind: sampler.KindFile, Path: file.Path}, Name: filepath.Base(file.Path)})
}

// choose takes the file up for a comparison, or lets go of it. A third takes the place of the one chosen first.
func (s *Snapshots) choose() {
	path, ok := s.table.Selected()
	if !ok {
		return
	}
	if i := slices.Index(s.chosen, path); i >= 0 {
		s.chosen = slices.Delete(s.chosen, i, i+1)
		return
	}
	if s.chosen = append(s.chosen, path); len(s.chosen) > 2 {
		s.chosen = s.chosen[1:]
	}
	s.table.Move(keys.Down)
}

// begin starts to type a name or a note.
func (s *Snapshots) begin(edit fileEdit) {
	file, ok := s.selected()
	if !ok {
		return
	}
	s.edit, s.typing = edit, file.Path
	s.input.Set(file.Note)
	if edit == editName {
		s.input.Set(shownName(file.Path))
	}
}

// finish does what was typed.
func (s *Snapshots) finish() tea.Cmd {
	edit, path, text := s.edit, s.typing, s.input.Text()
	s.edit = editNothing
	if edit == editFilter {
		return nil
	}
	s.input.Set("")
	s.arrange()
	if edit == editName {
		return Ask(RenameFile{path, text})
	}
	return Ask(NoteFile{path, text})
}

func (s *Snapshots) remove() tea.Cmd {
	file, ok := s.selected()
	if !ok {
		return nil
	}
	return Ask(Confirm{"delete " + theme.Clean(filepath.Base(file.Path)), Ask(DeleteFile{file.Path})})
}
