package runtime_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

// machine drives a cache, a snapshot and a framework through random changes, and at each attempt asks a framework that was made
// this instant, and answers node by node, the same question.
type machine struct {
	fakes     *testcluster.Fakes
	symbols   *framework.Symbols
	cache     *cache.Cache
	snapshot  *framework.Snapshot
	fw        *runtime.Framework
	algorithm runtime.Algorithm
	nodes     map[string]*corev1.Node
	pods      map[string]*corev1.Pod
	serial    int
}

func newFramework(fakes *testcluster.Fakes, symbols *framework.Symbols) *runtime.Framework {
	h := fakes.Handle(symbols)
	plugins, err := scheduler.DefaultPlugins(h)
	if err != nil {
		panic(err)
	}
	fw, err := runtime.New(runtime.Config{SchedulerName: "default-scheduler", Plugins: plugins}, framework.NewPluginNames(), h)
	if err != nil {
		panic(err)
	}
	return fw
}

func newMachine() *machine {
	m := &machine{
		fakes: testcluster.NewFakes(), symbols: framework.NewSymbols(), snapshot: framework.NewSnapshot(),
		nodes: map[string]*corev1.Node{}, pods: map[string]*corev1.Pod{},
	}
	m.cache = cache.New(m.symbols)
	m.fw = newFramework(m.fakes, m.symbols)
	return m
}

func (m *machine) act(t *rapid.T) {
	switch testcluster.Pick(t, "action", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
	case 0, 1:
		m.node(t, testcluster.Pick(t, "node", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}))
	case 2:
		if len(m.nodes) > 0 && rapid.Bool().Draw(t, "really") {
			name := rapid.SampledFrom(slices.Sorted(maps.Keys(m.nodes))).Draw(t, "gone")
			if err := m.cache.RemoveNode(m.nodes[name]); err != nil {
				t.Fatal(err)
			}
			delete(m.nodes, name)
		}
	case 3:
		if len(m.pods) > 0 {
			name := testcluster.Pick(t, "ended", slices.Sorted(maps.Keys(m.pods)))
			if err := m.cache.RemovePod(m.pods[name]); err != nil {
				t.Fatal(err)
			}
			delete(m.pods, name)
		}
	case 4:
		if len(m.pods) > 0 {
			name := rapid.SampledFrom(slices.Sorted(maps.Keys(m.pods))).Draw(t, "leaving")
			pod := api.Shallow(m.pods[name])
			now := api.Time(testcluster.Now)
			pod.DeletionTimestamp = &now
			if err := m.cache.UpdatePod(pod); err != nil {
				t.Fatal(err)
			}
			m.pods[name] = pod
		}
	default:
		m.schedule(t)
	}
}

func (m *machine) node(t *rapid.T, number int) {
	name := fmt.Sprintf("n%d", number)
	node := testcluster.Node(t, name)
	if old := m.nodes[name]; old != nil {
		m.cache.UpdateNode(old, node)
	} else {
		m.cache.AddNode(node)
	}
	m.nodes[name] = node
}

func (m *machine) schedule(t *rapid.T) {
	m.serial++
	pod := testcluster.Pod(t, fmt.Sprintf("p%d", m.serial))
	m.fakes.Pods[pod.Namespace+"/"+pod.Name] = pod
	m.nominate(t)
	m.cache.UpdateSnapshot(m.snapshot)
	info := m.symbols.NewPodInfo(pod)

	twin := runtime.Algorithm{Start: m.algorithm.Start}
	plain := newFramework(m.fakes, m.symbols)
	plain.SetPlain()
	want := twin.Schedule(plain, framework.NewCycle(info, m.snapshot))
	got := m.algorithm.Schedule(m.fw, framework.NewCycle(info, m.snapshot))

	if fmt.Sprint(got.Err) != fmt.Sprint(want.Err) || got.Result != want.Result || got.Work != want.Work {
		t.Fatalf("attempt %+v, twin %+v", got, want)
	}
	if a, b := m.explain(&m.algorithm), m.explain(&twin); a != b {
		t.Fatalf("refusals and scores differ:\n%s\ntwin:\n%s", a, b)
	}
	if m.algorithm.Start != twin.Start {
		t.Fatalf("next start %d, twin %d", m.algorithm.Start, twin.Start)
	}
	if got.Diagnosis != nil && got.Diagnosis.Message(m.snapshot.Len()) != want.Diagnosis.Message(m.snapshot.Len()) {
		t.Fatalf("message %q, twin %q", got.Diagnosis.Message(m.snapshot.Len()), want.Diagnosis.Message(m.snapshot.Len()))
	}
	if got.Err == nil && got.Diagnosis == nil {
		bound := api.Shallow(pod)
		bound.Spec.NodeName = got.Result.Node
		if err := m.cache.AddPod(bound); err != nil {
			t.Fatal(err)
		}
		m.pods[pod.Name] = bound
	}
}

// nominate gives a node a nominated pod now and then.
func (m *machine) nominate(t *rapid.T) {
	m.fakes.Nominations = nil
	if testcluster.Pick(t, "nominate", []int{0, 1, 2, 3, 4, 5}) == 0 {
		m.fakes.Nominations = map[string][]*framework.PodInfo{"n1": {m.symbols.NewPodInfo(testcluster.Pod(t, "nominee"))}}
	}
}

// explain lists refusals and scores by node name.
func (m *machine) explain(a *runtime.Algorithm) string {
	text := ""
	a.Statuses().Each(func(slot int32, s *framework.Status) {
		text += m.snapshot.Nodes[slot].Name() + ": " + s.String() + " by " + s.Plugin() + "\n"
	})
	scores := a.Scores()
	for _, part := range scores.Plugin {
		text += part.Name + ":"
		for i, slot := range scores.Slots {
			text += fmt.Sprintf(" %s=%d", m.snapshot.Nodes[slot].Name(), part.Scores[i])
		}
		text += "\n"
	}
	return text
}

func TestFastFormsAnswerLikeThePlainTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine()
		for number := range testcluster.Pick(t, "nodes", []int{0, 3, 12}) { // from 8 on, classes are remembered
			m.node(t, number)
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			m.act(t)
		}
	})
}
