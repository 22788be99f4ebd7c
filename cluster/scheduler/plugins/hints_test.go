// Package plugins_test asks the plugins' queueing hints, plugin by plugin.
package plugins_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

type (
	podChange  = func(*corev1.Pod)
	nodeChange = func(*corev1.Node)
)

// waiting is the pod that a plugin refused.
func waiting(changes ...podChange) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: "waiting", UID: "waiting", Labels: map[string]string{"app": "web"}}}
	p.Spec.Containers = []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: api.Quantities("cpu", "2")}}}
	for _, c := range changes {
		c(p)
	}
	return p
}

// other is a pod on a node.
func other(changes ...podChange) *corev1.Pod {
	p := waiting()
	p.Name, p.UID, p.Spec.NodeName = "other", "other", "n"
	for _, c := range changes {
		c(p)
	}
	return p
}

func node(changes ...nodeChange) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{"zone": "a"}}}
	n.Status.Allocatable = api.Quantities("cpu", "4", "pods", "10")
	for _, c := range changes {
		c(n)
	}
	return n
}

func cpu(amount string) podChange {
	return func(p *corev1.Pod) { p.Spec.Containers[0].Resources.Requests = api.Quantities("cpu", amount) }
}

func port(number int32) podChange {
	return func(p *corev1.Pod) { p.Spec.Containers[0].Ports = []corev1.ContainerPort{{HostPort: number}} }
}

func tolerates(p *corev1.Pod) {
	p.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
}

func labelled(key, value string) podChange {
	return func(p *corev1.Pod) { p.Labels = map[string]string{key: value} }
}

func unassigned(p *corev1.Pod)   { p.Spec.NodeName = "" }
func nominated(p *corev1.Pod)    { p.Spec.NodeName, p.Status.NominatedNodeName = "", "n" }
func inTwo(p *corev1.Pod)        { p.Namespace = "two" }
func cordoned(n *corev1.Node)    { n.Spec.Unschedulable = true }
func noZone(n *corev1.Node)      { n.Labels = nil }
func zoneB(n *corev1.Node)       { n.Labels = map[string]string{"zone": "b"} }
func annotated(n *corev1.Node)   { n.Annotations = map[string]string{"x": "y"} }
func wantsZoneA(p *corev1.Pod)   { p.Spec.NodeSelector = map[string]string{"zone": "a"} }
func gated(p *corev1.Pod)        { p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "g"}} }
func as(uid types.UID) podChange { return func(p *corev1.Pod) { p.UID = uid } }

func tainted(n *corev1.Node) {
	n.Spec.Taints = []corev1.Taint{{Key: "k", Effect: corev1.TaintEffectNoSchedule}}
}

func has(list ...string) nodeChange {
	return func(n *corev1.Node) { n.Status.Allocatable = api.Quantities(list...) }
}

var web = metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}

func near(p *corev1.Pod) {
	p.Spec.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: "zone", LabelSelector: &web}}}}
}

func apart(p *corev1.Pod) {
	p.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: "zone", LabelSelector: &web}}}}
}

func spread(p *corev1.Pod) {
	p.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "zone", WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: &web}}
}

func spreadHonouringTaints(p *corev1.Pod) {
	spread(p)
	p.Spec.TopologySpreadConstraints[0].NodeTaintsPolicy = api.Ptr(corev1.NodeInclusionPolicyHonor)
}

