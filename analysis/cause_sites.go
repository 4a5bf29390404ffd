package analysis

// GrowingSites returns the allocation sites that grow by the heap profiles so far, the surest first, whether or not the
// live heap as a whole grows. It is empty while there are too few profiles to tell.
func (w *LeakWatch) GrowingSites() []FoundSite {
	if w.last == nil {
		return nil
	}
	f := Finding{Evidence: map[string]float64{}}
	w.blameSites(&f, LeakJudgement{})
	return f.Sites
}
