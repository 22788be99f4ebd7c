package oracle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	uscheduler "k8s.io/kubernetes/pkg/scheduler"
	uconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	uscheme "k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	icache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	uframework "k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/profile"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/cluster/scheduler/extender"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

// TestDecisions lets kube-scheduler's own schedulePod decide about pods, one after the other, from the same configuration file as ours: the node
// chosen (ties, rotating start, enough nodes, hints from batching), how many nodes were looked at, and the message if none fits.
func TestDecisions(t *testing.T) {
	var seen tally
	server := extenderServer()
	defer server.Close()
	rapid.Check(t, func(t *rapid.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		d := newDecisions(ctx, t, server.URL)
		d.seen = &seen
		for i := range rapid.IntRange(1, 30).Draw(t, "pods") {
			d.next(i)
		}
	})
	t.Logf("%+v", seen)
}

// tally counts what the random cases were good for.
type tally struct{ decisions, placed, hinted, nominated, unfit, many, extended, drawn, errors int }

// decisions is one cluster under both schedulers.
type decisions struct {
	t *rapid.T
	*world
	sched    *uscheduler.Scheduler
	number   int64
	last     *corev1.Pod
	seen     *tally
	extended bool
	// simple clusters have equal empty nodes and pods with a host port: each fills its node, as batching likes it.
	simple bool
	// Signatures of one side by the other's.
	ourSignature, theirSignature map[string]string
}

// configurations to draw from; the first is the default.
var configurations = []string{
	"",
	"profiles: [{schedulerName: default-scheduler, pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List}}]}]",
	"percentageOfNodesToScore: 30\nprofiles: [{pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List}}]}]",
	"profiles: [{percentageOfNodesToScore: 100, pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule}]}}]}]",
	"profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 3}, {name: example.com/gpu, weight: 2}]}}}, {name: PodTopologySpread, args: {defaultingType: List}}]}]",
	"profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {ignoredResources: [example.com/gpu], scoringStrategy: {type: RequestedToCapacityRatio, resources: [{name: memory, weight: 2}], requestedToCapacityRatio: {shape: [{utilization: 0, score: 10}, {utilization: 40, score: 2}, {utilization: 100, score: 7}]}}}}, {name: NodeResourcesBalancedAllocation, args: {resources: [{name: memory, weight: 1}, {name: example.com/gpu, weight: 1}]}}]}]",
	"profiles: [{pluginConfig: [{name: NodeAffinity, args: {addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: NotIn, values: [hdd]}]}]}, preferredDuringSchedulingIgnoredDuringExecution: [{weight: 7, preference: {matchExpressions: [{key: disk, operator: Exists}]}}]}}}, {name: InterPodAffinity, args: {hardPodAffinityWeight: 40, ignorePreferredTermsOfExistingPods: true}}, {name: PodTopologySpread, args: {defaultingType: List}}]}]",
	"profiles: [{plugins: {score: {disabled: [{name: '*'}]}, preScore: {disabled: [{name: '*'}]}}}]",
	"profiles: [{plugins: {multiPoint: {disabled: [{name: PodTopologySpread}, {name: InterPodAffinity}], enabled: [{name: ImageLocality, weight: 5}]}, filter: {disabled: [{name: TaintToleration}]}, score: {enabled: [{name: NodeResourcesFit, weight: 4}]}}}]",
}

const header = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"

func newDecisions(ctx context.Context, t *rapid.T, server string) *decisions {
	file := header + testcluster.Pick(t, "configuration", configurations)
	extenders := drawExtenders(t, server)
	file += "\n" + extenders
	batching := rapid.Bool().Draw(t, "batching")
	fakes := testcluster.NewFakes()
	fakes.Volumes = testcluster.DrawVolumes(t)
	d := &decisions{t: t, extended: extenders != "", world: ours(t, fakes, file, batching, inProcess{server}), ourSignature: map[string]string{}, theirSignature: map[string]string{}}
	d.simple = rapid.Bool().Draw(t, "simple")
	d.start(ctx, fakes, file, batching)
	copies := testcluster.Pick(t, "copies", []int{1, 1, 1, 2, 60})
	for i := range 4 - rapid.IntRange(0, 3).Draw(t, "shapes") {
		shape := testcluster.Node(t, fmt.Sprintf("n%d", i))
		if d.simple {
			shape = bigNode(i)
			shape.Name = fmt.Sprintf("n%d", i)
		}
		d.addNode(shape)
		for k := 1; k < copies; k++ {
			d.addNode(renamed(shape, fmt.Sprintf("n%d-%d", i, k)))
		}
	}
	return d
}

