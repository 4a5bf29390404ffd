package analysis

// LeakSuspects returns the sites that grow, whatever the verdict on the live heap is.
func LeakSuspects(w *LeakWatch) []FoundSite {
	return w.GrowingSites()
}

// LeakWatchSize returns how much is kept.
func LeakWatchSize(w *LeakWatch) (times, rows int) { return len(w.sites.times), len(w.sites.rows) }
