package tui

import (
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// What counts against the machine's memory is what all programs use: it must not read as this program's share.
func TestANarrowHeaderNamesTheMachine(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	s := &sampler.Snapshot{Time: samplertest.DefaultStart()}
	s.Add(sampler.ProcessRSS, 76.7e6)
	s.Add(sampler.MachineMemory, 25e9)
	s.Add(sampler.MachineAvailable, 20e9)
	info := sampler.Info{Name: "demo shop", PID: 29811, Source: "agent", GoVersion: "go1.26.8"}
	h.send(eventMsg{watch: h.m.watchID, at: s.Time, event: sampler.Event{Info: info, Snapshot: s}, open: true})
	h.resize(80, 24)
	h.mustShow(t, "RSS 76.7 MB", "20% of machine")
	h.mustHide(t, "20% of 25.0 GB")
	h.resize(200, 60)
	h.mustShow(t, "20% of 25.0 GB (machine)")
}
