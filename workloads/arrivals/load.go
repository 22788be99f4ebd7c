package arrivals

import (
	"errors"
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/generators"
)

// purposeJob draws which job comes next.
const purposeJob = generators.FreePurpose

// Offered is a stream of arrivals that asks for a percentage of a cluster's GPUs, on average, if all were placed at once:
// each a job drawn from those given, its stay cut to longest. Once that long has passed, the load is what it is said to
// be. The process is made for the mean gap that this takes.
func Offered(jobs []Job, nodes []policies.Node, percent float64, longest time.Duration, process func(mean time.Duration) generators.Process) (Source, error) {
	gap, err := meanGap(jobs, nodes, percent, longest)
	if err != nil {
		return nil, err
	}
	jobs = numbered(jobs)
	return Drawn(process(gap), func(draws *sim.Stream) Job {
		j := jobs[draws.Int63n(purposeJob, int64(len(jobs)))]
		j.Stays = min(j.Stays, longest)
		return j
	}), nil
}

// meanGap is the time between arrivals that makes up the load: the mean of what a job holds times how long, over what
// nodes offer. Each operation rounds once, in whole milliseconds of GPU-thousandths: the same on every processor.
func meanGap(jobs []Job, nodes []policies.Node, percent float64, longest time.Duration) (time.Duration, error) {
	var held, capacity int64
	for i := range jobs {
		held += jobs[i].Pod.TotalGPUMilli() * min(jobs[i].Stays, longest).Milliseconds()
	}
	for i := range nodes {
		capacity += int64(len(nodes[i].GPULeft)) * policies.GPUMilli
	}
	switch {
	case percent <= 0:
		return 0, fmt.Errorf("a load of %g %% is none: want a number above 0", percent)
	case capacity == 0:
		return 0, errors.New("no node has a GPU")
	case held == 0:
		return 0, errors.New("no pod holds a GPU for any time")
	}
	offered := float64(float64(capacity)*percent) / 100
	gap := float64(held) / float64(len(jobs)) / offered * float64(time.Millisecond)
	return max(1, time.Duration(gap)), nil
}
