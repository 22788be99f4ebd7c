package replicaset

import (
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
)

// byOwner indexes ReplicaSets by their controller's uid.
const byOwner = "controllerUID"

func (c *Controller) addOwnerIndex() {
	c.replicaSetInformer.AddIndex(byOwner, func(o api.Object) []string {
		if ref := api.ControllerOf(api.Meta(o)); ref != nil {
			return []string{string(ref.UID)}
		}
		return nil
	})
}

// watch turns changes of ReplicaSets and pods into keys and into sightings of what was expected.
func (c *Controller) watch() {
	c.replicaSetInformer.OnEvent(client.Handler{
		Add: func(o api.Object) { c.queue.Add(api.KeyOf(o)) },
		Update: func(old, cur api.Object) {
			if old.GetUID() != cur.GetUID() { // Deleted and created anew between two looks.
				c.replicaSetDeleted(old)
			}
			c.queue.Add(api.KeyOf(cur))
		},
		Delete: c.replicaSetDeleted,
	})
	c.podInformer.OnEvent(client.Handler{
		Add: func(o api.Object) {
			c.tally.changed(nil, o.(*corev1.Pod))
			c.podAdded(o.(*corev1.Pod))
		},
		Update: func(o, n api.Object) {
			old, cur := o.(*corev1.Pod), n.(*corev1.Pod)
			c.tally.changed(old, cur)
			c.podUpdated(old, cur)
		},
		Delete: func(o api.Object) {
			c.tally.changed(o.(*corev1.Pod), nil)
			c.podDeleted(o.(*corev1.Pod))
		},
	})
}

func (c *Controller) replicaSetDeleted(o api.Object) {
	key := api.KeyOf(o)
	c.written.Clear(key, o.GetUID())
	c.expected.Forget(key)
	c.tally.forget(o.GetUID())
	c.queue.Add(key)
}

func (c *Controller) podAdded(pod *corev1.Pod) {
	if pod.DeletionTimestamp != nil {
		// Seen for the first time while it is going already: not a creation.
		c.podDeleted(pod)
		return
	}
	ref := api.ControllerOf(&pod.ObjectMeta)
	if ref == nil {
		c.enqueueAdopters(pod)
		return
	}
	if rs := c.resolve(pod.Namespace, ref); rs != nil {
		key := api.KeyOf(rs)
		c.expected.CreationObserved(key)
		c.queue.Add(key)
	}
}

func (c *Controller) podUpdated(old, cur *corev1.Pod) {
	if old.ResourceVersion == cur.ResourceVersion {
		return
	}
	labelsChanged := !maps.Equal(old.Labels, cur.Labels)
	if cur.DeletionTimestamp != nil {
		// Counts as deleted from the moment its deletion begins.
		c.podDeleted(cur)
		if labelsChanged {
			c.podDeleted(old)
		}
		return
	}
	oldRef, curRef := api.ControllerOf(&old.ObjectMeta), api.ControllerOf(&cur.ObjectMeta)
	ownerChanged := !sameRef(oldRef, curRef)
	if ownerChanged && oldRef != nil {
		if rs := c.resolve(old.Namespace, oldRef); rs != nil {
			c.queue.Add(api.KeyOf(rs))
		}
	}
	switch {
	case curRef != nil:
		c.ownedPodUpdated(old, cur, curRef)
	case labelsChanged || ownerChanged:
		c.enqueueAdopters(cur)
	}
}

func sameRef(a, b *metav1.OwnerReference) bool {
	return a == b || equality.Semantic.DeepEqual(a, b)
}

func (c *Controller) ownedPodUpdated(old, cur *corev1.Pod, ref *metav1.OwnerReference) {
	rs := c.resolve(cur.Namespace, ref)
	if rs == nil {
		return
	}
	key := api.KeyOf(rs)
	c.queue.Add(key)
	if rs.Spec.MinReadySeconds > 0 && !api.IsPodReady(old) && api.IsPodReady(cur) {
		// Available from then on.
		c.queue.AddAfter(key, time.Duration(rs.Spec.MinReadySeconds)*time.Second)
	}
}

func (c *Controller) podDeleted(pod *corev1.Pod) {
	ref := api.ControllerOf(&pod.ObjectMeta)
	if ref == nil {
		return
	}
	if rs := c.resolve(pod.Namespace, ref); rs != nil {
		key := api.KeyOf(rs)
		c.expected.DeletionObserved(key, api.KeyOf(pod))
		c.queue.Add(key)
	}
}

// resolve finds the ReplicaSet that a controller reference means, by name and uid.
func (c *Controller) resolve(namespace string, ref *metav1.OwnerReference) *appsv1.ReplicaSet {
	if ref.Kind != api.ReplicaSets.Kind {
		return nil
	}
	rs, ok := c.replicaSetInformer.Get(namespace, ref.Name)
	if !ok || rs.GetUID() != ref.UID {
		return nil
	}
	return rs.(*appsv1.ReplicaSet)
}

// enqueueAdopters wakes every ReplicaSet whose selector matches an orphan.
func (c *Controller) enqueueAdopters(pod *corev1.Pod) {
	if len(pod.Labels) == 0 {
		return
	}
	for _, o := range c.replicaSetInformer.List(pod.Namespace, nil) {
		selector := api.Selector(o.(*appsv1.ReplicaSet).Spec.Selector)
		if !selector.Empty() && selector.Matches(labels.Set(pod.Labels)) {
			c.queue.Add(api.KeyOf(o))
		}
	}
}
