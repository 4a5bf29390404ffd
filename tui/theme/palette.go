package theme

import "github.com/charmbracelet/lipgloss"

// palette is the colours of one background. Each names its true colour, its place among 256 and among 16.
type palette struct {
	accent, label, faint, border lipgloss.CompleteColor
	good, warn, bad              lipgloss.CompleteColor
	selected, selection          lipgloss.CompleteColor
	series                       [seriesCount]lipgloss.CompleteColor
}

func color(full, of256, of16 string) lipgloss.CompleteColor {
	return lipgloss.CompleteColor{TrueColor: full, ANSI256: of256, ANSI: of16}
}

func darkPalette() palette {
	return palette{
		accent:    color("#7aa2f7", "111", "12"),
		label:     color("#8b93ad", "246", "7"),
		faint:     color("#6b7394", "243", "8"),
		border:    color("#3f465f", "238", "8"),
		good:      color("#9ece6a", "149", "10"),
		warn:      color("#e0af68", "179", "11"),
		bad:       color("#f7768e", "204", "9"),
		selected:  color("#ffffff", "231", "15"),
		selection: color("#2f3a5c", "237", "4"),
		series: [seriesCount]lipgloss.CompleteColor{
			color("#7aa2f7", "111", "12"), color("#4fd6be", "79", "14"), color("#bb9af7", "141", "13"),
			color("#f7768e", "204", "9"), color("#ff9e64", "215", "11"), color("#c0caf5", "189", "15"),
		},
	}
}

func lightPalette() palette {
	return palette{
		accent:    color("#2757b8", "25", "4"),
		label:     color("#5d647d", "241", "8"),
		faint:     color("#757c93", "243", "8"),
		border:    color("#b9bfd1", "250", "7"),
		good:      color("#33771f", "28", "2"),
		warn:      color("#8a5a00", "94", "3"),
		bad:       color("#b3263f", "125", "1"),
		selected:  color("#10131c", "16", "0"),
		selection: color("#cfdcf8", "153", "7"),
		series: [seriesCount]lipgloss.CompleteColor{
			color("#2757b8", "25", "4"), color("#00796b", "30", "6"), color("#7a3fbf", "97", "5"),
			color("#b3263f", "125", "1"), color("#a65300", "130", "3"), color("#394260", "238", "0"),
		},
	}
}
