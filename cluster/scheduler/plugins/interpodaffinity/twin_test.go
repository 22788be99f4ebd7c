package interpodaffinity_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/interpodaffinity"
)

// twin looks at every pod on every node, as the API documentation defines the terms.
type twin struct {
	fakes *testcluster.Fakes
	nodes []*framework.NodeInfo
	pod   *corev1.Pod
}

// means reports whether a term of owner means a pod.
func (w *twin) means(owner *corev1.Pod, t *corev1.PodAffinityTerm, pod *corev1.Pod) bool {
	in := len(t.Namespaces) == 0 && t.NamespaceSelector == nil && pod.Namespace == owner.Namespace
	for _, ns := range t.Namespaces {
		in = in || ns == pod.Namespace
	}
	if t.NamespaceSelector != nil {
		in = in || parse(t.NamespaceSelector).Matches(labels.Set(w.fakes.NamespaceLabels(pod.Namespace)))
	}
	return in && parse(t.LabelSelector).Matches(labels.Set(pod.Labels))
}

func parse(s *metav1.LabelSelector) labels.Selector {
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		panic(err)
	}
	return selector
}

func required(pod *corev1.Pod) (affinity, anti []corev1.PodAffinityTerm) {
	if a := pod.Spec.Affinity; a != nil {
		if a.PodAffinity != nil {
			affinity = a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		}
		if a.PodAntiAffinity != nil {
			anti = a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		}
	}
	return affinity, anti
}

func preferred(pod *corev1.Pod) (affinity, anti []corev1.WeightedPodAffinityTerm) {
	if a := pod.Spec.Affinity; a != nil {
		if a.PodAffinity != nil {
			affinity = a.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution
		}
		if a.PodAntiAffinity != nil {
			anti = a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution
		}
	}
	return affinity, anti
}

// near visits the pods in the node's domain.
func (w *twin) near(node *framework.NodeInfo, key string, visit func(*corev1.Pod)) {
	value, ok := node.Node.Labels[key]
	for _, other := range w.nodes {
		if v, has := other.Node.Labels[key]; ok && has && v == value {
			for _, p := range other.Pods {
				visit(p.Pod)
			}
		}
	}
}

func (w *twin) meansAll(terms []corev1.PodAffinityTerm, pod *corev1.Pod) bool {
	for i := range terms {
		if !w.means(w.pod, &terms[i], pod) {
			return false
		}
	}
	return len(terms) > 0
}

func (w *twin) filter(node *framework.NodeInfo) string {
	affinity, anti := required(w.pod)
	present, anywhere := true, false
	for i := range affinity {
		if _, ok := node.Node.Labels[affinity[i].TopologyKey]; !ok {
			return "node(s) didn't match pod affinity rules"
		}
		found := false
		w.near(node, affinity[i].TopologyKey, func(p *corev1.Pod) { found = found || w.meansAll(affinity, p) })
		present = present && found
		for _, other := range w.nodes {
			w.near(other, affinity[i].TopologyKey, func(p *corev1.Pod) { anywhere = anywhere || w.meansAll(affinity, p) })
		}
	}
	if !present && (anywhere || !w.meansAll(affinity, w.pod)) {
		return "node(s) didn't match pod affinity rules"
	}
	for i := range anti {
		found := false
		w.near(node, anti[i].TopologyKey, func(p *corev1.Pod) { found = found || w.means(w.pod, &anti[i], p) })
		if found {
			return "node(s) didn't match pod anti-affinity rules"
		}
	}
	return w.keptAway(node)
}

func (w *twin) keptAway(node *framework.NodeInfo) string {
	for _, other := range w.nodes {
		for _, p := range other.Pods {
			_, anti := required(p.Pod)
			for i := range anti {
				key := anti[i].TopologyKey
				here, ok := node.Node.Labels[key]
				there, has := other.Node.Labels[key]
				if ok && has && here == there && w.means(p.Pod, &anti[i], w.pod) {
					return "node(s) didn't satisfy existing pods anti-affinity rules"
				}
			}
		}
	}
	return ""
}

