package scenario

// pluginSystem is the suite of that name.
func pluginSystem() []Scenario { return nil }