func TestQueueingHints(t *testing.T) {
	podGone, podCame := framework.EventAssignedPodDelete, framework.EventAssignedPodAdd
	nodeCame := framework.EventNodeAdd
	nodeUpdate := func(a framework.ActionType) framework.ClusterEvent {
		return framework.ClusterEvent{Resource: framework.Node, Action: a}
	}
	podUpdate := func(a framework.ActionType) framework.ClusterEvent {
		return framework.ClusterEvent{Resource: framework.Pod, Action: a}
	}
	for _, c := range []struct {
		plugin, what  string
		pod           *corev1.Pod
		event         framework.ClusterEvent
		before, after any
		want          string // queue, skip, or deaf: not registered
	}{
		{names.NodeResourcesFit, "an assigned pod goes", waiting(), podGone, other(), nil, "queue"},
		{names.NodeResourcesFit, "a nominated pod goes", waiting(), podGone, other(nominated), nil, "queue"},
		{names.NodeResourcesFit, "a pod goes that had no node", waiting(), podGone, other(unassigned), nil, "skip"},
		{names.NodeResourcesFit, "another pod asks for less", waiting(), podUpdate(framework.UpdatePodScaleDown), other(), other(cpu("1")), "queue"},
		{names.NodeResourcesFit, "it asks for less itself", waiting(), podUpdate(framework.UpdatePodScaleDown), waiting(cpu("9")), waiting(), "queue"},
		{names.NodeResourcesFit, "a pod comes", waiting(), podCame, nil, other(), "deaf"},
		{names.NodeResourcesFit, "a node comes that is large enough", waiting(), nodeCame, nil, node(), "queue"},
		{names.NodeResourcesFit, "a node comes that is too small", waiting(), nodeCame, nil, node(has("cpu", "1", "pods", "10")), "skip"},
		{names.NodeResourcesFit, "a node grows", waiting(), nodeUpdate(framework.UpdateNodeAllocatable), node(has("cpu", "3", "pods", "10")), node(), "queue"},
		{names.NodeResourcesFit, "a node shrinks", waiting(), nodeUpdate(framework.UpdateNodeAllocatable), node(), node(has("cpu", "3", "pods", "10")), "skip"},
		{names.NodeResourcesFit, "a node grows in what the pod does not ask for", waiting(), nodeUpdate(framework.UpdateNodeAllocatable), node(), node(has("cpu", "4", "memory", "1Gi", "pods", "10")), "skip"},
		{names.NodeResourcesFit, "a node allows more pods", waiting(), nodeUpdate(framework.UpdateNodeAllocatable), node(), node(has("cpu", "4", "pods", "11")), "queue"},
		{names.NodeResourcesFit, "labels change", waiting(), nodeUpdate(framework.UpdateNodeLabel), node(), node(zoneB), "deaf"},

		{names.TaintToleration, "a node comes without taints", waiting(), nodeCame, nil, node(), "queue"},
		{names.TaintToleration, "a node comes with a taint", waiting(), nodeCame, nil, node(tainted), "skip"},
		{names.TaintToleration, "the taint goes", waiting(), nodeUpdate(framework.UpdateNodeTaint), node(tainted), node(), "queue"},
		{names.TaintToleration, "a taint comes", waiting(), nodeUpdate(framework.UpdateNodeTaint), node(), node(tainted), "skip"},
		{names.TaintToleration, "the pod gets a toleration", waiting(), podUpdate(framework.UpdatePodToleration), waiting(), waiting(tolerates), "queue"},
		{names.TaintToleration, "another pod gets one", waiting(), podUpdate(framework.UpdatePodToleration), other(), other(tolerates), "skip"},

		{names.NodeUnschedulable, "a node is uncordoned", waiting(), nodeUpdate(framework.UpdateNodeTaint), node(cordoned), node(), "queue"},
		{names.NodeUnschedulable, "a node is cordoned", waiting(), nodeUpdate(framework.UpdateNodeTaint), node(), node(cordoned), "skip"},
		{names.NodeUnschedulable, "a cordoned node comes", waiting(), nodeCame, nil, node(cordoned), "skip"},
		{names.NodeUnschedulable, "a node comes", waiting(), nodeCame, nil, node(), "queue"},
		{names.NodeUnschedulable, "the pod tolerates it now", waiting(), podUpdate(framework.UpdatePodToleration), waiting(), waiting(tolerates), "queue"},

		{names.NodeName, "any node comes", waiting(), nodeCame, nil, node(), "queue"},
		{names.NodeName, "a node changes", waiting(), nodeUpdate(framework.UpdateNodeLabel), node(), node(zoneB), "deaf"},

		{names.NodeAffinity, "a node comes that matches", waiting(wantsZoneA), nodeCame, nil, node(), "queue"},
		{names.NodeAffinity, "a node comes that does not", waiting(wantsZoneA), nodeCame, nil, node(zoneB), "skip"},
		{names.NodeAffinity, "a node begins to match", waiting(wantsZoneA), nodeUpdate(framework.UpdateNodeLabel), node(zoneB), node(), "queue"},
		{names.NodeAffinity, "a node matches as before", waiting(wantsZoneA), nodeUpdate(framework.UpdateNodeLabel), node(), node(annotated), "skip"},

		{names.NodePorts, "a pod with the port goes", waiting(port(80)), podGone, other(port(80)), nil, "queue"},
		{names.NodePorts, "a pod with another port goes", waiting(port(80)), podGone, other(port(81)), nil, "skip"},
		{names.NodePorts, "a pod goes that had no node", waiting(port(80)), podGone, other(port(80), unassigned), nil, "skip"},
		{names.NodePorts, "a node comes", waiting(port(80)), nodeCame, nil, node(), "queue"},

		{names.SchedulingGates, "its last gate goes", waiting(), podUpdate(framework.UpdatePodSchedulingGatesEliminated), waiting(gated), waiting(), "queue"},
		{names.SchedulingGates, "another pod's gate goes", waiting(gated), podUpdate(framework.UpdatePodSchedulingGatesEliminated), other(gated), other(), "skip"},

		{names.InterPodAffinity, "a wanted pod comes", waiting(near), podCame, nil, other(), "queue"},
		{names.InterPodAffinity, "one that is not wanted comes", waiting(near), podCame, nil, other(labelled("app", "db")), "skip"},
		{names.InterPodAffinity, "an unwanted pod goes", waiting(apart), podGone, other(), nil, "queue"},
		{names.InterPodAffinity, "one that kept it away goes", waiting(), podGone, other(apart), nil, "queue"},
		{names.InterPodAffinity, "one that does not matter goes", waiting(apart), podGone, other(labelled("app", "db")), nil, "skip"},
		{names.InterPodAffinity, "a pod becomes a wanted one", waiting(near), podUpdate(framework.UpdatePodLabel), other(labelled("app", "db")), other(), "queue"},
		{names.InterPodAffinity, "an unwanted pod becomes another", waiting(apart), podUpdate(framework.UpdatePodLabel), other(), other(labelled("app", "db")), "queue"},
		{names.InterPodAffinity, "its own labels change", waiting(apart), podUpdate(framework.UpdatePodLabel), waiting(), waiting(labelled("app", "db")), "queue"},
		{names.InterPodAffinity, "a pod without a node comes", waiting(near), podCame, nil, other(unassigned), "skip"},
		{names.InterPodAffinity, "a node comes with the key", waiting(near), nodeCame, nil, node(), "queue"},
		{names.InterPodAffinity, "a node comes without the key", waiting(near), nodeCame, nil, node(noZone), "skip"},
		{names.InterPodAffinity, "any node comes for a pod that wants to be alone", waiting(apart), nodeCame, nil, node(noZone), "queue"},
		{names.InterPodAffinity, "a node moves to another domain", waiting(near), nodeUpdate(framework.UpdateNodeLabel), node(), node(zoneB), "queue"},
		{names.InterPodAffinity, "a node loses the key", waiting(apart), nodeUpdate(framework.UpdateNodeLabel), node(), node(noZone), "queue"},
		{names.InterPodAffinity, "a node gets the key", waiting(apart), nodeUpdate(framework.UpdateNodeLabel), node(noZone), node(), "skip"},

		{names.PodTopologySpread, "a pod that counts comes", waiting(spread), podCame, nil, other(), "queue"},
		{names.PodTopologySpread, "a pod of another namespace comes", waiting(spread), podCame, nil, other(inTwo), "skip"},
		{names.PodTopologySpread, "a pod that does not count comes", waiting(spread), podCame, nil, other(labelled("app", "db")), "skip"},
		{names.PodTopologySpread, "a pod that counts goes", waiting(spread), podGone, other(), nil, "queue"},
		{names.PodTopologySpread, "a pod ceases to count", waiting(spread), podUpdate(framework.UpdatePodLabel), other(), other(labelled("app", "db")), "queue"},
		{names.PodTopologySpread, "a pod counts as before", waiting(spread), podUpdate(framework.UpdatePodLabel), other(), other(func(p *corev1.Pod) { p.Labels["x"] = "y" }), "skip"},
		{names.PodTopologySpread, "it gets a toleration that counts", waiting(spreadHonouringTaints), podUpdate(framework.UpdatePodToleration), waiting(spreadHonouringTaints), waiting(spreadHonouringTaints, tolerates), "queue"},
		{names.PodTopologySpread, "it gets one that does not", waiting(spread), podUpdate(framework.UpdatePodToleration), waiting(spread), waiting(spread, tolerates), "skip"},
		{names.PodTopologySpread, "a node comes with the key", waiting(spread), nodeCame, nil, node(), "queue"},
		{names.PodTopologySpread, "a node comes without the key", waiting(spread), nodeCame, nil, node(noZone), "skip"},
		{names.PodTopologySpread, "a node with the key goes", waiting(spread), framework.EventNodeDelete, node(), nil, "queue"},
		{names.PodTopologySpread, "a node moves to another domain", waiting(spread), nodeUpdate(framework.UpdateNodeLabel), node(), node(zoneB), "queue"},
		{names.PodTopologySpread, "a node's taints change", waiting(spread), nodeUpdate(framework.UpdateNodeTaint), node(tainted), node(), "queue"},
		{names.PodTopologySpread, "nothing that matters changes", waiting(spread), nodeUpdate(framework.UpdateNodeLabel), node(), node(annotated), "skip"},

		{names.DefaultPreemption, "a pod goes", waiting(), podGone, other(as("x")), nil, "skip"},
	} {
		if got := ask(t, c.plugin, c.pod, c.event, c.before, c.after); got != c.want {
			t.Errorf("%s: %s: %s, want %s", c.plugin, c.what, got, c.want)
		}
	}
}

// ask asks the hints that a plugin of the default profile has registered for an event.
func ask(t *testing.T, plugin string, pod *corev1.Pod, event framework.ClusterEvent, before, after any) string {
	t.Helper()
	enabled, err := scheduler.DefaultPlugins(testcluster.NewFakes().Handle(framework.NewSymbols()))
	if err != nil {
		t.Fatal(err)
	}
	answer := "deaf"
	for _, e := range enabled {
		extensions, ok := e.Plugin.(framework.EnqueueExtensions)
		if !ok || e.Plugin.Name() != plugin {
			continue
		}
		for _, registered := range extensions.EventsToRegister() {
			if !registered.Event.Covers(event) {
				continue
			}
			answer = "skip"
			if registered.Hint == nil {
				return "queue"
			}
			if hint, err := registered.Hint(pod, before, after); err != nil || hint == framework.Queue {
				return "queue"
			}
		}
	}
	return answer
}

func TestHintsQueueWhatTheyDoNotUnderstand(t *testing.T) {
	if got := ask(t, names.NodeResourcesFit, waiting(), framework.EventNodeAdd, nil, other()); got != "queue" {
		t.Errorf("a pod where a node should be: %s", got)
	}
}
