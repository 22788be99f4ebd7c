package scheduler

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

type uid = types.UID

// actions is the scheduler as its plugins may use it: framework.Actions.
type actions Scheduler

// Bind posts a binding.
func (a *actions) Bind(pod *corev1.Pod, node string, annotations map[string]string, done func(error)) {
	a.client.Start(&api.Request{
		Verb: api.VerbCreate, Resource: api.Pods, Subresource: "binding", Namespace: pod.Namespace, Name: pod.Name,
		Object: &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, Annotations: annotations},
			Target:     corev1.ObjectReference{Kind: "Node", Name: node},
		},
	}, func(_ *api.Response, err error) { done(err) })
}

// SetCondition patches a condition of the pod's status.
func (a *actions) SetCondition(pod *corev1.Pod, condition corev1.PodCondition, done func(error)) {
	(*Scheduler)(a).updateStatus(pod, &condition, nil, done)
}

// Nominate patches the pod's nominated node.
func (a *actions) Nominate(pod *corev1.Pod, node string, done func(error)) {
	(*Scheduler)(a).updateStatus(pod, nil, &framework.NominatingInfo{Node: node}, done)
}

// DeletePod deletes a pod, with its own grace period.
func (a *actions) DeletePod(pod *corev1.Pod, done func(error)) {
	a.client.Start(&api.Request{
		Verb: api.VerbDelete, Resource: api.Pods, Namespace: pod.Namespace, Name: pod.Name, Delete: &metav1.DeleteOptions{},
	}, func(_ *api.Response, err error) { done(err) })
}

// Event records an Event.
func (a *actions) Event(regarding, related *corev1.Pod, eventType, reason, action, note string) {
	var to runtime.Object
	if related != nil {
		to = related
	}
	a.events.Eventf(regarding, to, eventType, reason, action, note)
}

// Activate moves pods to the active queue.
func (a *actions) Activate(pods ...*corev1.Pod) { a.queue.Activate(pods...) }

// AllowWaiting lets a plugin stop waiting for a pod at Permit.
func (a *actions) AllowWaiting(pod types.UID, plugin string) { (*Scheduler)(a).allow(pod, plugin) }

// PreemptWaiting sends a pod that waits at Permit back to the queue; false if it doesn't wait.
func (a *actions) PreemptWaiting(pod types.UID, plugin string) bool {
	w := a.waiting[pod]
	return w != nil && w.end(framework.Rejection(plugin, framework.Error, "preempted"))
}
