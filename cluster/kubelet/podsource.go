package kubelet

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/kubelet/podstatus"
	"github.com/fauxkube/fauxkube/sim"
)

// informers are what the kubelet watches: its own node, and the pods bound to it.
type informers struct {
	node, pods *client.Informer
}

// podSource brings the pods of both sources, the API and the static manifests, and keeps the latest version of each.
type podSource struct {
	kubelet *Kubelet
	// pods are those that the kubelet runs, by UID; mirrors the API's images of static ones, by full name.
	pods    map[types.UID]*corev1.Pod
	mirrors map[string]*corev1.Pod
	early   []*corev1.Pod // arrived before the first list was complete
	ready   bool
}

// start watches the node first, then, once the node is known, its pods.
func (s *podSource) start(k *Kubelet) {
	*s = podSource{kubelet: k, pods: map[types.UID]*corev1.Pod{}, mirrors: map[string]*corev1.Pod{}}
	nodes := client.NewInformers(k.client)
	k.informers.node = nodes.For(api.Nodes, client.Options{FieldSelector: api.ByField("metadata.name", k.config.NodeName)})
	k.informers.node.OnEvent(client.Handler{
		Add:    func(o api.Object) { k.nodeSeen(o.(*corev1.Node)) },
		Update: func(_, o api.Object) { k.nodeSeen(o.(*corev1.Node)) },
	})
	pods := client.NewInformers(k.client)
	k.informers.pods = pods.For(api.Pods, client.Options{FieldSelector: api.ByField("spec.nodeName", k.config.NodeName)})
	k.informers.pods.OnEvent(client.Handler{
		Add:    func(o api.Object) { s.added(o.(*corev1.Pod)) },
		Update: func(old, o api.Object) { s.updated(old.(*corev1.Pod), o.(*corev1.Pod)) },
		Delete: func(o api.Object) { s.removed(o.(*corev1.Pod)) },
	})
	nodes.Start()
	for _, static := range k.config.StaticPods {
		s.take([]*corev1.Pod{k.staticPod(static)})
	}
	k.process.Go("kubelet.start", func(t *sim.Task) {
		nodes.WaitForSync(t)
		pods.Start()
		pods.WaitForSync(t)
		s.ready = true
		early := s.early
		s.early = nil
		s.take(early)
		k.sweep.request()
	})
}

// added takes a pod that the API has bound to the node.
func (s *podSource) added(pod *corev1.Pod) {
	if !s.ready {
		s.early = append(s.early, pod)
		return
	}
	s.take([]*corev1.Pod{pod})
}

