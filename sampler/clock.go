package sampler

import (
	"fmt"
	"time"
)

// clockStep is how far the clock must be set for it to be told; less is what keeping it right takes.
const clockStep = time.Second

// ClockSet is the warning of the first reading after the machine's clock was set: what lies before and after it does not
// follow each other by the times that are shown. A machine that slept looks the same.
type ClockSet struct {
	At time.Time     // of the reading, by the clock as it is now
	By time.Duration // how far it was set; negative when it was set back
}

// Error tells the moment, and what becomes of the charts, as History has it.
func (c *ClockSet) Error() string {
	text, by := "at "+c.At.Format(time.TimeOnly)+" this machine's clock ", c.By.Round(time.Second)
	switch {
	case by < -setBack:
		return fmt.Sprintf("%swas set back by %v: charts begin anew", text, -by)
	case by < 0:
		return fmt.Sprintf("%swas set back by %v: charts go on once it has caught up", text, -by)
	}
	return fmt.Sprintf("%swent ahead by %v: it was set, or the machine slept", text, by)
}

// clock compares the time that is shown with the one that only runs forward.
type clock struct {
	first time.Time
	ahead time.Duration // of the first reading, by how much more time went by on the clock that is shown
	ran   time.Duration // since the first reading
}

// look returns the warning that the reading at t deserves, nil when the clock went on as it should. Times of a recording
// have the one clock alone, and deserve none.
func (c *clock) look(t time.Time) *ClockSet {
	if c.first.IsZero() {
		c.first = t
	}
	if by := c.step(t.Round(0).Sub(c.first.Round(0)), t.Sub(c.first)); by != 0 {
		return &ClockSet{At: t, By: by}
	}
	return nil
}

// step returns by how much the clock was set since the last call; shown and ran are how much time has gone by since the
// first reading on the one clock and on the other.
func (c *clock) step(shown, ran time.Duration) time.Duration {
	by := shown - ran - c.ahead
	drift := max(clockStep, (ran-c.ran)/500) // a clock that is being corrected runs wrong by a 2,000th at most
	c.ahead, c.ran = shown-ran, ran
	if by.Abs() < drift {
		return 0
	}
	return by
}
