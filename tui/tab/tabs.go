package tab

// All returns the tabs in the order of their numbers. To add one, add a line.
func All() []Screen {
	return []Screen{
		NewMemory(),
		NewServed(),
		NewGC(),
	}
}
