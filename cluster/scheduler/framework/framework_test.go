package framework_test

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	resourcehelper "k8s.io/component-helpers/resource"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

// The twin is component-helpers' PodRequests, which every Kubernetes component uses.
func TestRequestIsThatOfComponentHelpers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pod := testcluster.Pod(t, "p")
		extras(t, pod)
		symbols := framework.NewSymbols()
		got := symbols.RequestOf(pod)
		list := resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{UseStatusResources: true, InPlacePodLevelResourcesVerticalScalingEnabled: true})
		want, _ := symbols.Vector(list)
		for column := range symbols.Columns() {
			if got.Amounts.At(column) != want.At(column) {
				t.Fatalf("%s: %d, twin %d of %v", symbols.ResourceName(column), got.Amounts.At(column), want.At(column), list)
			}
			asked := slices.ContainsFunc(got.Demands, func(d framework.Demand) bool { return d.Column == column && d.Amount == want.At(column) })
			if asked != (want.At(column) > 0) {
				t.Fatalf("demands %v, want those of %v", got.Demands, want)
			}
		}
		defaults := corev1.ResourceList{}
		for name, quantity := range map[corev1.ResourceName]string{corev1.ResourceCPU: "100m", corev1.ResourceMemory: "200Mi"} {
			if _, stated := list[name]; !resourcehelper.IsPodLevelRequestsSet(pod) || !stated {
				defaults[name] = resource.MustParse(quantity)
			}
		}
		nonZero := resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{
			UseStatusResources: true, InPlacePodLevelResourcesVerticalScalingEnabled: true, NonMissingContainerRequests: defaults})
		if got.NonZeroCPU != nonZero.Cpu().MilliValue() || got.NonZeroMemory != nonZero.Memory().Value() {
			t.Fatalf("non-zero %d %d, twin %v", got.NonZeroCPU, got.NonZeroMemory, nonZero)
		}
	})
}

// extras makes some pods take the way around: overhead, pod-level requests, amounts below the grain, actual resources.
func extras(t *rapid.T, pod *corev1.Pod) {
	switch testcluster.Pick(t, "extra", []int{0, 0, 0, 1, 2, 3, 4, 5}) {
	case 1:
		pod.Spec.Overhead = api.Quantities("cpu", "50m", "memory", "10Mi")
	case 2:
		pod.Spec.Resources = &corev1.ResourceRequirements{Requests: api.Quantities("cpu", "3")}
	case 3:
		pod.Spec.Containers[0].Resources.Requests = api.Quantities("cpu", "100u", "memory", "1500m")
	case 5:
		for i := range pod.Spec.Containers {
			c := &pod.Spec.Containers[i]
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: c.Name,
				Resources: &corev1.ResourceRequirements{Requests: c.Resources.Requests}, AllocatedResources: c.Resources.Requests})
		}
		slices.Reverse(pod.Status.ContainerStatuses)
	case 4:
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c0",
			Resources: &corev1.ResourceRequirements{Requests: api.Quantities("cpu", "2")}, AllocatedResources: api.Quantities("cpu", "1")}}
	}
}

