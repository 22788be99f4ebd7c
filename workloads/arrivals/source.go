package arrivals

import (
	"cmp"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/generators"
)

// Job is a pod that arrives at a time since the beginning and stays for a while once it has a place.
type Job struct {
	Pod     policies.Pod
	Arrives time.Duration
	Stays   time.Duration
}

// Source tells who arrives, in order of time.
type Source interface {
	// Next is the arrival after the one before it, which is now; ok is false where there is none.
	Next(draws *sim.Stream, now time.Duration) (j Job, ok bool)
}

// Recorded arrivals come when they came. Jobs may be in any order; those of one time arrive by name.
func Recorded(jobs []Job) Source {
	sorted := numbered(jobs)
	slices.SortStableFunc(sorted, func(a, b Job) int {
		return cmp.Or(cmp.Compare(a.Arrives, b.Arrives), cmp.Compare(a.Pod.Name, b.Pod.Name))
	})
	return &recorded{jobs: sorted}
}

// numbered are the jobs with their pods' types numbered, since scores are kept by type.
func numbered(jobs []Job) []Job {
	pods := make([]policies.Pod, len(jobs))
	for i := range jobs {
		pods[i] = jobs[i].Pod
	}
	policies.NumberTypes(pods)
	all := slices.Clone(jobs)
	for i := range all {
		all[i].Pod = pods[i]
	}
	return all
}

type recorded struct{ jobs []Job }

func (r *recorded) Next(*sim.Stream, time.Duration) (j Job, ok bool) {
	if len(r.jobs) == 0 {
		return Job{}, false
	}
	j, r.jobs = r.jobs[0], r.jobs[1:]
	return j, true
}

// Drawn arrivals come as the process says; draw makes each up, from a purpose at or above generators.FreePurpose. Pods that
// ask for the same must have the same type, and others another.
func Drawn(p generators.Process, draw func(*sim.Stream) Job) Source { return &drawn{p, draw} }

type drawn struct {
	process generators.Process
	draw    func(*sim.Stream) Job
}

func (d *drawn) Next(draws *sim.Stream, now time.Duration) (Job, bool) {
	j := d.draw(draws)
	j.Arrives = now + d.process.Gap(draws, now)
	return j, true
}
