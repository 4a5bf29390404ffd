package launch_test

import (
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/launch"
)

func TestCheckpointsOfTheProgram(t *testing.T) {
	modes(t, func(t *testing.T, noTrace string) {
		var mu sync.Mutex
		var order []string
		o := play("checkpoint")
		o.NoTrace = noTrace
		o.Stdout = writer(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, strings.TrimSpace(string(b)))
			return len(b), nil
		})
		o.Checkpoint = func(name string, p launch.Child) error {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
			if _, err := os.Stat("/proc/" + strconv.Itoa(p.PID) + "/maps"); err != nil {
				t.Errorf("at %q: %v", name, err)
			}
			if strings.HasPrefix(name, "second") {
				return errors.New("cannot read it")
			}
			return nil
		}
		m := measure(t, o)
		if got := strings.Join(order, ","); got != "first,second[31m,after" {
			t.Errorf("order %q", got)
		}
		if len(m.Checkpoints) != 2 {
			t.Fatalf("checkpoints %+v", m.Checkpoints)
		}
		first, second := m.Checkpoints[0], m.Checkpoints[1]
		if first.From != "program" || first.Child.PID != m.Root.PID || first.Err != nil {
			t.Errorf("first %+v", first)
		}
		if second.Err == nil || !strings.Contains(second.Err.Error(), "cannot read it") {
			t.Errorf("second has the error %v", second.Err)
		}
		for _, s := range first.Samples {
			if s.Metric == sampler.GoHeapLive && (s.Value < 10*mib || s.Value > 16*mib) {
				t.Errorf("live heap %.0f, want the 10 MiB that are kept", s.Value)
			}
		}
		if len(first.Samples) < 50 {
			t.Errorf("%d samples", len(first.Samples))
		}
	})
}

func TestMarksOfTheProgram(t *testing.T) {
	modes(t, func(t *testing.T, noTrace string) {
		o := play("phases")
		o.NoTrace = noTrace
		m := measure(t, o)
		var names []string
		for i, p := range m.Phases {
			names = append(names, p.Name)
			if p.Child.PID != m.Root.PID || p.Time.Before(m.Started) || p.Time.After(m.Ended) || i > 0 && p.Time.Before(m.Phases[i-1].Time) {
				t.Errorf("phase %+v", p)
			}
		}
		if got := strings.Join(names, ","); got != "baseline,warm-up,work[31m,tear-down" {
			t.Errorf("phases %q", got)
		}
		if m.Sessions != 7 {
			t.Errorf("%d sessions, want the last that make sense", m.Sessions)
		}
		if len(m.Checkpoints) != 1 {
			t.Fatalf("checkpoints %+v", m.Checkpoints)
		}
		worked := -1.0
		for _, s := range m.Checkpoints[0].Samples {
			if s.Metric == sampler.WorkOperations {
				worked = s.Value
			}
		}
		if worked != 42 {
			t.Errorf("%v operations, want 42", worked)
		}
	})
}

func TestCheckpointsOfOutputAndOfHeaptop(t *testing.T) {
	signals := make(chan string)
	reached := make(chan string, 8)
	go func() {
		<-reached
		signals <- "asked"
	}()
	m := measure(t, launch.MeasureOptions{
		Args:         shell(`echo nothing; echo "server is ready on 80"; echo "server is ready on 80"; read -r line; echo "$line"`),
		Stdin:        blockUntil(reached, "asked"),
		CheckpointOn: regexp.MustCompile(`server is (\w+)`),
		Checkpoints:  signals,
		Checkpoint: func(name string, _ launch.Child) error {
			reached <- name
			return nil
		},
	})
	var got []string
	for _, c := range m.Checkpoints {
		got = append(got, c.From+" "+c.Name)
		if c.Child.PID != m.Root.PID || c.Child.Name != "sh" {
			t.Errorf("checkpoint of %+v", c.Child)
		}
	}
	if text := strings.Join(got, ","); text != "output ready,signal asked" {
		t.Errorf("checkpoints %q", text)
	}
}

// blockUntil is an input that ends when a checkpoint was reached.
func blockUntil(reached <-chan string, name string) io.Reader {
	return reader(func([]byte) (int, error) {
		for got := range reached {
			if got == name {
				break
			}
		}
		return 0, io.EOF
	})
}

type reader func([]byte) (int, error)

func (r reader) Read(b []byte) (int, error) { return r(b) }
