package tui

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/tab"
)

// walkTimeout bounds a walk over a heap. One of 1 GiB takes about a second.
const walkTimeout = 5 * time.Minute

// walking is a walk that is under way.
type walking struct {
	stop     context.CancelFunc
	progress chan sampler.WalkProgress // holds the latest only
	done     chan struct{}
}

// Messages of a walk. The walk's number tells late news of one that was stopped.
type (
	walkProgressMsg struct {
		walk     *walking
		progress sampler.WalkProgress
	}
	walkedMsg struct {
		walk   *walking
		result *sampler.HeapWalk
		err    error
	}
)

// holdNews takes what has to do with walks, consent and writing. taken is false for another message.
func (m *model) holdNews(msg tea.Msg) (cmd tea.Cmd, taken bool) {
	switch msg := msg.(type) {
	case tab.WalkHeap:
		return m.startWalk(msg.Force), true
	case tab.StopWalk:
		return m.stopWalk(), true
	case tab.RecordSites:
		m.say("asking the program …", false)
		return m.record(""), true
	case walkProgressMsg:
		if msg.walk != m.walk {
			return nil, true
		}
		m.st.SetWalkProgress(msg.progress)
		return tea.Batch(m.heard(tab.NewsWalk), msg.walk.listen()), true
	case walkedMsg:
		return m.walked(msg), true
	case questionMsg:
		return m.pose(msg), true
	case recordedMsg:
		return m.recorded(msg), true
	case memoryAbilitiesMsg:
		if msg.watch == m.watchID {
			m.st.SetHoldAbilities(msg.cannotWalk, msg.cannotRecord)
		}
		return nil, true
	}
	return nil, false
}

// startWalk walks the target's heap in a command. Readings wait for it.
func (m *model) startWalk(force bool) tea.Cmd {
	if m.watch == nil || m.walk != nil {
		return nil
	}
	ctx, stop := context.WithTimeout(m.ctx, walkTimeout)
	w := &walking{stop: stop, progress: make(chan sampler.WalkProgress, 1), done: make(chan struct{})}
	m.walk = w
	m.st.SetWalkProgress(sampler.WalkProgress{Stage: "wait for the reading under way"})
	watch := m.watch
	run := func() tea.Msg {
		defer stop()
		defer close(w.done)
		var result sampler.HeapWalk
		err := watch.Do(ctx, func(ctx context.Context, s sampler.Session) (err error) {
			walker, ok := s.(sampler.HeapWalker)
			if !ok {
				return errNoWalk
			}
			result, err = walker.Walk(ctx, sampler.WalkOptions{Force: force, Progress: w.tell})
			return err
		})
		if err != nil {
			return walkedMsg{walk: w, err: err}
		}
		return walkedMsg{walk: w, result: &result}
	}
	return tea.Batch(run, w.listen(), m.heard(tab.NewsWalk))
}

var errNoWalk = fmt.Errorf("this source cannot follow pointers: %w", sampler.ErrUnsupported)

// tell keeps the latest progress for listen. It never waits: the walk goes on while the screen is busy.
func (w *walking) tell(p sampler.WalkProgress) {
	for {
		select {
		case w.progress <- p:
			return
		default:
		}
		select {
		case <-w.progress:
		default:
		}
	}
}

func (w *walking) listen() tea.Cmd {
	return func() tea.Msg {
		select {
		case p := <-w.progress:
			return walkProgressMsg{w, p}
		case <-w.done:
			return nil
		}
	}
}

// stopWalk ends the walk. What it would still say is not heard any more.
func (m *model) stopWalk() tea.Cmd {
	if m.walk == nil {
		return nil
	}
	m.walk.stop()
	m.walk = nil
	m.st.SetWalked(nil, nil)
	return m.heard(tab.NewsWalk)
}

// walked takes the end of a walk.
func (m *model) walked(msg walkedMsg) tea.Cmd {
	if msg.walk != m.walk {
		return nil
	}
	m.walk = nil
	m.st.SetWalked(msg.result, msg.err)
	if r := msg.result; r != nil {
		m.say(fmt.Sprintf("%s reached in %s", unit.Bytes(float64(r.Reached)), unit.Duration(r.Took)), false)
	} else if errors.Is(msg.err, context.DeadlineExceeded) {
		m.say("the walk took more than "+walkTimeout.String()+" and was given up", true)
	}
	return m.heard(tab.NewsWalk)
}

type memoryAbilitiesMsg struct {
	watch                    int
	cannotWalk, cannotRecord error
}

// probeMemory asks the session what cannot be done to its memory, so that keys that cannot work say why.
func (m *model) probeMemory() tea.Cmd {
	if m.watch == nil {
		return nil
	}
	msg := memoryAbilitiesMsg{watch: m.watchID}
	return m.do(func(_ context.Context, s sampler.Session) error {
		msg.cannotWalk, msg.cannotRecord = canWalk(s), canRecord(s)
		return nil
	}, func(err error) tea.Msg {
		if err != nil { // not known: the keys may be tried
			return memoryAbilitiesMsg{watch: msg.watch}
		}
		return msg
	})
}

func canWalk(s sampler.Session) error {
	if _, ok := s.(sampler.HeapWalker); !ok {
		return errNoWalk
	}
	if c, ok := s.(sampler.WalkChecker); ok {
		return c.CanWalk()
	}
	return nil
}

func canRecord(s sampler.Session) error {
	r, ok := s.(sampler.ProfileSwitcher)
	if !ok {
		return fmt.Errorf("this source cannot switch the recording of allocation sites on: %w", sampler.ErrUnsupported)
	}
	return r.CanRecordSites()
}
