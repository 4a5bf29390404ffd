package tui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

// writeSnapshot writes what is shown to a file. While live it reads the profiles and the address space anew, because
// the person asked; while paused it writes what is frozen and asks the target nothing.
func (m *model) writeSnapshot() tea.Cmd {
	st := m.st
	d := st.Data()
	snap := &capture.Snapshot{Info: st.Info, Sample: d.Snapshot.Clone(), Heap: d.HeapRaw, Mappings: d.Mappings}
	snap.Meta.Time, snap.Meta.Version = d.At, m.o.Version
	if d.LedgerOK {
		if text, err := json.Marshal(d.Ledger); err == nil {
			snap.Ledger = text
		}
	}
	_, paused := st.Paused()
	past, at := m.pastShown(), d.At
	if !paused {
		past = nil
	}
	ctx, watch, dir := m.ctx, m.watch, m.o.SnapshotDir
	if paused || d.Gone != nil {
		watch = nil
	}
	return func() tea.Msg {
		if watch != nil {
			ctx, stop := context.WithTimeout(ctx, readTimeout)
			defer stop()
			snap = withProfiles(ctx, watch, snap)
		}
		if past != nil {
			if p, err := past.GoroutineProfileAt(at); err == nil {
				snap.Goroutine = p
			}
		}
		path, err := save(dir, snap)
		return savedMsg{at: time.Now(), path: path, err: err}
	}
}

// withProfiles returns the snapshot with what the session can add to it. A part that cannot be read stays as it was,
// and the snapshot's warnings say why.
func withProfiles(ctx context.Context, watch Watch, old *capture.Snapshot) *capture.Snapshot {
	grown := *old
	grown.Sample = old.Sample.Clone()
	err := watch.Do(ctx, func(ctx context.Context, s sampler.Session) error {
		warn := func(what string, err error) { grown.Sample.Warn(fmt.Errorf("%s for the snapshot: %w", what, err)) }
		if p, ok := s.(sampler.HeapProfiler); ok {
			if heap, err := p.HeapProfile(ctx); err != nil {
				warn("read the heap profile", err)
			} else {
				grown.Heap = &heap
			}
		}
		if p, ok := s.(sampler.GoroutineProfiler); ok {
			if g, err := p.GoroutineProfile(ctx); err != nil {
				warn("read the goroutines", err)
			} else {
				grown.Goroutine = &g
			}
		}
		if p, ok := s.(sampler.Mapper); ok {
			if maps, err := p.Mappings(ctx); err != nil {
				warn("read the mappings", err)
			} else {
				grown.Mappings = &maps
			}
		}
		return nil
	})
	if err != nil { // f may still be running: leave alone what it writes to
		return old
	}
	return &grown
}

// save writes the snapshot into the folder, which it makes when it is missing, and returns the file's path.
func save(dir string, snap *capture.Snapshot) (path string, err error) {
	if dir == "" {
		if dir, err = capture.DefaultDir(); err != nil {
			return "", fmt.Errorf("find the folder for snapshots: %w", err)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder for snapshots: %w", err)
	}
	if path, err = capture.WriteNew(dir, snap); err != nil {
		return "", fmt.Errorf("write the snapshot: %w", err)
	}
	return path, nil
}

// startCollect forces a collection in the target, or asks first where that writes into it: agreed is the question that
// the person has agreed to.
func (m *model) startCollect(agreed string) tea.Cmd {
	m.collect = &collecting{before: m.st.Live().Snapshot}
	if m.collect.before == nil {
		m.collect.before = &sampler.Snapshot{}
	}
	m.say("forcing a collection …", false)
	id, ask := m.watchID, ""
	var began, ended time.Time
	run := func(ctx context.Context, s sampler.Session) error {
		if err := canCollect(ctx, s); err != nil {
			return err
		}
		if c, ok := s.(sampler.CollectConfirmer); ok {
			if ask = c.ConfirmCollect(); ask != "" && ask != agreed {
				return errAsk
			}
		}
		began = time.Now()
		err := s.(sampler.Collector).Collect(ctx)
		ended = time.Now()
		return err
	}
	return m.do(run, func(err error) tea.Msg {
		switch {
		case errors.Is(err, errAsk):
			return questionMsg{watch: id, collect: true, text: ask, yes: func() tea.Cmd { return m.startCollect(ask) }}
		case err != nil:
			return collectedMsg{watch: id, err: err}
		}
		return collectedMsg{watch: id, at: ended, took: ended.Sub(began)}
	})
}
