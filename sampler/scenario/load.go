package scenario

// loadTesting is the suite of that name.
func loadTesting() []Scenario { return nil }
