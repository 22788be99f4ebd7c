package nodelifecycle

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// podBound queues a pod that came to a node known as not ready.
func (c *Controller) podBound(pod *corev1.Pod) {
	if pod.Spec.NodeName != "" && c.knownNotReady(pod.Spec.NodeName) {
		c.podQueue.Add(types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name})
	}
}

// knownNotReady reports whether the node's Ready condition was not true when the monitor last looked.
func (c *Controller) knownNotReady(node string) bool {
	h := c.health[node]
	if h == nil {
		return false
	}
	ready := api.NodeCondition(h.node, corev1.NodeReady)
	return ready != nil && ready.Status != corev1.ConditionTrue
}

func (c *Controller) syncPod(t *sim.Task, key types.NamespacedName) error {
	found, ok := c.pods.Get(key.Namespace, key.Name)
	if !ok {
		return nil
	}
	pod := found.(*corev1.Pod)
	if _, ok := c.nodes.Get("", pod.Spec.NodeName); !ok {
		return apierrors.NewNotFound(api.Nodes.GroupResource(), pod.Spec.NodeName)
	}
	if !c.knownNotReady(pod.Spec.NodeName) {
		return nil
	}
	return c.markNotReady(t, pod)
}

// markAllNotReady marks the pods of a node; one that fails does not stop the others.
func (c *Controller) markAllNotReady(t *sim.Task, pods []*corev1.Pod) error {
	var failures []error
	for _, pod := range pods {
		if err := c.markNotReady(t, pod); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// markNotReady sets a pod's Ready condition to false, unless it is.
func (c *Controller) markNotReady(t *sim.Task, pod *corev1.Pod) error {
	ready := api.PodCondition(pod, corev1.PodReady)
	if ready == nil || ready.Status == corev1.ConditionFalse {
		return nil
	}
	next := api.Shallow(pod)
	changed := *ready
	changed.Status, changed.LastTransitionTime = corev1.ConditionFalse, c.env.Now()
	next.Status.Conditions, _ = api.WithPodCondition(pod.Status.Conditions, changed, changed.LastTransitionTime)
	_, err := client.UpdateStatus(t, c.client, api.Pods, next)
	if apierrors.IsNotFound(err) {
		return nil
	}
	// Recorded after the write, when the pod is sure to have existed.
	c.recorder.Event(next, corev1.EventTypeWarning, "NodeNotReady", "Node is not ready")
	return err
}
