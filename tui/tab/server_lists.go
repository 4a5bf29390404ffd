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
	n.Keys = TellsOfServer(st)
	n.Clients = n.Keys
	return n
}

// listsHeight is how many rows the lists of a server take, 0 where there is none or no room.
func (s *Served) listsHeight(st *State) int {
	if !TellsOfServer(st) || s.size.Height < 10 {
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
		return "all " + unit.Things(k.Scanned, "key") + " seen"
	case k.Total.OK && k.Total.Value > 0:
		return unit.Percent(min(float64(k.Scanned)/k.Total.Value, 1)) + " of " + unit.Count(k.Total.Value) + " seen"
	}
	return unit.Things(k.Scanned, "key") + " seen"
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
	return th.Frame(frame, strings.Join(clientLines(th, d.Clients.List, inner, rows), "\n"), width, height)
}

// clientLines are the titles and as many clients as there is room for. A client's name is worth more than its last command, and
// that more than the output that waits: where there is little room, these go first.
func clientLines(th *theme.Theme, list []sampler.Client, width, rows int) []string {
	list = list[:min(len(list), max(rows-1, 0))]
	addr, name, command := len("address"), 0, len("command")
	for i := range list {
		addr = max(addr, theme.Width(theme.Clean(list[i].Addr)))
		name = max(name, theme.Width(theme.Clean(list[i].Name)))
		command = max(command, theme.Width(theme.Clean(list[i].Command)))
	}
	addr, command = min(addr, 21), min(command, 16)
	if name > 0 {
		name = min(max(name, len("name")), 24)
	}
	gap := func(cells int) int {
		if cells == 0 {
			return 0
		}
		return cells + 2
	}
	output := bytesCells + 1
	left := func() int { return width - addr - (bytesCells + 1) - output - gap(command) - gap(name) }
	if left() < 0 {
		output = 0
	}
	if left() < 0 {
		command = 0
	}
	line := func(a, memory, waits, did, called string) string {
		text := theme.Pad(theme.TruncateLeft(a, addr), addr) + theme.PadLeft(memory, bytesCells+1)
		if output > 0 {
			text += theme.PadLeft(waits, output)
		}
		if command > 0 {
			text += "  " + theme.Pad(theme.Truncate(did, command), command)
		}
		if name > 0 {
			text += "  " + theme.Truncate(called, name)
		}
		return theme.Truncate(text, width)
	}
	lines := []string{th.Label.Render(line("address", "memory", "output", "command", "name"))}
	for i := range list {
		c := &list[i]
		lines = append(lines, line(theme.Clean(c.Addr), known(c.Memory, unit.Bytes), known(c.Output, unit.Bytes), theme.Clean(c.Command), theme.Clean(c.Name)))
	}
	return lines[:min(len(lines), max(rows, 1))]
}

func known(r sampler.Reading, print func(float64) string) string {
	if !r.OK {
		return theme.SignUnknown
	}
	return print(r.Value)
}
