package stages

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// kwokVersion is how KWOK fills in version fields that a node leaves empty.
const kwokVersion = "kwok-" + Version

// freshNodeInfo is what the template makes of an empty nodeInfo.
var freshNodeInfo = corev1.NodeSystemInfo{
	Architecture: "amd64", OperatingSystem: "linux", ContainerRuntimeVersion: kwokVersion, KernelVersion: kwokVersion,
	KubeProxyVersion: kwokVersion, KubeletVersion: kwokVersion,
}

// nodeInitialize: a node that its operator has just created becomes Ready. Nodes that say more of themselves than their
// capacity are left to the template.
func nodeInitialize(r *Renderer, obj api.Object) (func(api.Object) (api.Object, error), int, bool) {
	node, ok := obj.(*corev1.Node)
	if !ok || !isFresh(node) || r.env.NodeIP() == "" || r.env.NodeName() != "" {
		return nil, 0, false
	}
	now := r.env.Now()
	port := r.env.NodePort()
	address := []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: r.env.NodeIP()}}
	w := writer{stamp: stamp(now)}
	w.initialize(node, address[0].Address, port)
	seen := metav1.NewTime(now.UTC().Truncate(second))
	apply := func(old api.Object) (api.Object, error) {
		n := api.Shallow(old.(*corev1.Node))
		s := &n.Status
		s.Conditions = mergeNodeConditions(s.Conditions, seen, node.CreationTimestamp)
		s.Addresses = mergeNodeAddresses(s.Addresses, address)
		s.Capacity, s.Allocatable = mergeResources(s.Capacity, node.Status.Capacity), mergeResources(s.Allocatable, node.Status.Allocatable)
		if port != 0 {
			s.DaemonEndpoints.KubeletEndpoint.Port = int32(port)
		}
		s.NodeInfo = freshNodeInfo
		s.NodeInfo.Swap = old.(*corev1.Node).Status.NodeInfo.Swap
		s.Phase = corev1.NodeRunning
		return n, nil
	}
	return apply, len(w.b), true
}

func isFresh(node *corev1.Node) bool {
	s := &node.Status
	return !node.CreationTimestamp.IsZero() && len(s.Addresses) == 0 && s.NodeInfo == (corev1.NodeSystemInfo{}) &&
		len(s.Capacity) > 0 && len(s.Allocatable) > 0
}

// mergeResources sets the resources of the patch in a copy.
func mergeResources(own, patch corev1.ResourceList) corev1.ResourceList {
	out := make(corev1.ResourceList, len(patch))
	maps.Copy(out, own)
	maps.Copy(out, patch)
	return out
}

func (w *writer) initialize(node *corev1.Node, ip string, port int) {
	w.b = make([]byte, 0, 2048)
	w.raw(`{"status":{"addresses":[{`)
	w.member("address", ip)
	w.raw(`,"type":"InternalIP"}],"allocatable":{`)
	w.resources(node.Status.Allocatable)
	w.raw(`},"capacity":{`)
	w.resources(node.Status.Capacity)
	w.raw(`},"conditions":[`)
	w.conditions(node)
	w.raw(`]`)
	w.endpoint(port)
	w.raw(`,"nodeInfo":{"architecture":"amd64","bootID":"","containerRuntimeVersion":"` + kwokVersion + `","kernelVersion":"` + kwokVersion +
		`","kubeProxyVersion":"` + kwokVersion + `","kubeletVersion":"` + kwokVersion + `","machineID":"","operatingSystem":"linux","osImage":"","systemUUID":""},"phase":"Running"}}`)
}

func (w *writer) resources(l corev1.ResourceList) {
	for i, name := range slices.Sorted(maps.Keys(l)) {
		q := l[name]
		w.comma(i)
		w.member(string(name), q.String())
	}
}
