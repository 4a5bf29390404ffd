package tab

import (
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// machineLine tells in one line what the machine has and lacks: as much of it as there is room for.
func machineLine(th *theme.Theme, m sampler.Machine, width int) string {
	var parts []string
	label := func(name, text string) { parts = append(parts, th.Label.Render(name)+" "+text) }
	if used, ok := used(m.Total, m.Available); ok {
		share := used / m.Total.Value
		bar := max(min(width/5, 30), 8)
		label("memory", th.Share(share).Render(unit.Percent(share)+" of "+unit.Bytes(m.Total.Value))+" "+th.Border.Render("▕")+
			th.Series(0).Render(chart.Bar(share, bar))+th.Border.Render("▏"))
		label("available", unit.Bytes(m.Available.Value))
	} else {
		label("memory", th.Faint.Render(theme.SignUnknown))
	}
	parts = append(parts, swapPart(th, m))
	if m.PressureSome10.OK {
		label("pressure", pressure(th, m.PressureSome10)+" "+th.Label.Render("some"))
	}
	if m.PressureFull10.OK {
		parts = append(parts, pressure(th, m.PressureFull10)+" "+th.Label.Render("full"))
	}
	line := " "
	for i, part := range parts {
		gap := 3
		if i == 0 {
			gap = 0
		}
		if theme.Width(line)+gap+theme.Width(part) > width && i > 0 {
			break
		}
		line += theme.Spaces(gap) + part
	}
	return theme.Pad(line, width)
}

func swapPart(th *theme.Theme, m sampler.Machine) string {
	swapped, ok := used(m.SwapTotal, m.SwapFree)
	var text string
	switch {
	case m.SwapTotal.OK && m.SwapTotal.Value == 0:
		text = "none"
	case !ok:
		text = th.Faint.Render(theme.SignUnknown)
	default:
		text = th.Share(swapped/m.SwapTotal.Value).Render(unit.Bytes(swapped)) + " of " + unit.Bytes(m.SwapTotal.Value)
	}
	return th.Label.Render("swap") + " " + text
}

func used(total, free sampler.Reading) (bytes float64, ok bool) {
	if !total.OK || !free.OK || total.Value <= 0 {
		return 0, false
	}
	return max(total.Value-free.Value, 0), true
}

// pressure prints the share of time that somebody waited for memory; a tenth of it is worth a look, two fifths hurt.
func pressure(th *theme.Theme, percent sampler.Reading) string {
	style, sign := th.Value, ""
	switch {
	case percent.Value >= 40:
		style, sign = th.Bad, "!"
	case percent.Value >= 10:
		style, sign = th.Warn, "!"
	}
	return style.Render(strings.TrimSpace(unit.Percent(percent.Value/100) + sign))
}
