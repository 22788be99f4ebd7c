package kubelet_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/kubelet"
	"github.com/fauxkube/fauxkube/sim/host"
)

func TestStaticPodsRunAndShowAsMirrorPods(t *testing.T) {
	w := readyWorld(t, nil, 0)
	m := host.NewMachine(w.s, host.Config{Name: "cp-1", Zone: "a", Cores: 4})
	manifest := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "etcd", Labels: map[string]string{"component": "etcd", "tier": "control-plane"}},
		Spec: corev1.PodSpec{HostNetwork: true, PriorityClassName: "system-node-critical", RestartPolicy: corev1.RestartPolicyAlways,
			Containers: []corev1.Container{{Name: "etcd", Image: "registry.k8s.io/etcd:3.6.5"}}},
	}
	node := kubelet.Spawn(m, kubelet.Config{
		NodeName: "cp-1", Network: w.network, Server: apiAddress, NodeIP: "192.168.0.11",
		Capacity: api.Quantities("cpu", "4", "memory", "8Gi"), StaticPods: []*corev1.Pod{manifest},
	})
	mirror := func() *corev1.Pod {
		response, err := w.do(&api.Request{Verb: api.VerbGet, Resource: api.Pods, Namespace: "kube-system", Name: "etcd-cp-1"})
		if err != nil {
			return nil
		}
		return response.Object.(*corev1.Pod)
	}
	runs := func() bool {
		p := mirror()
		return p != nil && p.Status.Phase == corev1.PodRunning && api.IsPodReady(p)
	}
	w.eventually(2*time.Minute, "the mirror pod runs", runs)
	p := mirror()
	if p.Annotations["kubernetes.io/config.source"] != "file" || p.Annotations["kubernetes.io/config.hash"] == "" ||
		p.Annotations["kubernetes.io/config.mirror"] != p.Annotations["kubernetes.io/config.hash"] ||
		len(p.OwnerReferences) != 1 || p.OwnerReferences[0].Kind != "Node" || p.Spec.NodeName != "cp-1" || p.Status.PodIP != "192.168.0.11" {
		t.Errorf("mirror %+v", p.ObjectMeta)
	}
	id := p.Status.ContainerStatuses[0].ContainerID
	w.must(&api.Request{Verb: api.VerbDelete, Resource: api.Pods, Namespace: "kube-system", Name: "etcd-cp-1", Delete: metav1.NewDeleteOptions(0)})
	w.eventually(2*time.Minute, "the mirror pod is back", runs)
	if mirror().Status.ContainerStatuses[0].ContainerID != id {
		t.Error("deleting the mirror pod restarted the container")
	}
	node.Process.Restart(time.Second)
	w.run(30 * time.Second)
	if q := mirror(); q == nil || q.Status.ContainerStatuses[0].ContainerID != id {
		t.Errorf("after a restart of the kubelet:\n%s", w.describe())
	}
}
