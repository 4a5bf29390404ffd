package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// runSelftest plants growth and proves that the configuration finds it.
func (h *headless) runSelftest(ctx context.Context) error {
	options, stop, err := h.options()
	if err != nil {
		return err
	}
	proofs, err := run.Selftest(ctx, options)
	stop()
	if err != nil {
		return runError(err)
	}
	var b strings.Builder
	var missed []string
	for _, p := range proofs {
		verdict := "found "
		if !p.Red {
			verdict = "MISSED"
			missed = append(missed, p.Scenario+"."+p.Metric)
		}
		fmt.Fprintf(&b, "%s  %s.%s\n", verdict, theme.Clean(p.Scenario), theme.Clean(p.Metric))
		wrap(&b, "        planted: ", "                 ", theme.Clean(p.What))
		wrap(&b, "        verdict: ", "                 ", theme.Clean(p.Why))
	}
	if _, err := fmt.Fprint(h.env.Out, b.String()); err != nil {
		return fmt.Errorf("write what was found: %w", err)
	}
	switch {
	case len(proofs) == 0:
		return &unmeasured{"nothing could be planted: no scenario has a limit or a comparison"}
	case len(missed) > 0:
		return &failed{"failed: growth that was planted was not found in " + some(missed, "")}
	}
	fmt.Fprintf(h.env.Err, "heaptop: exit 0: %s: this configuration turns red\n", counted(len(proofs), "planted growth found", "planted growths found"))
	return nil
}
