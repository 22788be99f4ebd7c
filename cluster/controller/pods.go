package controller

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
)

// Names of the indices that controllers add to the shared pod informer.
const (
	// PodsByNode finds pods by spec.nodeName; unassigned pods are not in it.
	PodsByNode = "spec.nodeName"
	// PodsByController finds pods by their managing controller, or by namespace if they have none.
	PodsByController = "podController"
)

// AddPodIndices adds both indices to the pod informer; adding them again changes nothing.
func AddPodIndices(pods *client.Informer) {
	pods.AddIndex(PodsByNode, func(o api.Object) []string {
		if node := o.(*corev1.Pod).Spec.NodeName; node != "" {
			return []string{node}
		}
		return nil
	})
	pods.AddIndex(PodsByController, func(o api.Object) []string {
		pod := o.(*corev1.Pod)
		return []string{controllerIndexKey(pod.Namespace, api.ControllerOf(&pod.ObjectMeta))}
	})
}

// controllerIndexKey is the namespace for an orphan, else it names the controller by kind, name and uid.
func controllerIndexKey(namespace string, ref *metav1.OwnerReference) string {
	if ref == nil {
		return namespace
	}
	return namespace + "/" + ref.Kind + "/" + ref.Name + "/" + string(ref.UID)
}

// PodsOf returns the pods that the owner of a kind controls and, if wanted, the orphans of its namespace, which it might
// adopt.
func PodsOf(pods *client.Informer, owner *metav1.ObjectMeta, kind string, orphans bool) []*corev1.Pod {
	ref := &metav1.OwnerReference{Kind: kind, Name: owner.Name, UID: owner.UID}
	found := pods.ByIndex(PodsByController, controllerIndexKey(owner.Namespace, ref))
	if orphans {
		found = append(found[:len(found):len(found)], pods.ByIndex(PodsByController, controllerIndexKey(owner.Namespace, nil))...)
	}
	return api.Items[*corev1.Pod](found)
}

// HasOrphans reports whether a namespace has pods without a controller.
func HasOrphans(pods *client.Informer, namespace string) bool {
	return pods.CountByIndex(PodsByController, controllerIndexKey(namespace, nil)) > 0
}

// PodsOn returns the pods assigned to a node.
func PodsOn(pods *client.Informer, node string) []*corev1.Pod {
	return api.Items[*corev1.Pod](pods.ByIndex(PodsByNode, node))
}

// ActivePods returns the pods that have neither ended nor begun to be deleted.
func ActivePods(pods []*corev1.Pod) []*corev1.Pod {
	return filter(pods, api.IsPodActive)
}

// TerminatingPods returns the pods that are being deleted and have not ended.
func TerminatingPods(pods []*corev1.Pod) []*corev1.Pod {
	return filter(pods, func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil && !api.IsPodTerminal(p) })
}

// ClaimedPods returns the pods that the owner controls and the selector matches.
func ClaimedPods(owner types.UID, selector labels.Selector, pods []*corev1.Pod) []*corev1.Pod {
	return filter(pods, func(p *corev1.Pod) bool {
		return api.IsControlledBy(&p.ObjectMeta, owner) && selector.Matches(labels.Set(p.Labels))
	})
}

func filter[T any](all []T, keep func(T) bool) []T {
	var kept []T
	for _, x := range all {
		if keep(x) {
			kept = append(kept, x)
		}
	}
	return kept
}

// NextAvailability is the time until the first ready pod that is not yet available becomes so; false if there is none.
func NextAvailability(pods []*corev1.Pod, minReadySeconds int32, now time.Time) (time.Duration, bool) {
	if minReadySeconds <= 0 {
		return 0, false
	}
	var next time.Duration
	found := false
	for _, p := range pods {
		c := api.PodCondition(p, corev1.PodReady)
		if c == nil || c.Status != corev1.ConditionTrue || c.LastTransitionTime.IsZero() {
			continue
		}
		left := c.LastTransitionTime.Add(time.Duration(minReadySeconds) * time.Second).Sub(now)
		if left > 0 && (!found || left < next) {
			next, found = left, true
		}
	}
	return next, found
}
