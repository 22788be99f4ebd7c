package compare

import (
	"context"
	"slices"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/workloads/openb"
	"github.com/fauxkube/fauxkube/workloads/openb/whole"
)

// wholeMetrics are what runs through a whole cluster measure besides. A policy that draws places otherwise: it draws other numbers.
var wholeMetrics = []comparison.Metric{
	{Name: "placed_otherwise", Title: "pods placed otherwise than in protocol mode", Difference: "pods", Better: comparison.Lower},
	{Name: "simulated_seconds", Title: "simulated time", Unit: "s", Difference: "s", Digits: 1},
}

// runWhole runs a cell of the protocol through a whole cluster, and in protocol mode beside it.
func (s *Openb) runWhole(ctx context.Context, t *openb.Trace, run comparison.Run) (comparison.Run, error) {
	var watch *scheduler.Stopwatch
	if s.options.Stopwatch != nil {
		watch = s.options.Stopwatch()
	}
	ties := openb.Ties(s.options.Ties)
	w, err := whole.Run(ctx, t, whole.Options{
		Policy: run.Scheduler, Seed: int64(run.Seed), Ties: ties, Started: s.options.Started,
		Topology: func(top *cluster.Topology) { top.Stopwatch = watch },
	})
	if err != nil {
		return comparison.Run{}, err
	}
	otherwise, i := 0, 0
	_, err = openb.Follow(t, run.Scheduler, int64(run.Seed), ties, func(p openb.Placement) {
		if p.Node != w.Placements[i].Node || !slices.Equal(p.GPUs, w.Placements[i].GPUs) {
			otherwise++
		}
		i++
	})
	if err != nil {
		return comparison.Run{}, err
	}
	if watch != nil {
		run.Host, run.Decisions = watch.Spent, watch.Decisions
	}
	run.Measures = append(measures(openb.Replay(t, int64(run.Seed), w.Placements)),
		comparison.Measure{Metric: "placed_otherwise", Value: float64(otherwise)}, comparison.Measure{Metric: "simulated_seconds", Value: w.Simulated.Seconds()})
	return run, nil
}