func renamed(node *corev1.Node, name string) *corev1.Node {
	node = node.DeepCopy()
	node.Name, node.UID = name, types.UID(name)
	if _, ok := node.Labels[corev1.LabelHostname]; ok {
		node.Labels[corev1.LabelHostname] = name
	}
	return node
}

// ours builds our side from the file.
func ours(t *rapid.T, fakes *testcluster.Fakes, file string, batching bool, transport extender.Transport) *world {
	c, err := config.Load("scheduler.yaml", []byte(file), config.Options{Gates: map[string]bool{"OpportunisticBatching": batching}})
	if err != nil {
		t.Fatal(err)
	}
	var s scheduler.Config
	c.Apply(&s)
	w := &world{fakes: fakes, symbols: framework.NewSymbols(), snapshot: framework.NewSnapshot()}
	w.cache = cache.New(w.symbols)
	w.handle = fakes.Handle(w.symbols)
	if w.fw, err = s.Profiles[0].Build(&s, framework.NewPluginNames(), w.handle, extender.New(s.Extenders, transport)); err != nil {
		t.Fatal(err)
	}
	w.algorithm = runtime.Algorithm{PercentageOfNodesToScore: s.PercentageOfNodesToScore}
	return w
}

// start builds kube-scheduler, with one worker, over informers that never start.
func (d *decisions) start(ctx context.Context, fakes *testcluster.Fakes, file string, batching bool) {
	if err := utilfeature.DefaultMutableFeatureGate.Set(fmt.Sprintf("OpportunisticBatching=%v", batching)); err != nil {
		d.t.Fatal(err)
	}
	object, _, err := uscheme.Codecs.UniversalDecoder().Decode([]byte(file), nil, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	c := object.(*uconfig.KubeSchedulerConfiguration)
	client := fake.NewClientset()
	known := informers.NewSharedInformerFactory(client, 0)
	d.sched, err = uscheduler.New(ctx, client, known, nil, profile.NewRecorderFactory(events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()})),
		uscheduler.WithProfiles(c.Profiles...), uscheduler.WithParallelism(1), uscheduler.WithPercentageOfNodesToScore(c.PercentageOfNodesToScore),
		uscheduler.WithExtenders(c.Extenders...))
	if err != nil {
		d.t.Fatal(err)
	}
	fw := d.sched.Profiles[corev1.DefaultSchedulerName]
	d.theirs = &upstream{cache: d.sched.Cache, snapshot: fw.SnapshotSharedLister().(*icache.Snapshot), fw: fw, known: known}
	d.theirs.fill(fakes)
}

// next lets both decide about a pod.
func (d *decisions) next(i int) {
	if d.t.Failed() {
		return
	}
	if !d.simple && testcluster.Pick(d.t, "node changes", []bool{false, false, false, false, true}) {
		d.changeNode(d.t)
	}
	if testcluster.Pick(d.t, "somebody else is popped", []bool{false, false, false, false, false, false, false, false, false, true}) {
		d.pop(smallPod(1000+i, func(p *corev1.Pod) { p.Spec.SchedulerName = corev1.DefaultSchedulerName }))
	}
	pod := d.pod(i)
	info := d.pop(pod)
	d.update(d.t)

	cycle := framework.NewCycle(d.symbols.NewPodInfo(pod), d.snapshot)
	cycle.Signature, cycle.Number = d.fw.Sign(pod), d.number
	d.sameSignature(cycle.Signature, info)
	got := d.algorithm.Schedule(d.fw, cycle)
	want, err := d.sched.SchedulePod(context.Background(), d.theirs.fw, uframework.NewCycleState(), info)
	d.compare(pod, got, want, err)
	if err == nil {
		d.place(d.t, pod, want.SuggestedHost)
	}
}

// pod draws a pod, often the same as the last one but for its name.
func (d *decisions) pod(i int) *corev1.Pod {
	if d.last != nil && testcluster.Pick(d.t, "like the last", []bool{true, true, false}) {
		again := d.last.DeepCopy()
		again.Name = fmt.Sprintf("p%d", i)
		again.UID = types.UID(again.Name)
		d.last = again
	} else {
		d.last = drawPod(d.t, i)
		if d.simple {
			d.last = smallPod(i, func(p *corev1.Pod) { p.Spec.Containers[0].Ports = []corev1.ContainerPort{{HostPort: 80}} })
			d.last.Name = fmt.Sprintf("p%d", i)
			d.last.UID = types.UID(d.last.Name)
		}
		d.last.Spec.SchedulerName = corev1.DefaultSchedulerName
		if testcluster.Pick(d.t, "nominated", []bool{false, false, false, false, true}) {
			d.seen.nominated++
			d.last.Status.NominatedNodeName = testcluster.Pick(d.t, "node", d.nodes).Name
		}
	}
	return d.last
}