func TestMessageCountsReasons(t *testing.T) {
	statuses := func(list ...*framework.Status) *framework.NodeStatuses {
		s := framework.NewNodeStatuses(10)
		for i, one := range list {
			if one != nil {
				s.Set(int32(i), one)
			}
		}
		return s
	}
	cpu := framework.NewStatus(framework.Unschedulable, "Insufficient cpu")
	both := framework.NewStatus(framework.Unschedulable, "Insufficient cpu", "Insufficient memory")
	absent := statuses(cpu)
	absent.SetAbsent(framework.NewStatus(framework.UnschedulableAndUnresolvable, "Preemption is not helpful for scheduling"))
	many := framework.NewNodeStatuses(20)
	for slot := range int32(12) {
		many.Set(slot, cpu)
	}
	many.Set(12, framework.NewStatus(framework.Unschedulable, "node(s) were unschedulable"))
	many.Set(13, framework.NewStatus(framework.Unschedulable, "node(s) were unschedulable"))
	for name, c := range map[string]struct {
		d     framework.Diagnosis
		nodes int
		want  string
	}{
		"each node counts for each of its reasons": {framework.Diagnosis{Statuses: statuses(cpu, both, both)}, 3,
			"0/3 nodes are available: 2 Insufficient memory, 3 Insufficient cpu."},
		"nodes without a status of their own": {framework.Diagnosis{Statuses: absent}, 3,
			"0/3 nodes are available: 1 Insufficient cpu, 2 Preemption is not helpful for scheduling."},
		"sorted as text, not by number": {framework.Diagnosis{Statuses: many}, 14,
			"0/14 nodes are available: 12 Insufficient cpu, 2 node(s) were unschedulable."},
		"refused before any node was looked at": {framework.Diagnosis{Statuses: statuses(), PreFilterMessage: `persistentvolumeclaim "nope" not found`, PostFilterMessage: "not found"}, 3,
			`0/3 nodes are available: persistentvolumeclaim "nope" not found. not found`},
		"no reason at all": {framework.Diagnosis{Statuses: statuses()}, 3, "0/3 nodes are available:"},
	} {
		if got := c.d.Message(c.nodes); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestEventsCoverWhatIsMoreSpecific(t *testing.T) {
	event := func(r framework.EventResource, a framework.ActionType) framework.ClusterEvent {
		return framework.ClusterEvent{Resource: r, Action: a}
	}
	for name, c := range map[string]struct {
		registered, incoming framework.ClusterEvent
		want                 bool
	}{
		"equal":                           {event(framework.Node, framework.Add), framework.EventNodeAdd, true},
		"one of several":                  {event(framework.Node, framework.Add|framework.UpdateNodeTaint), event(framework.Node, framework.UpdateNodeTaint), true},
		"another action":                  {event(framework.Node, framework.UpdateNodeLabel), event(framework.Node, framework.UpdateNodeTaint), false},
		"any update covers each":          {event(framework.Node, framework.Update), event(framework.Node, framework.UpdateNodeTaint), true},
		"no single one covers any update": {event(framework.Pod, framework.UpdatePodLabel), framework.EventUnscheduledPodUpdate, false},
		"pods are assigned ones":          {event(framework.Pod, framework.Delete), framework.EventAssignedPodDelete, true},
		"and unscheduled ones":            {event(framework.Pod, framework.Update), framework.EventUnscheduledPodUpdate, true},
		"another resource":                {event(framework.Pod, framework.Add), framework.EventNodeAdd, false},
		"a wild card that comes in":       {event(framework.Pod, framework.All), framework.EventForceActivate, false},
		"a wild card covers all":          {event(framework.WildCard, framework.All), framework.EventNodeAdd, true},
	} {
		if got := c.registered.Covers(c.incoming); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := framework.EventAssignedPodDelete.Label() + framework.EventUnschedulableTimeout.Label(); got != "AssignedPodDeleteUnschedulableTimeout" {
		t.Errorf("labels %s", got)
	}
}

func TestUpdatesAreToldApart(t *testing.T) {
	labels := func(events []framework.ClusterEvent) string {
		var names []string
		for _, e := range events {
			names = append(names, e.Label())
		}
		return fmt.Sprint(names)
	}
	pod := func(change func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "b"}}}
		p.Spec.Containers = []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: api.Quantities("cpu", "2")}}}
		p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "g"}}
		change(p)
		return p
	}
	for want, change := range map[string]func(*corev1.Pod){
		"[UnschedulablePodUpdate]":                             func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning },
		"[UnschedulablePodUpdatePodLabel]":                     func(p *corev1.Pod) { p.Labels = nil },
		"[UnschedulablePodUpdatePodScaleDown]":                 func(p *corev1.Pod) { p.Spec.Containers[0].Resources.Requests = api.Quantities("cpu", "1") },
		"[UnschedulablePodUpdatePodSchedulingGatesEliminated]": func(p *corev1.Pod) { p.Spec.SchedulingGates = nil },
		"[UnschedulablePodUpdatePodToleration]":                func(p *corev1.Pod) { p.Spec.Tolerations = make([]corev1.Toleration, 1) },
		"[AssignedPodUpdate]":                                  func(p *corev1.Pod) { p.Spec.NodeName = "n" },
	} {
		if got := labels(framework.PodUpdates(pod(func(*corev1.Pod) {}), pod(change))); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := labels(framework.PodUpdates(pod(func(*corev1.Pod) {}), pod(func(p *corev1.Pod) { p.Spec.Containers[0].Resources.Requests = api.Quantities("cpu", "3") }))); got != "[UnschedulablePodUpdate]" {
		t.Errorf("asking for more: %s", got)
	}
	node := func(change func(*corev1.Node)) *corev1.Node {
		n := &corev1.Node{}
		n.Spec.Unschedulable = true
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		change(n)
		return n
	}
	for want, change := range map[string]func(*corev1.Node){
		"[]":                          func(n *corev1.Node) { n.Status.Conditions[0].LastHeartbeatTime = metav1.Unix(9, 0) },
		"[NodeUpdateNodeTaint]":       func(n *corev1.Node) { n.Spec.Unschedulable = false },
		"[NodeUpdateNodeLabel]":       func(n *corev1.Node) { n.Labels = map[string]string{"a": "b"} },
		"[NodeUpdateNodeCondition]":   func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionFalse },
		"[NodeUpdateNodeAllocatable]": func(n *corev1.Node) { n.Status.Allocatable = api.Quantities("cpu", "1") },
		"[NodeUpdateNodeAnnotation]":  func(n *corev1.Node) { n.Annotations = map[string]string{"a": "b"} },
	} {
		if got := labels(framework.NodeUpdates(node(func(*corev1.Node) {}), node(change))); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestPortsConflict(t *testing.T) {
	pod := func(ports ...corev1.ContainerPort) *corev1.Pod {
		return &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Ports: ports}}}}
	}
	port := func(ip string, protocol corev1.Protocol, number int32) corev1.ContainerPort {
		return corev1.ContainerPort{HostIP: ip, Protocol: protocol, HostPort: number}
	}
	for name, c := range map[string]struct {
		taken, wanted corev1.ContainerPort
		want          bool
	}{
		"the same":             {port("", "", 80), port("", "", 80), true},
		"another number":       {port("", "", 80), port("", "", 81), false},
		"another protocol":     {port("", "", 80), port("", corev1.ProtocolUDP, 80), false},
		"two addresses":        {port("10.0.0.1", "", 80), port("10.0.0.2", "", 80), false},
		"all addresses wanted": {port("10.0.0.1", "", 80), port("", "", 80), true},
		"all addresses taken":  {port("0.0.0.0", "", 80), port("10.0.0.1", "", 80), true},
		"no host port":         {port("", "", 80), port("", "", 0), false},
	} {
		taken := framework.PortSet(framework.HostPorts(pod(c.taken)))
		if got := taken.Conflicts(framework.HostPorts(pod(c.wanted))); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestScalarResources(t *testing.T) {
	for name, want := range map[corev1.ResourceName]bool{
		"example.com/gpu": true, "hugepages-2Mi": true, "attachable-volumes-aws-ebs": true, "kubernetes.io/batch": true,
		"cpu": false, "memory": false, "pods": false, "ephemeral-storage": false, "requests.example.com/gpu": false, "unknown": false,
	} {
		if got := framework.IsScalar(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
