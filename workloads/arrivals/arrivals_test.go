package arrivals

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/generators"
)

func nodes(count int) (all []policies.Node) {
	for i := range count {
		all = append(all, policies.Node{Name: fmt.Sprint("n", i), CPULeft: 8000, MemoryLeft: 1 << 40, GPULeft: []int64{1000, 1000}, Model: "T4"})
	}
	return all
}

var typical = []policies.TypicalPod{{Pod: policies.Pod{CPUMilli: 2000, GPUs: 1, GPUMilli: 500}, Share: 1}}

// drawJobs are jobs that a small cluster is too small for.
func drawJobs(t *rapid.T) []Job {
	count := rapid.IntRange(1, 60).Draw(t, "jobs")
	jobs := make([]Job, count)
	pods := make([]policies.Pod, count)
	for i := range jobs {
		p := policies.Pod{CPUMilli: rapid.SampledFrom([]int64{500, 2000, 5000}).Draw(t, "cpu"), MemoryBytes: 1 << 20}
		switch rapid.IntRange(0, 2).Draw(t, "sort") {
		case 1:
			p.GPUs, p.GPUMilli = 1, rapid.SampledFrom([]int64{300, 700}).Draw(t, "milli")
		case 2:
			p.GPUs, p.GPUMilli = rapid.IntRange(1, 2).Draw(t, "gpus"), 1000
		}
		pods[i] = p
		jobs[i].Arrives = time.Duration(rapid.IntRange(0, 100).Draw(t, "arrives")) * time.Second
		jobs[i].Stays = time.Duration(rapid.IntRange(0, 60).Draw(t, "stays")) * time.Second
	}
	policies.NumberTypes(pods)
	for i := range jobs {
		jobs[i].Pod = pods[i]
		jobs[i].Pod.Name = fmt.Sprintf("p%03d", i)
	}
	return jobs
}

// twin is what the engine does, without any of its shortcuts: whenever something happens it tries all pods that wait, the
// longest waiting first, on all nodes.
type twin struct {
	nodes   []*policies.Node
	chooser *policies.Chooser
	waiting []Job
	running []leaving
	placed  map[string]time.Duration
}

type leaving struct {
	at   time.Duration
	job  Job
	node int
	gpus []int
}

func (w *twin) run(jobs []Job, until time.Duration) {
	for {
		departs := slices.MinFunc(append(slices.Clone(w.running), leaving{at: math.MaxInt64}), func(a, b leaving) int { return cmp.Compare(a.at, b.at) })
		arrives := time.Duration(math.MaxInt64)
		if len(jobs) > 0 {
			arrives = jobs[0].Arrives
		}
		switch now := min(arrives, departs.at); {
		case now > until:
			return
		case departs.at < arrives:
			i := slices.IndexFunc(w.running, func(l leaving) bool { return l.job.Pod.Name == departs.job.Pod.Name })
			w.running = slices.Delete(w.running, i, i+1)
			w.nodes[departs.node].Remove(&departs.job.Pod, departs.gpus)
			w.chooser.Changed(departs.node)
			w.try(now)
		default:
			w.waiting = append(w.waiting, jobs[0])
			jobs = jobs[1:]
			w.try(now)
		}
	}
}

func (w *twin) try(now time.Duration) {
	for again := true; again; {
		again = false
		for i, j := range w.waiting {
			node, gpus := w.chooser.Place(&j.Pod)
			if node < 0 {
				continue
			}
			w.placed[j.Pod.Name] = now - j.Arrives
			w.running = append(w.running, leaving{now + j.Stays, j, node, gpus})
			w.waiting = slices.Delete(w.waiting, i, i+1)
			again = true
			break
		}
	}
}

// Which pods wait, and how long, is what it is when everybody is tried everywhere. Times are made distinct, as two things
// at one instant may happen in either order.
func TestWaitingIsAsIfAllWereTried(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		jobs := drawJobs(t)
		for i := range jobs {
			jobs[i].Arrives += time.Duration(i) * time.Millisecond
			jobs[i].Stays += time.Duration(i+1) * 7 * time.Microsecond
		}
		policy := rapid.SampledFrom([]string{"firstfit", "bestfit", "fgd", "gpupacking"}).Draw(t, "policy")
		c := Config{Nodes: nodes(3), Source: Recorded(jobs), Typical: typical, Policy: policy, Seed: 5, Until: 90 * time.Second}
		r, err := Run(c)
		if err != nil {
			t.Fatal(err)
		}
		s := sim.New(sim.Config{Seed: 5, NoWatchdog: true})
		defer s.Close()
		p, err := policies.New(policy, policies.Env{Workload: policies.NewWorkload(typical)})
		if err != nil {
			t.Fatal(err)
		}
		w := &twin{nodes: named(c.Nodes, s.Stream(nodesStream)), placed: map[string]time.Duration{}}
		w.chooser = policies.NewChooser(p, w.nodes, nil)
		slices.SortFunc(jobs, func(a, b Job) int { return cmp.Compare(a.Arrives, b.Arrives) })
		w.run(jobs, c.Until)
		var waits []time.Duration
		for _, wait := range w.placed {
			waits = append(waits, wait)
		}
		for _, j := range w.waiting {
			waits = append(waits, c.Until-j.Arrives)
		}
		if got, want := fmt.Sprint(r.Placed, r.Unschedulable, r.Pending), fmt.Sprint(len(w.placed), len(w.waiting), pending(waits)); got != want {
			t.Fatalf("%s: placed, unschedulable, waits %s, want %s", policy, got, want)
		}
	})
}

