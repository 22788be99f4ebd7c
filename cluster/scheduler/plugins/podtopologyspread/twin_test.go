package podtopologyspread_test

import (
	"fmt"
	"math"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/podtopologyspread"
)

// twin counts everything anew, constraint by constraint, as the API documentation defines it.
type twin struct {
	nodes []*framework.NodeInfo
	pod   *corev1.Pod
}

func (w *twin) selector(c *corev1.TopologySpreadConstraint) labels.Selector {
	s := c.LabelSelector.DeepCopy()
	for _, key := range c.MatchLabelKeys {
		if value, ok := w.pod.Labels[key]; ok && s != nil {
			s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{value}})
		}
	}
	parsed, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		panic(err)
	}
	return parsed
}

func (w *twin) matching(node *framework.NodeInfo, c *corev1.TopologySpreadConstraint) int {
	n, selector := 0, w.selector(c)
	for _, p := range node.Pods {
		if !selector.Empty() && p.Pod.DeletionTimestamp == nil && p.Pod.Namespace == w.pod.Namespace && selector.Matches(labels.Set(p.Pod.Labels)) {
			n++
		}
	}
	return n
}

func (w *twin) includes(node *framework.NodeInfo, c *corev1.TopologySpreadConstraint) bool {
	if c.NodeAffinityPolicy == nil || *c.NodeAffinityPolicy == corev1.NodeInclusionPolicyHonor {
		if ok, _ := nodeaffinity.GetRequiredNodeAffinity(w.pod).Match(node.Node); !ok {
			return false
		}
	}
	return c.NodeTaintsPolicy == nil || *c.NodeTaintsPolicy == corev1.NodeInclusionPolicyIgnore ||
		helper.FindUntolerated(node.Node.Spec.Taints, w.pod.Spec.Tolerations) == nil
}

func (w *twin) of(kind corev1.UnsatisfiableConstraintAction) []corev1.TopologySpreadConstraint {
	var list []corev1.TopologySpreadConstraint
	for _, c := range w.pod.Spec.TopologySpreadConstraints {
		if c.WhenUnsatisfiable == kind {
			list = append(list, c)
		}
	}
	return list
}

func hasKeys(node *framework.NodeInfo, list []corev1.TopologySpreadConstraint) bool {
	for _, c := range list {
		if _, ok := node.Node.Labels[c.TopologyKey]; !ok {
			return false
		}
	}
	return true
}

// sums returns the matching pods by domain.
func (w *twin) sums(c *corev1.TopologySpreadConstraint, all []corev1.TopologySpreadConstraint) map[string]int {
	sums := map[string]int{}
	for _, node := range w.nodes {
		if hasKeys(node, all) && w.includes(node, c) {
			sums[node.Node.Labels[c.TopologyKey]] += w.matching(node, c)
		}
	}
	return sums
}

func (w *twin) filter(node *framework.NodeInfo) string {
	hard := w.of(corev1.DoNotSchedule)
	for i := range hard {
		c := &hard[i]
		value, ok := node.Node.Labels[c.TopologyKey]
		if !ok {
			return "node(s) didn't match pod topology spread constraints (missing required label)"
		}
		sums := w.sums(c, hard)
		smallest := math.MaxInt32
		for _, sum := range sums {
			smallest = min(smallest, sum)
		}
		if len(sums) < int(api.Deref(c.MinDomains, 1)) {
			smallest = 0
		}
		own := 0
		if w.selector(c).Matches(labels.Set(w.pod.Labels)) {
			own = 1
		}
		if sums[value]+own-smallest > int(c.MaxSkew) {
			return "node(s) didn't match pod topology spread constraints"
		}
	}
	return ""
}

// scores returns the normalised scores of feasible nodes; nil if the pod has no soft constraints.
func (w *twin) scores(feasible []*framework.NodeInfo) []int64 {
	soft := w.of(corev1.ScheduleAnyway)
	if len(soft) == 0 {
		return nil
	}
	raw := make([]int64, len(feasible))
	smallest, largest := int64(math.MaxInt64), int64(0)
	for i, node := range feasible {
		if !hasKeys(node, soft) {
			raw[i] = -1
			continue
		}
		var score float64
		for n := range soft {
			c := &soft[n]
			count := w.sums(c, soft)[node.Node.Labels[c.TopologyKey]]
			if c.TopologyKey == corev1.LabelHostname {
				count = w.matching(node, c)
			}
			score += float64(count)*math.Log(float64(w.size(c, soft, feasible)+2)) + float64(c.MaxSkew-1)
		}
		raw[i] = int64(math.Round(score))
		smallest, largest = min(smallest, raw[i]), max(largest, raw[i])
	}
	for i := range raw {
		switch {
		case raw[i] < 0:
			raw[i] = 0
		case largest == 0:
			raw[i] = 100
		default:
			raw[i] = 100 * (largest + smallest - raw[i]) / largest
		}
	}
	return raw
}

func (w *twin) size(c *corev1.TopologySpreadConstraint, all []corev1.TopologySpreadConstraint, feasible []*framework.NodeInfo) int {
	domains, nodes := map[string]bool{}, 0
	for _, node := range feasible {
		if hasKeys(node, all) {
			nodes++
			domains[node.Node.Labels[c.TopologyKey]] = true
		}
	}
	if c.TopologyKey == corev1.LabelHostname {
		return nodes
	}
	return len(domains)
}

func TestTallyAnswersLikeCountingAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fakes, symbols := testcluster.NewFakes(), framework.NewSymbols()
		plugin := podtopologyspread.New(fakes.Handle(symbols), podtopologyspread.Args{ListDefaulting: true})
		c, snapshot := cache.New(symbols), framework.NewSnapshot()
		nodes := testcluster.Pick(t, "nodes", []int{1, 3, 4, 5, 6})
		for i := range nodes {
			c.AddNode(testcluster.Node(t, fmt.Sprintf("n%d", i)))
		}
		for i := range rapid.IntRange(1, 15).Draw(t, "pods") {
			c.UpdateSnapshot(snapshot)
			pod := testcluster.Pod(t, fmt.Sprintf("p%d", i))
			compare(t, plugin, snapshot, symbols.NewPodInfo(pod))
			bound := api.Shallow(pod)
			bound.Spec.NodeName = fmt.Sprintf("n%d", testcluster.Pick(t, "on", []int{0, 1, 2, 3, 4, 5})%nodes)
			if err := c.AddPod(bound); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func compare(t *rapid.T, plugin *podtopologyspread.PodTopologySpread, s *framework.Snapshot, pod *framework.PodInfo) {
	w := &twin{pod: pod.Pod}
	for _, slot := range s.Order {
		w.nodes = append(w.nodes, s.Nodes[slot])
	}
	cycle := framework.NewCycle(pod, s)
	if _, status := plugin.PreFilter(cycle); status.IsSkip() {
		if len(w.of(corev1.DoNotSchedule)) != 0 {
			t.Fatal("Filter is skipped although there are constraints")
		}
	} else {
		for _, node := range w.nodes {
			if got, want := plugin.Filter(cycle, node).Message(), w.filter(node); got != want {
				t.Fatalf("node %s: %q, twin %q", node.Name(), got, want)
			}
			dryRun(t, plugin, cycle, w, node)
		}
	}
	if status := plugin.PreScore(cycle, s.Order); status.IsSkip() {
		if w.scores(w.nodes) != nil {
			t.Fatal("Score is skipped although there are constraints")
		}
		return
	}
	scores := make([]int64, len(s.Order))
	plugin.ScoreSlots(cycle, s.Order, scores)
	for i, slot := range s.Order {
		if one, _ := plugin.Score(cycle, s.Nodes[slot]); one != scores[i] {
			t.Fatalf("node %s: score %d, by column %d", s.Nodes[slot].Name(), one, scores[i])
		}
	}
	plugin.NormalizeScore(cycle, s.Order, scores)
	if want := w.scores(w.nodes); fmt.Sprint(scores) != fmt.Sprint(want) {
		t.Fatalf("scores %v, twin %v", scores, want)
	}
}

// dryRun removes a node's pods one by one, and compares with a twin that sees the node without them.
func dryRun(t *rapid.T, plugin *podtopologyspread.PodTopologySpread, cycle *framework.Cycle, w *twin, node *framework.NodeInfo) {
	trial, changed := cycle.Clone(), node.Clone()
	for _, p := range node.Pods {
		if p.Pod.DeletionTimestamp != nil {
			continue // upstream counts them out although they were not counted in
		}
		if _, err := changed.RemovePod(p.Pod); err != nil {
			t.Fatal(err)
		}
		plugin.RemovePod(trial, p, changed)
		other := &twin{pod: w.pod}
		for _, n := range w.nodes {
			if n == node {
				n = changed
			}
			other.nodes = append(other.nodes, n)
		}
		if got, want := plugin.Filter(trial, changed).Message(), other.filter(changed); got != want {
			t.Fatalf("node %s without %s: %q, twin %q", node.Name(), p.Pod.Name, got, want)
		}
	}
	if got, want := plugin.Filter(cycle, node).Message(), w.filter(node); got != want {
		t.Fatalf("after the dry run node %s: %q, twin %q", node.Name(), got, want)
	}
}

func TestSystemDefaultsSpreadPodsOfAService(t *testing.T) {
	fakes, symbols := testcluster.NewFakes(), framework.NewSymbols()
	plugin := podtopologyspread.New(fakes.Handle(symbols), podtopologyspread.Args{})
	c, snapshot := cache.New(symbols), framework.NewSnapshot()
	for i, zone := range []string{"a", "a", "b"} {
		name := fmt.Sprintf("n%d", i)
		c.AddNode(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name, corev1.LabelTopologyZone: zone}}})
	}
	web := func(name, node string) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: name, UID: types.UID(name), Labels: map[string]string{"app": "web"}}}
		p.Spec.NodeName = node
		return p
	}
	if err := c.AddPod(web("there", "n0")); err != nil {
		t.Fatal(err)
	}
	c.UpdateSnapshot(snapshot)
	cycle := framework.NewCycle(symbols.NewPodInfo(web("new", "")), snapshot)
	if status := plugin.PreScore(cycle, snapshot.Order); !status.IsSuccess() {
		t.Fatal(status)
	}
	scores := map[string]int64{}
	list := make([]int64, 3)
	plugin.ScoreSlots(cycle, snapshot.Order, list)
	plugin.NormalizeScore(cycle, snapshot.Order, list)
	for i, slot := range snapshot.Order {
		scores[snapshot.Nodes[slot].Name()] = list[i]
	}
	// Raw: n0 = ln 5 + 2 + ln 4 + 4, n1 = 2 + ln 4 + 4, n2 = 2 + 4: 9, 7, 6.
	if scores["n0"] != 66 || scores["n1"] != 88 || scores["n2"] != 100 {
		t.Errorf("scores %v", scores)
	}
}
