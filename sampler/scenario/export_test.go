package scenario

import "context"

// Pace makes the warm-up and the steps of a run, without an agent, which has connections that the time of a test does not
// stand still for.
func Pace(ctx context.Context, r Run, s Scenario, w Workload) error {
	_, err := r.work(ctx, s, w)
	return err
}