// One node of two GPUs; three pods of two GPUs come at 0, 10 and 20 s and stay 30 s each.
func TestAKnownTimeline(t *testing.T) {
	var jobs []Job
	for i := range 3 {
		jobs = append(jobs, Job{Pod: policies.Pod{Name: fmt.Sprint(i), CPUMilli: 1000, GPUs: 2, GPUMilli: 1000}, Arrives: time.Duration(i) * 10 * time.Second, Stays: 30 * time.Second})
	}
	r, err := Run(Config{Nodes: nodes(1), Source: Recorded(jobs), Typical: typical, Policy: "firstfit", Until: 100 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	// They run from 0, 30 and 60 to 90 s; the second waits 20 s and the third 40 s.
	got := fmt.Sprintf("%d %d %d, mean %v max %v; allocated %.1f then %.1f, waiting %.2f", r.Arrived, r.Placed, r.Unschedulable, r.Pending.Mean, r.Pending.Max, r.Mean.Allocated, r.End.Allocated, r.Mean.Waiting)
	if want := "3 3 0, mean 20 max 40; allocated 90.0 then 0.0, waiting 0.60"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if at := r.Curves[50].Allocated; at != 100 {
		t.Errorf("%v %% allocated at half time, want 100", at)
	}
}

// What waits at the end counts, with what it has waited so far.
func TestPodsThatNeverFitAreUnschedulable(t *testing.T) {
	jobs := []Job{{Pod: policies.Pod{Name: "large", CPUMilli: 1000, GPUs: 3, GPUMilli: 1000}, Arrives: 10 * time.Second, Stays: time.Second}}
	r, err := Run(Config{Nodes: nodes(2), Source: Recorded(jobs), Typical: typical, Policy: "fgd", Until: 100 * time.Second})
	if err != nil || r.Unschedulable != 1 || r.Placed != 0 || r.Pending.P99 != 90 {
		t.Errorf("%+v, %v", r, err)
	}
}

// The offered load is what arrives, in GPU time.
func TestOfferedLoad(t *testing.T) {
	var jobs []Job
	for i := range 10 {
		jobs = append(jobs, Job{Pod: policies.Pod{Name: "p", CPUMilli: 10, GPUs: 1, GPUMilli: 100 * int64(i+1)}, Stays: time.Duration(i+1) * time.Minute})
	}
	const hours = 50
	for _, percent := range []float64{20, 60} {
		source, err := Offered(jobs, nodes(100), percent, 8*time.Minute, generators.Poisson)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(Config{Nodes: nodes(100), Source: source, Typical: typical, Policy: "firstfit", WarmUp: 10 * time.Minute, Until: hours * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(r.Mean.Allocated-percent) > .03*percent {
			t.Errorf("%.2f %% of the GPUs are in use at a load of %g %%", r.Mean.Allocated, percent)
		}
	}
	if _, err := Offered(jobs, nil, 50, time.Minute, generators.Poisson); err == nil {
		t.Error("a load for no nodes")
	}
}

// All policies of one seed meet the same pods at the same times, whatever they do with them.
func TestArrivalsDoNotDependOnThePolicy(t *testing.T) {
	job := Job{Pod: policies.Pod{Name: "p", CPUMilli: 1000, GPUs: 1, GPUMilli: 700}, Stays: 10 * time.Minute}
	results := map[string]*Result{}
	for _, policy := range []string{"random", "fgd"} {
		source, err := Offered([]Job{job}, nodes(10), 120, time.Hour, generators.Poisson)
		if err != nil {
			t.Fatal(err)
		}
		if results[policy], err = Run(Config{Nodes: nodes(10), Source: source, Typical: typical, Policy: policy, Seed: 3, Until: 5 * time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := results["random"], results["fgd"]; a.Arrived != b.Arrived || a.Arrived == 0 {
		t.Errorf("%d and %d pods arrived", a.Arrived, b.Arrived)
	}
}