// take adds pods in order of creation: those that were here first are admitted first.
func (s *podSource) take(pods []*corev1.Pod) {
	slices.SortStableFunc(pods, func(a, b *corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	for _, pod := range pods {
		if !podstatus.IsMirror(pod) {
			s.pods[pod.UID] = pod // All of them first: what they hold is not free for the first of them.
		}
	}
	for _, pod := range pods {
		if podstatus.IsMirror(pod) {
			s.mirrorChanged(pod, pod)
			continue
		}
		if !s.terminating(pod) && !api.IsPodTerminal(pod) {
			if r := s.kubelet.admit(pod); r != nil {
				s.kubelet.reject(pod, r)
				continue
			}
		}
		s.kubelet.update(pod, updateCreate)
	}
}

func (s *podSource) terminating(pod *corev1.Pod) bool {
	w := s.kubelet.workers[pod.UID]
	return pod.DeletionTimestamp != nil || w != nil && w.terminating
}

// active lists the other pods that hold resources: those that have neither ended nor been rejected.
func (s *podSource) active(but *corev1.Pod) []*corev1.Pod {
	var out []*corev1.Pod
	for uid, pod := range s.pods { //sim:unordered only summed up
		if uid == but.UID || api.IsPodTerminal(pod) {
			continue
		}
		if w := s.kubelet.workers[uid]; w != nil && !w.terminated {
			out = append(out, pod)
		}
	}
	return out
}

// admit gives a pod its devices and asks whether there is room for it, in upstream's order.
func (k *Kubelet) admit(pod *corev1.Pod) *rejection {
	if r := k.devices.allocate(pod); r != nil {
		return r
	}
	r := admit(k.ownNode(), pod, k.source.active(pod))
	if r != nil {
		k.devices.release(pod.UID)
	}
	return r
}

// reject refuses a pod: it is Failed without ever having run.
func (k *Kubelet) reject(pod *corev1.Pod, r *rejection) {
	k.event(pod, corev1.EventTypeWarning, r.reason, r.message)
	k.statuses.set(pod, corev1.PodStatus{
		QOSClass: podstatus.QOS(pod), Phase: corev1.PodFailed, Reason: r.reason, Message: "Pod was rejected: " + r.message,
	})
}

func (s *podSource) updated(old, pod *corev1.Pod) {
	if !s.ready {
		s.replaceEarly(pod)
		return
	}
	if podstatus.IsMirror(pod) {
		s.mirrorChanged(old, pod)
		return
	}
	if old.UID != pod.UID { // deleted and created again between two looks
		s.removed(old)
		s.take([]*corev1.Pod{pod})
		return
	}
	s.pods[pod.UID] = pod
	s.kubelet.statuses.compare(pod.UID)
	switch {
	case differs(old, pod):
		s.kubelet.update(pod, updateChange)
	case s.gateChanged(pod):
		s.kubelet.update(pod, updateSync)
	}
	if w := s.kubelet.workers[pod.UID]; w != nil {
		w.pod = pod
	}
}

func (s *podSource) replaceEarly(pod *corev1.Pod) {
	for i, p := range s.early {
		if p.UID == pod.UID {
			s.early[i] = pod
			return
		}
	}
	s.early = append(s.early, pod)
}

// gateChanged reports whether a readiness gate makes the reported readiness wrong.
func (s *podSource) gateChanged(pod *corev1.Pod) bool {
	if len(pod.Spec.ReadinessGates) == 0 {
		return false
	}
	is := api.PodCondition(pod, corev1.PodReady)
	ought := podstatus.Ready(pod, pod.Status.Conditions, pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses, pod.Status.Phase)
	return is != nil && (is.Status != ought.Status || is.Message != ought.Message)
}

// differs reports whether more than the status has changed.
func differs(a, b *corev1.Pod) bool {
	return !equalTimes(a.DeletionTimestamp, b.DeletionTimestamp) || !equalInts(a.DeletionGracePeriodSeconds, b.DeletionGracePeriodSeconds) ||
		a.Generation != b.Generation || !equality.Semantic.DeepEqual(a.Labels, b.Labels) ||
		!equality.Semantic.DeepEqual(a.Annotations, b.Annotations)
}

func equalTimes(a, b *metav1.Time) bool { return a.Equal(b) }

func equalInts(a, b *int64) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}

// removed is told that a pod is gone from the API.
func (s *podSource) removed(pod *corev1.Pod) {
	if !s.ready {
		s.early = slices.DeleteFunc(s.early, func(p *corev1.Pod) bool { return p.UID == pod.UID })
		return
	}
	if podstatus.IsMirror(pod) {
		delete(s.mirrors, fullName(pod))
		s.mirrorGone(pod)
		return
	}
	delete(s.pods, pod.UID)
	if w := s.kubelet.workers[pod.UID]; w != nil {
		w.removed = true
		s.kubelet.kill(w, pod)
	} else {
		s.kubelet.statuses.forget(pod.UID) // it was rejected
	}
	s.kubelet.sweep.request()
}

func fullName(pod *corev1.Pod) string { return pod.Name + "_" + pod.Namespace }

// formatPod names a pod in messages: name_namespace(uid).
func formatPod(pod *corev1.Pod) string { return fullName(pod) + "(" + string(pod.UID) + ")" }
