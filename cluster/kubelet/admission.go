package kubelet

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"
	corev1helpers "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"

	"github.com/fauxkube/fauxkube/cluster/kubelet/podstatus"
)

// rejection is why a kubelet does not take a pod: the status's reason and, after "Pod was rejected: ", its message.
type rejection struct{ reason, message string }

// demand is what a pod takes of a node.
type demand struct {
	milliCPU, memoryBytes, storageBytes int64
	extended                            corev1.ResourceList
}

func demandOf(pod *corev1.Pod) demand {
	all := resource.PodRequests(pod, resource.PodResourcesOptions{})
	d := demand{milliCPU: all.Cpu().MilliValue(), memoryBytes: all.Memory().Value(), storageBytes: all.StorageEphemeral().Value()}
	for name, q := range all { //sim:unordered builds another map
		switch name {
		case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
		default:
			if d.extended == nil {
				d.extended = corev1.ResourceList{}
			}
			d.extended[name] = q
		}
	}
	return d
}

// admit decides whether the node has room for a pod beside the others: the scheduler's own filters once more, since it
// may have decided on an old view (pkg/kubelet/lifecycle/predicate.go).
func admit(node *corev1.Node, pod *corev1.Pod, others []*corev1.Pod) *rejection {
	if r := fits(node, pod, others); r != nil {
		return r
	}
	if ok, err := nodeaffinity.GetRequiredNodeAffinity(pod).Match(node); err != nil || !ok {
		return predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
	}
	if pod.Spec.NodeName != "" && pod.Spec.NodeName != node.Name {
		return predicate("NodeName", "node(s) didn't match the requested node name")
	}
	if portsTaken(pod, others) {
		return predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports")
	}
	if podstatus.IsStatic(pod) {
		return nil
	}
	noExecute := func(t *corev1.Taint) bool { return t.Effect == corev1.TaintEffectNoExecute }
	if _, untolerated := corev1helpers.FindMatchingUntoleratedTaint(klog.Logger{}, node.Spec.Taints, pod.Spec.Tolerations, noExecute, false); untolerated {
		return predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate")
	}
	return nil
}

func predicate(name, description string) *rejection {
	return &rejection{name, fmt.Sprintf("Predicate %s failed: %s", name, description)}
}

// fits compares requests with what is left.
func fits(node *corev1.Node, pod *corev1.Pod, others []*corev1.Pod) *rejection {
	free := node.Status.Allocatable
	if limit := free.Pods().Value(); int64(len(others))+1 > limit {
		return short(corev1.ResourcePods, 1, int64(len(others)), limit)
	}
	want := demandOf(pod)
	var used demand
	for _, o := range others {
		d := demandOf(o)
		used.milliCPU += d.milliCPU
		used.memoryBytes += d.memoryBytes
		used.storageBytes += d.storageBytes
		used.addExtended(d.extended)
	}
	for _, c := range []struct {
		name             corev1.ResourceName
		want, used, free int64
	}{
		{corev1.ResourceCPU, want.milliCPU, used.milliCPU, free.Cpu().MilliValue()},
		{corev1.ResourceMemory, want.memoryBytes, used.memoryBytes, free.Memory().Value()},
		{corev1.ResourceEphemeralStorage, want.storageBytes, used.storageBytes, free.StorageEphemeral().Value()},
	} {
		if c.want > 0 && c.want > c.free-c.used {
			return short(c.name, c.want, c.used, c.free)
		}
	}
	return fitsExtended(free, want, used)
}

func (d *demand) addExtended(l corev1.ResourceList) {
	for name, q := range l { //sim:unordered commutative sum
		if d.extended == nil {
			d.extended = corev1.ResourceList{}
		}
		sum := d.extended[name]
		sum.Add(q)
		d.extended[name] = sum
	}
}

// fitsExtended looks at the other resources, in order of name. One that the node has never heard of does not count:
// the kubelet drops those that the node lacks (removeMissingExtendedResources).
func fitsExtended(free corev1.ResourceList, want, used demand) *rejection {
	names := make([]corev1.ResourceName, 0, len(want.extended))
	for name := range want.extended { //sim:unordered sorted below
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		q, taken := want.extended[name], used.extended[name]
		has, known := free[name]
		if known && q.Value() > has.Value()-taken.Value() {
			return short(name, q.Value(), taken.Value(), has.Value())
		}
	}
	return nil
}

func short(name corev1.ResourceName, want, used, capacity int64) *rejection {
	return &rejection{
		"OutOf" + string(name),
		fmt.Sprintf("Node didn't have enough resource: %s, requested: %d, used: %d, capacity: %d", name, want, used, capacity),
	}
}

type hostPort struct {
	protocol corev1.Protocol
	ip       string
	port     int32
}

func hostPorts(pod *corev1.Pod) []hostPort {
	var out []hostPort
	add := func(c *corev1.Container) {
		for _, p := range c.Ports {
			if p.HostPort != 0 {
				out = append(out, hostPort{p.Protocol, p.HostIP, p.HostPort})
			}
		}
	}
	for i := range pod.Spec.Containers {
		add(&pod.Spec.Containers[i])
	}
	for i := range pod.Spec.InitContainers {
		if c := &pod.Spec.InitContainers[i]; podstatus.IsSidecar(c) {
			add(c)
		}
	}
	return out
}

func portsTaken(pod *corev1.Pod, others []*corev1.Pod) bool {
	want := hostPorts(pod)
	if len(want) == 0 {
		return false
	}
	anyIP := func(ip string) bool { return ip == "" || ip == "0.0.0.0" }
	for _, o := range others {
		for _, has := range hostPorts(o) {
			for _, w := range want {
				if has.port == w.port && has.protocol == w.protocol && (has.ip == w.ip || anyIP(has.ip) || anyIP(w.ip)) {
					return true
				}
			}
		}
	}
	return false
}
