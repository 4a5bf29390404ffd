package tab

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Served is the tab of processes; below them stand the clients and the biggest keys of the target, where it is a server
// that tells them.
type Served struct {
	*Processes
	size Size
	sent Size // what the processes were told last
}

// NewServed returns the tab before anything was read.
func NewServed() *Served { return &Served{Processes: NewProcesses()} }

// Needs implements Needer.
func (s *Served) Needs(st *State) Needs {
	n := s.Processes.Needs(st)
	n.Keys = tellsOfServer(st)
	n.Clients = n.Keys
	return n
}

// listsHeight is how many rows the lists of a server take, 0 where there is none or no room.
func (s *Served) listsHeight(st *State) int {
	if !tellsOfServer(st) || s.size.Height < 10 {
		return 0
	}
	return s.size.Height * 3 / 5
}

// Update implements Screen.
func (s *Served) Update(st *State, msg tea.Msg) tea.Cmd {
	if size, ok := msg.(Size); ok {
		s.size = size
	}
	var cmds []tea.Cmd
	if want := (Size{s.size.Width, s.size.Height - s.listsHeight(st)}); want != s.sent && want.Height > 0 {
		s.sent = want
		cmds = append(cmds, s.Processes.Update(st, want))
	}
	switch msg := msg.(type) {
	case Size:
		return tea.Batch(cmds...)
	case Click:
		if msg.Y >= s.sent.Height {
			return tea.Batch(cmds...)
		}
	}
	return tea.Batch(append(cmds, s.Processes.Update(st, msg))...)
}

// View implements Screen.
func (s *Served) View(st *State, width, height int) string {
	lists := s.listsHeight(st)
	if lists == 0 || lists >= height {
		return s.Processes.View(st, width, height)
	}
	var below string
	if width >= wide {
		left := width / 2
		below = theme.Join(0, keysPanel(st, left, lists), clientsPanel(st, width-left, lists))
	} else {
		top := (lists + 1) / 2
		below = keysPanel(st, width, top) + "\n" + clientsPanel(st, width, lists-top)
	}
	return s.Processes.View(st, width, height-lists) + "\n" + below
}

// keysPanel lists the biggest keys found so far, and how far the walk is.
func keysPanel(st *State, width, height int) string {
	th, d := st.Theme, st.Data()
	inner, rows := width-theme.PanelCols, height-theme.PanelRows
	frame := theme.Frame{Title: "Biggest keys"}
	k := d.Keys
	if k == nil {
		why := "The walk over the keys begins in a moment: SCAN in small steps, within 2 % of the time."
		switch {
		case d.KeysFailed != nil:
			why = sentence(theme.Clean(d.KeysFailed.Error()))
		case st.Visiting() != nil:
			why = "Keys are not kept in a recording."
		}
		return th.Frame(frame, th.Label.Render(strings.Join(theme.Wrap(why, max(inner, 1), max(rows, 1)), "\n")), width, height)
	}
	frame.Title = fmt.Sprintf("Biggest keys · db%d", k.DB)
	frame.Note = walked(k)
	var lines []string
	for _, key := range k.List[:min(len(k.List), max(rows, 0))] {
		name := max(inner-bytesCells-1-10, 4)
		lines = append(lines, theme.Pad(th.Value.Render(theme.Truncate(theme.Clean(key.Key), name)), name)+th.Value.Render(theme.PadLeft(unit.Bytes(key.Bytes), bytesCells+1))+
			"  "+th.Label.Render(theme.Truncate(theme.Clean(key.Type), 8)))
	}
	if len(lines) == 0 {
		lines = append(lines, th.Label.Render("No key was found yet."))
	}
	return th.Frame(frame, strings.Join(lines, "\n"), width, height)
}

// walked says how far the walk over the keys is.
func walked(k *sampler.Keys) string {
	switch {
	case k.Done:
		return "all " + plural(k.Scanned, "key") + " seen"
	case k.Total.OK && k.Total.Value > 0:
		return unit.Percent(min(float64(k.Scanned)/k.Total.Value, 1)) + " of " + unit.Count(k.Total.Value) + " seen"
	}
	return plural(k.Scanned, "key") + " seen"
}

// clientsPanel lists the connections with the most memory.
func clientsPanel(st *State, width, height int) string {
	th, d := st.Theme, st.Data()
	inner, rows := width-theme.PanelCols, height-theme.PanelRows
	frame := theme.Frame{Title: "Clients"}
	if n := d.Snapshot.Reading(sampler.RedisClients); n.OK {
		frame.Note = unit.Count(n.Value)
		if b := d.Snapshot.Reading(sampler.RedisBlocked); b.Value > 0 {
			frame.Note += ", " + unit.Count(b.Value) + " blocked"
		}
	}
	if d.Clients == nil || d.ClientsFailed != nil {
		why := "The list of clients is read in a moment."
		switch {
		case d.ClientsFailed != nil:
			why = sentence(theme.Clean(d.ClientsFailed.Error()))
		case st.Visiting() != nil:
			why = "Clients are not kept in a recording."
		}
		return th.Frame(frame, th.Label.Render(strings.Join(theme.Wrap(why, max(inner, 1), max(rows, 1)), "\n")), width, height)
	}
	const addr, command = 22, 14
	lines := []string{th.Label.Render(theme.Pad("address", addr) + theme.PadLeft("memory", bytesCells+1) + theme.PadLeft("output", bytesCells+1) + "  " + theme.Pad("command", command) + " name")}
	for _, c := range d.Clients.List[:min(len(d.Clients.List), max(rows-1, 0))] {
		lines = append(lines, theme.Pad(theme.TruncateLeft(theme.Clean(c.Addr), addr-1), addr)+
			theme.PadLeft(known(c.Memory, unit.Bytes), bytesCells+1)+theme.PadLeft(known(c.Output, unit.Bytes), bytesCells+1)+"  "+
			theme.Pad(theme.Clean(c.Command), command)+" "+theme.Clean(c.Name))
	}
	return th.Frame(frame, strings.Join(lines[:min(len(lines), max(rows, 1))], "\n"), width, height)
}

func known(r sampler.Reading, print func(float64) string) string {
	if !r.OK {
		return theme.SignUnknown
	}
	return print(r.Value)
}
