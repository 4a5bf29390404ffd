package gates

// Side says which of the two programs a run is of.
type Side int

// The sides of a comparison.
const (
	Baseline Side = iota
	Current
)

// String returns "baseline" or "current".
func (s Side) String() string {
	if s == Baseline {
		return "baseline"
	}
	return "current"
}

// Run is what one run gave, by the names of metrics.
type Run map[string]float64
