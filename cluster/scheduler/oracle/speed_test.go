package oracle

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	uframework "k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

var (
	speed     = flag.Bool("speed", false, "run TestSpeed")
	speedPods = flag.Int("speed-pods", 10_000, "decisions of ours in each cell of TestSpeed")
)

// The least ratio of decisions per second, ours to upstream's, on 5000 nodes.
const (
	leastPlain       = 10
	leastConstrained = 5
)

// Upstream is timed at so many points of a run, evenly spread, for this part of the decisions, since all of them would take many minutes.
const (
	theirPoints = 10
	theirShare  = 20
)

// TestSpeed measures both schedulers on one core in one run: decisions per second of CPU, garbage collection included. A decision is
// snapshot, filter, score, assume and reserve, on equal clusters with the same percentage of nodes to score, parallelism 1, without batching,
// and without API writes on either side. Each of upstream's turns begins with the pods placed where ours placed them.
func TestSpeed(t *testing.T) {
	if !*speed {
		t.Skip("takes minutes; run with -speed")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	t.Logf("%-14s %6s %12s %12s %8s", "pods", "nodes", "ours/s", "upstream/s", "ratio")
	for _, kind := range []struct {
		name  string
		shape func(*corev1.Pod)
		least float64
	}{{"plain", func(*corev1.Pod) {}, leastPlain}, {"spread", spread, leastConstrained}, {"inter-pod", affine, leastConstrained}} {
		for _, nodes := range []int{500, 5000, 15_000} {
			ours, theirs := measure(nodes, *speedPods, kind.shape)
			t.Logf("%-14s %6d %12.0f %12.0f %8.1f", kind.name, nodes, ours, theirs, ours/theirs)
			if nodes == 5000 && ours/theirs < kind.least {
				t.Errorf("%s on %d nodes: %.1f times upstream, want %.0f", kind.name, nodes, ours/theirs, kind.least)
			}
		}
	}
}

func spread(p *corev1.Pod) {
	p.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
		MaxSkew: 5, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: batch,
	}}
}

func affine(p *corev1.Pod) {
	p.Spec.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
		TopologyKey: corev1.LabelTopologyZone, LabelSelector: batch,
	}}}}
}

var batch = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "batch"}}

// measure returns the decisions per second of both.
func measure(nodes, pods int, shape func(*corev1.Pod)) (ours, theirs float64) {
	w := newWorld(testcluster.NewFakes())
	for i := range nodes {
		w.addNode(bigNode(i))
	}
	var ourTime, theirTime time.Duration
	timed := pods / theirShare / theirPoints
	for from := 0; from < pods; from += pods / theirPoints {
		theirTime += w.theirs.timed(from, timed, shape)
		var placed []*corev1.Pod
		ourTime += cpuOf(func() {
			for i := from; i < from+pods/theirPoints; i++ {
				placed = append(placed, w.decide(smallPod(i, shape)))
			}
		})
		for _, pod := range placed {
			if err := w.theirs.cache.AddPod(klog.Background(), pod); err != nil {
				panic(err)
			}
		}
	}
	return float64(pods) / ourTime.Seconds(), float64(timed*theirPoints) / theirTime.Seconds()
}

// timed returns what some decisions of upstream take, and takes them back. The first snapshot, of all that changed since the last turn, is
// not timed.
func (u *upstream) timed(from, decisions int, shape func(*corev1.Pod)) time.Duration {
	var placed []*corev1.Pod
	pod, start := u.decide(smallPod(from, shape), 0)
	placed = append(placed, pod)
	spent := cpuOf(func() {
		for i := from + 1; i <= from+decisions; i++ {
			pod, start = u.decide(smallPod(i, shape), start)
			placed = append(placed, pod)
		}
	})
	for _, pod := range placed {
		if err := u.cache.ForgetPod(klog.Background(), pod); err != nil {
			panic(err)
		}
	}
	return spent
}

// cpuOf returns the CPU time of the process while f runs.
func cpuOf(f func()) time.Duration {
	runtime.GC()
	debug.FreeOSMemory()
	before := cpu()
	f()
	return cpu() - before
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func bigNode(i int) *corev1.Node {
	name := fmt.Sprintf("node-%05d", i)
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		corev1.LabelHostname: name, corev1.LabelTopologyZone: string(rune('a' + i%3)), corev1.LabelTopologyRegion: "r1",
		corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
	}}}
	n.Status.Allocatable = api.Quantities("cpu", "16", "memory", "64Gi", "pods", "110")
	return n
}

func smallPod(i int, shape func(*corev1.Pod)) *corev1.Pod {
	name := fmt.Sprintf("pod-%d", i)
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: name, UID: types.UID(name), Labels: map[string]string{"app": "batch"}}}
	p.Spec.Containers = []corev1.Container{{Name: "c", Image: "nginx:1.25", Resources: corev1.ResourceRequirements{Requests: api.Quantities("cpu", "100m", "memory", "500Mi")}}}
	shape(p)
	return p
}

// decide places a pod by our scheduler.
func (w *world) decide(pod *corev1.Pod) *corev1.Pod {
	info := w.symbols.NewPodInfo(pod)
	w.cache.UpdateSnapshot(w.snapshot)
	cycle := framework.NewCycle(info, w.snapshot)
	attempt := w.algorithm.Schedule(w.fw, cycle)
	if attempt.Err != nil || attempt.Diagnosis != nil {
		panic(fmt.Sprint(attempt.Err, attempt.Diagnosis))
	}
	bound := api.Shallow(pod)
	bound.Spec.NodeName = attempt.Result.Node
	if err := w.cache.AssumePod(w.symbols.With(info, bound)); err != nil {
		panic(err)
	}
	if status := w.fw.Reserve(cycle, bound.Spec.NodeName); !status.IsSuccess() {
		panic(status.Message())
	}
	return bound
}

// decide places a pod by upstream's plugins, from the rotating start, and returns it with the next start. It examines as many nodes as
// kube-scheduler does.
func (u *upstream) decide(pod *corev1.Pod, start int) (*corev1.Pod, int) {
	ctx, logger := context.Background(), klog.Background()
	if err := u.cache.UpdateSnapshot(logger, u.snapshot); err != nil {
		panic(err)
	}
	state := uframework.NewCycleState()
	u.fw.RunPreFilterPlugins(ctx, state, pod)
	list, err := u.snapshot.NodeInfos().List()
	if err != nil {
		panic(err)
	}
	enough := max(len(list)*max(5, 50-len(list)/125)/100, 100)
	var feasible []fwk.NodeInfo
	examined := 0
	for ; examined < len(list) && len(feasible) < enough; examined++ {
		node := list[(start+examined)%len(list)]
		if u.fw.RunFilterPluginsWithNominatedPods(ctx, state, pod, node).IsSuccess() {
			feasible = append(feasible, node)
		}
	}
	u.fw.RunPreScorePlugins(ctx, state, pod, feasible)
	scores, status := u.fw.RunScorePlugins(ctx, state, pod, feasible)
	if !status.IsSuccess() || len(scores) == 0 {
		panic(fmt.Sprint("upstream finds no node: ", status))
	}
	best := 0
	for i := range scores {
		if scores[i].TotalScore > scores[best].TotalScore {
			best = i
		}
	}
	bound := api.Shallow(pod)
	bound.Spec.NodeName = scores[best].Name
	if err := u.cache.AssumePod(logger, bound); err != nil {
		panic(err)
	}
	if status := u.fw.RunReservePluginsReserve(ctx, state, bound, bound.Spec.NodeName); !status.IsSuccess() {
		panic(status.Message())
	}
	return bound, (start + examined) % len(list)
}
