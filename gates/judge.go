package gates

import "slices"

// Judge sets the verdict of a scenario, the worst of its gates, gated comparisons and stability, and the severity of its
// regressions. A scenario with an error is unmeasured, and so is one in which nothing was judged.
func (s *Scenario) Judge() {
	verdict, judged := Passed, 0
	for _, g := range s.Gates {
		verdict, judged = Worse(verdict, g.Verdict), judged+1
	}
	for i := range s.Comparisons {
		c := &s.Comparisons[i]
		c.Severity = c.severity(s.broken(c.Metric))
		if c.Gated {
			verdict, judged = Worse(verdict, c.Means()), judged+1
		}
	}
	if s.Stability != nil {
		verdict, judged = Worse(verdict, s.Stability.Verdict), judged+1
	}
	if s.Error == "" && judged == 0 {
		s.Error = "no limit and no comparison: nothing was judged"
	}
	if s.Error != "" {
		verdict = Unmeasured
	}
	s.Verdict = verdict
}

// broken says whether the metric is above an absolute limit.
func (s *Scenario) broken(metric string) bool {
	return slices.ContainsFunc(s.Gates, func(g Gate) bool { return g.Metric == metric && g.Verdict == Failed })
}

// Means says what a comparison comes to for its scenario where it is gated: growth that is accepted passes, and
// OnInconclusive decides on what is inconclusive.
func (c Comparison) Means() Verdict {
	switch c.Verdict {
	case Stable, Improved:
		return Passed
	case Grew, Regressed:
		if c.Accepted != "" {
			return Passed
		}
		if c.Verdict == Regressed {
			return Failed
		}
		return Warned
	case Inconclusive:
		switch c.OnInconclusive {
		case InconclusivePass:
			return Passed
		case InconclusiveFail:
			return Failed
		}
		return Warned
	}
	return Unmeasured
}

// Judge judges every scenario, and sets the verdict of the whole, the worst of theirs, and the exit code: 0 for passed
// and warned, 1 for failed, 2 for unmeasured. A report without a scenario is unmeasured.
func (r *Report) Judge() {
	r.Verdict = Passed
	if len(r.Scenarios) == 0 {
		r.Verdict = Unmeasured
	}
	for i := range r.Scenarios {
		r.Scenarios[i].Judge()
		r.Verdict = Worse(r.Verdict, r.Scenarios[i].Verdict)
	}
	r.ExitCode = r.Verdict.ExitCode()
}

// ExitCode is what a headless run that ends in this verdict exits with.
func (v Verdict) ExitCode() int {
	switch v {
	case Passed, Warned:
		return 0
	case Failed:
		return 1
	}
	return 2
}

// Worse returns the worse of two verdicts; one that is unknown is unmeasured.
func Worse(a, b Verdict) Verdict {
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func rank(v Verdict) int {
	verdicts := []Verdict{Passed, Warned, Failed, Unmeasured}
	if i := slices.Index(verdicts, v); i >= 0 {
		return i
	}
	return len(verdicts) - 1
}
