package deployment

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
)

// byOwner indexes ReplicaSets by "uid/" and their controller's uid, or by "orphans/" and their namespace if they have none.
const byOwner = "deployment.owner"

func ownedBy(uid types.UID) string      { return "uid/" + string(uid) }
func orphansIn(namespace string) string { return "orphans/" + namespace }

func (c *Controller) addReplicaSetIndex() {
	c.replicaSets.AddIndex(byOwner, func(o api.Object) []string {
		m := api.Meta(o)
		if ref := api.ControllerOf(m); ref != nil {
			return []string{ownedBy(ref.UID)}
		}
		return []string{orphansIn(m.Namespace)}
	})
}

// watch turns changes of Deployments, ReplicaSets and pods into keys.
func (c *Controller) watch() {
	c.deployments.OnEvent(client.Handler{
		Add:    c.enqueue,
		Update: func(_, cur api.Object) { c.enqueue(cur) },
		Delete: c.enqueue,
	})
	c.replicaSets.OnEvent(client.Handler{
		Add:    c.replicaSetAdded,
		Update: c.replicaSetUpdated,
		Delete: c.replicaSetDeleted,
	})
	c.pods.OnEvent(client.Handler{Delete: c.podDeleted})
}

func (c *Controller) enqueue(d api.Object) { c.queue.Add(api.KeyOf(d)) }

func (c *Controller) replicaSetAdded(o api.Object) {
	rs := o.(*appsv1.ReplicaSet)
	switch {
	case rs.DeletionTimestamp != nil:
		// Seen for the first time while it is going already.
		c.replicaSetDeleted(rs)
	case api.ControllerOf(&rs.ObjectMeta) != nil:
		c.enqueueOwner(rs)
	default:
		c.enqueueAdopters(rs)
	}
}

func (c *Controller) replicaSetUpdated(o, n api.Object) {
	old, cur := o.(*appsv1.ReplicaSet), n.(*appsv1.ReplicaSet)
	if old.ResourceVersion == cur.ResourceVersion {
		return
	}
	oldRef, curRef := api.ControllerOf(&old.ObjectMeta), api.ControllerOf(&cur.ObjectMeta)
	ownerChanged := !equality.Semantic.DeepEqual(oldRef, curRef)
	if ownerChanged && oldRef != nil {
		c.enqueueOwner(old)
	}
	if curRef != nil {
		c.enqueueOwner(cur)
	} else if ownerChanged || !maps.Equal(old.Labels, cur.Labels) {
		c.enqueueAdopters(cur)
	}
}

func (c *Controller) replicaSetDeleted(o api.Object) { c.enqueueOwner(o.(*appsv1.ReplicaSet)) }

// podDeleted wakes a Deployment that recreates its pods once the last old one is gone. It asks the server for the
// ReplicaSets, as upstream does.
func (c *Controller) podDeleted(o api.Object) {
	d := c.deploymentOf(o.(*corev1.Pod))
	if d == nil || isRollingUpdate(d) {
		return
	}
	request := &api.Request{
		Verb: api.VerbList, Resource: api.ReplicaSets, Namespace: d.Namespace, LabelSelector: api.Selector(d.Spec.Selector),
	}
	c.client.Start(request, func(answer *api.Response, err error) {
		if err == nil && !c.hasPods(d, answer.List.Items) {
			c.enqueue(d)
		}
	})
}

// hasPods reports whether any of the ReplicaSets that d controls has pods in the informer.
func (c *Controller) hasPods(d *appsv1.Deployment, replicaSets []api.Object) bool {
	for _, rs := range replicaSets {
		m := api.Meta(rs)
		if api.IsControlledBy(m, d.UID) && len(controller.PodsOf(c.pods, m, api.ReplicaSets.Kind, false)) > 0 {
			return true
		}
	}
	return false
}

func (c *Controller) deploymentOf(pod *corev1.Pod) *appsv1.Deployment {
	ref := api.ControllerOf(&pod.ObjectMeta)
	if ref == nil || ref.Kind != api.ReplicaSets.Kind {
		return nil
	}
	rs, ok := c.replicaSets.Get(pod.Namespace, ref.Name)
	if !ok || rs.GetUID() != ref.UID {
		return nil
	}
	return c.resolve(rs.GetNamespace(), api.ControllerOf(api.Meta(rs)))
}

// resolve finds the Deployment that a controller reference means, by name and uid.
func (c *Controller) resolve(namespace string, ref *metav1.OwnerReference) *appsv1.Deployment {
	if ref == nil || ref.Kind != api.Deployments.Kind {
		return nil
	}
	d, ok := c.deployments.Get(namespace, ref.Name)
	if !ok || d.GetUID() != ref.UID {
		return nil
	}
	return d.(*appsv1.Deployment)
}

func (c *Controller) enqueueOwner(rs *appsv1.ReplicaSet) {
	if d := c.resolve(rs.Namespace, api.ControllerOf(&rs.ObjectMeta)); d != nil {
		c.enqueue(d)
	}
}

// enqueueAdopters wakes every Deployment whose selector matches an orphan.
func (c *Controller) enqueueAdopters(rs *appsv1.ReplicaSet) {
	if len(rs.Labels) == 0 {
		return
	}
	for _, o := range c.deployments.List(rs.Namespace, nil) {
		selector := api.Selector(o.(*appsv1.Deployment).Spec.Selector)
		if !selector.Empty() && selector.Matches(labels.Set(rs.Labels)) {
			c.enqueue(o)
		}
	}
}