// raw returns a node's score before normalisation, and whether anything at all counted for it.
func (w *twin) raw(node *framework.NodeInfo) (sum int64, counted bool) {
	count := func(matches bool, weight int32) {
		if matches {
			sum += int64(weight)
			counted = true
		}
	}
	affinity, anti := preferred(w.pod)
	for i := range affinity {
		w.near(node, affinity[i].PodAffinityTerm.TopologyKey, func(p *corev1.Pod) { count(w.means(w.pod, &affinity[i].PodAffinityTerm, p), affinity[i].Weight) })
	}
	for i := range anti {
		w.near(node, anti[i].PodAffinityTerm.TopologyKey, func(p *corev1.Pod) { count(w.means(w.pod, &anti[i].PodAffinityTerm, p), -anti[i].Weight) })
	}
	for _, other := range w.nodes {
		for _, p := range other.Pods {
			hard, _ := required(p.Pod)
			for i := range hard {
				count(sameDomain(node, other, hard[i].TopologyKey) && w.means(p.Pod, &hard[i], w.pod), 1)
			}
			soft, avoid := preferred(p.Pod)
			for i := range soft {
				count(sameDomain(node, other, soft[i].PodAffinityTerm.TopologyKey) && w.means(p.Pod, &soft[i].PodAffinityTerm, w.pod), soft[i].Weight)
			}
			for i := range avoid {
				count(sameDomain(node, other, avoid[i].PodAffinityTerm.TopologyKey) && w.means(p.Pod, &avoid[i].PodAffinityTerm, w.pod), -avoid[i].Weight)
			}
		}
	}
	return sum, counted
}

func sameDomain(a, b *framework.NodeInfo, key string) bool {
	x, ok := a.Node.Labels[key]
	y, has := b.Node.Labels[key]
	return ok && has && x == y
}

func TestTallyAnswersLikeLookingAtEveryPod(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fakes, symbols := testcluster.NewFakes(), framework.NewSymbols()
		plugin := interpodaffinity.New(fakes.Handle(symbols), interpodaffinity.Args{})
		c, snapshot := cache.New(symbols), framework.NewSnapshot()
		nodes := testcluster.Pick(t, "nodes", []int{1, 3, 4, 5, 6})
		for i := range nodes {
			c.AddNode(testcluster.Node(t, fmt.Sprintf("n%d", i)))
		}
		for i := range rapid.IntRange(1, 15).Draw(t, "pods") {
			c.UpdateSnapshot(snapshot)
			pod := testcluster.Pod(t, fmt.Sprintf("p%d", i))
			compare(t, fakes, plugin, snapshot, symbols.NewPodInfo(pod))
			bound := api.Shallow(pod)
			bound.Spec.NodeName = fmt.Sprintf("n%d", testcluster.Pick(t, "on", []int{0, 1, 2, 3, 4, 5})%nodes)
			if err := c.AddPod(bound); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func compare(t *rapid.T, fakes *testcluster.Fakes, plugin *interpodaffinity.InterPodAffinity, s *framework.Snapshot, pod *framework.PodInfo) {
	w := &twin{fakes: fakes, pod: pod.Pod}
	for _, slot := range s.Order {
		w.nodes = append(w.nodes, s.Nodes[slot])
	}
	cycle := framework.NewCycle(pod, s)
	_, status := plugin.PreFilter(cycle)
	for _, node := range w.nodes {
		got := ""
		if !status.IsSkip() {
			got = plugin.Filter(cycle, node).Message()
			dryRun(t, plugin, cycle, w, node)
		}
		if want := w.filter(node); got != want {
			t.Fatalf("node %s: %q, twin %q", node.Name(), got, want)
		}
	}
	skipped := plugin.PreScore(cycle, s.Order).IsSkip()
	for _, node := range w.nodes {
		want, counted := w.raw(node)
		if skipped && counted {
			t.Fatalf("Score is skipped although node %s counts %d", node.Name(), want)
		}
		if skipped {
			continue
		}
		if got, _ := plugin.Score(cycle, node); got != want {
			t.Fatalf("node %s: score %d, twin %d", node.Name(), got, want)
		}
	}
}

// dryRun removes a node's pods one by one, and compares with a twin that sees the node without them.
func dryRun(t *rapid.T, plugin *interpodaffinity.InterPodAffinity, cycle *framework.Cycle, w *twin, node *framework.NodeInfo) {
	trial, changed := cycle.Clone(), node.Clone()
	other := &twin{fakes: w.fakes, pod: w.pod}
	for _, n := range w.nodes {
		if n == node {
			n = changed
		}
		other.nodes = append(other.nodes, n)
	}
	for _, p := range node.Pods {
		if _, err := changed.RemovePod(p.Pod); err != nil {
			t.Fatal(err)
		}
		plugin.RemovePod(trial, p, changed)
		if got, want := plugin.Filter(trial, changed).Message(), other.filter(changed); got != want {
			t.Fatalf("node %s without %s: %q, twin %q", node.Name(), p.Pod.Name, got, want)
		}
	}
}
