package scenario

// budgetsOf are the limits of a scenario's own, beside those in its row: of workloads that are faithful and do not fit the
// presets. They hold on a machine with as many workloads as processors; a busier one shows more garbage at the peak.
func budgetsOf(name string) []Budget {
	switch name {
	case "large_screen_render":
		return []Budget{
			{Metric: "peak_heap", Max: 8e6, Because: "A screen of 200x60 holds 12,000 cells, and the text of one frame with its colours is half a megabyte."},
			{Metric: "sustained_heap", Max: 5e6, Because: "The screen and the frame before are held while the next one is made."},
		}
	case "memory_intensive_ops":
		return []Budget{
			{Metric: "peak_heap", Max: 8e6, Because: "One session holds five screens of 100x30 and the text that was written to them."},
			{Metric: "sustained_heap", Max: 5e6, Because: "One session holds five screens of 100x30 and the text that was written to them."},
		}
	case "high_frequency_updates":
		return []Budget{{Metric: "peak_heap", Max: 6e6, Because: "A hundred updates a step leave garbage faster than a busy machine collects it; what lives is a megabyte."}}
	case "stress_ansi_processing":
		return []Budget{
			{Metric: "peak_heap", Max: 12e6, Because: "One session holds five screens of 100x50 with a style in every cell: 25,000 cells."},
			{Metric: "sustained_heap", Max: 8e6, Because: "One session holds five screens of 100x50 with a style in every cell: 25,000 cells."},
		}
	case "memory_pressure_test":
		return []Budget{
			{Metric: "peak_heap", Max: 64e6, Because: "It presses on purpose: ten screens of 200x100, 200,000 cells, are written full and kept, with their rendered text."},
			{Metric: "sustained_heap", Max: 48e6, Because: "It presses on purpose: ten screens of 200x100, 200,000 cells, are written full and kept, with their rendered text."},
		}
	}
	return nil
}
