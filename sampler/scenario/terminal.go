package scenario

// terminalOperations is the suite of that name.
func terminalOperations() []Scenario { return nil }

// stability is the workloads that are watched for long.
func stability() []Scenario { return nil }