// pop takes a pod through kube-scheduler's queue.
func (d *decisions) pop(pod *corev1.Pod) *uframework.QueuedPodInfo {
	d.sched.SchedulingQueue.Add(context.Background(), pod)
	info, err := d.sched.NextPod(klog.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	d.sched.SchedulingQueue.Done(pod.UID)
	d.number++
	return info
}

// sameSignature: ours is of other bytes, but the pods that we can't tell apart must be those that upstream can't.
func (d *decisions) sameSignature(got string, info *uframework.QueuedPodInfo) {
	if (got == "") != (len(info.PodSignature) == 0) {
		d.t.Fatalf("signature %q, upstream %q", got, info.PodSignature)
	}
	if got == "" {
		return
	}
	want := string(info.PodSignature)
	theirs, known := d.theirSignature[got]
	ours, knownToo := d.ourSignature[want]
	if known != knownToo || known && (theirs != want || ours != got) {
		d.t.Fatalf("signatures\n%q and %q are of one pod,\n%q and %q of another", got, want, ours, theirs)
	}
	d.theirSignature[got], d.ourSignature[want] = want, got
}

func (d *decisions) compare(pod *corev1.Pod, got runtime.Attempt, want uscheduler.ScheduleResult, err error) {
	d.seen.decisions++
	if d.extended {
		d.seen.extended++
	}
	var unfit *uframework.FitError
	switch {
	case errors.As(err, &unfit):
		d.seen.unfit++
		if got.Diagnosis == nil {
			d.t.Fatalf("%+v, upstream: %v", got, err)
		}
		if message := got.Diagnosis.Message(d.snapshot.Len()); message != err.Error() {
			d.t.Fatalf("message\n    ours %s\nupstream %s\npod %+v", message, err, pod.Spec)
		}
	case err != nil:
		d.seen.errors++
		if got.Err == nil || got.Err.Error() != err.Error() {
			d.t.Fatalf("error %v, upstream %v", got.Err, err)
		}
	default:
		d.seen.placed++
		if got.Result.Hint == want.SuggestedHost {
			d.seen.hinted++
		}
		if want.FeasibleNodes >= 100 {
			d.seen.many++
		}
		ours := uscheduler.ScheduleResult{SuggestedHost: got.Result.Node, EvaluatedNodes: got.Result.EvaluatedNodes, FeasibleNodes: got.Result.FeasibleNodes}
		if d.extended && ours.SuggestedHost != want.SuggestedHost && d.equals(ours.SuggestedHost, want.SuggestedHost) {
			ours.SuggestedHost = want.SuggestedHost
			d.seen.drawn++
		}
		if got.Err != nil || ours != want {
			d.t.Fatalf("decision %+v (%v, %v), upstream %+v\nscores %s\npod %+v", ours, got.Err, got.Diagnosis, want, d.explain(ours.SuggestedHost, want.SuggestedHost), api.Shallow(pod).Spec)
		}
	}
}

// equals reports whether two nodes had the same score: among those that extenders have scored, kube-scheduler draws.
func (d *decisions) equals(a, b string) bool {
	scores := d.algorithm.Scores()
	total := map[string]int64{}
	for i, slot := range scores.Slots {
		total[d.name(slot)] = scores.Total[i]
	}
	scored, ok := total[b]
	return ok && scored == total[a]
}

// explain lists the scores of some nodes.
func (d *decisions) explain(nodes ...string) string {
	var b strings.Builder
	scores := d.algorithm.Scores()
	for i, slot := range scores.Slots {
		if !slices.Contains(nodes, d.name(slot)) {
			continue
		}
		fmt.Fprintf(&b, "\n%s %d", d.name(slot), scores.Total[i])
		for _, part := range slices.Concat(scores.Plugin, scores.Extender) {
			fmt.Fprintf(&b, " %s=%d*%d", part.Name, part.Scores[i], part.Weight)
		}
	}
	return b.String()
}
