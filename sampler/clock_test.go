package sampler

import (
	"testing"
	"time"
)

func TestClockThatIsSetIsTold(t *testing.T) {
	const h, m, s = time.Hour, time.Minute, time.Second
	for name, x := range map[string]struct {
		shown, ran []time.Duration // since the first reading
		want       []time.Duration
	}{
		"as it should":        {[]time.Duration{0, s, 2 * s}, []time.Duration{0, s, 2 * s}, []time.Duration{0, 0, 0}},
		"set back":            {[]time.Duration{0, s, s - h, 2*s - h}, []time.Duration{0, s, 2 * s, 3 * s}, []time.Duration{0, 0, -h - s, 0}},
		"ahead and back":      {[]time.Duration{0, h + s, h + 2*s, 3 * s}, []time.Duration{0, s, 2 * s, 3 * s}, []time.Duration{0, h, 0, -h}},
		"corrected":           {[]time.Duration{0, h + 1800*time.Millisecond}, []time.Duration{0, h}, []time.Duration{0, 0}},
		"corrected each time": {[]time.Duration{0, m + s/2, 2*m + s, 3*m + 3*s/2}, []time.Duration{0, m, 2 * m, 3 * m}, []time.Duration{0, 0, 0, 0}},
	} {
		var c clock
		for i := range x.shown {
			if got := c.step(x.shown[i], x.ran[i]); got != x.want[i] {
				t.Errorf("%s: reading %d: %v, want %v", name, i, got, x.want[i])
			}
		}
	}
	var c clock
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) // as recordings have them
	for i, by := range []time.Duration{0, s, -h, 3 * h} {
		if w := c.look(at.Add(by)); w != nil {
			t.Errorf("reading %d of a recording: %v", i, w)
		}
	}
	var live clock
	if now := time.Now(); live.look(now) != nil || live.look(now.Add(h)) != nil {
		t.Error("a clock that runs as the other does is called set")
	}
	for by, want := range map[time.Duration]string{
		-90 * m: "at 10:00:00 this machine's clock was set back by 1h30m0s: charts begin anew",
		-20 * s: "at 10:00:00 this machine's clock was set back by 20s: charts go on once it has caught up",
		3 * h:   "at 10:00:00 this machine's clock went ahead by 3h0m0s: it was set, or the machine slept",
	} {
		if got := (&ClockSet{at, by}).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
