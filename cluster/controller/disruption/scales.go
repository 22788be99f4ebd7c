package disruption

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// owner is the object that decides how many pods there are, and its scale.
type owner struct {
	uid   types.UID
	scale int32
}

// expectedScale adds up the scales of the pods' controllers, each counted once. unmanaged are pods without a controller.
func (c *Controller) expectedScale(t *sim.Task, pods []*corev1.Pod) (expected int32, unmanaged []string, err error) {
	scales := make(map[types.UID]int32)
	for _, pod := range pods {
		ref := api.ControllerOf(&pod.ObjectMeta)
		if ref == nil {
			unmanaged = append(unmanaged, pod.Name)
			continue
		}
		if _, known := scales[ref.UID]; known {
			continue
		}
		found, err := c.findOwner(t, ref, pod.Namespace)
		if err != nil {
			return 0, nil, err
		}
		if found == nil {
			return 0, nil, fmt.Errorf("found no controllers for pod %q", pod.Name)
		}
		scales[found.uid] = found.scale
	}
	for _, n := range scales { //sim:unordered commutative sum
		expected += n
	}
	return expected, unmanaged, nil
}

// findOwner resolves a pod's controller: the Deployment above a ReplicaSet, one of the known kinds, or whatever has a
// scale subresource.
func (c *Controller) findOwner(t *sim.Task, ref *metav1.OwnerReference, namespace string) (*owner, error) {
	switch api.ForKind(ref.APIVersion, ref.Kind) {
	case api.ReplicaSets:
		if found := c.ofReplicaSet(ref, namespace); found != nil {
			return found, nil
		}
	case api.StatefulSets:
		if o, ok := c.statefulSets.Get(namespace, ref.Name); ok && o.GetUID() == ref.UID {
			return &owner{ref.UID, *o.(*appsv1.StatefulSet).Spec.Replicas}, nil
		}
	case api.ReplicationControllers:
		if o, ok := c.replicationControllers.Get(namespace, ref.Name); ok && o.GetUID() == ref.UID {
			return &owner{ref.UID, *o.(*corev1.ReplicationController).Spec.Replicas}, nil
		}
	}
	return c.ofScale(t, ref, namespace)
}

func (c *Controller) ofReplicaSet(ref *metav1.OwnerReference, namespace string) *owner {
	o, ok := c.replicaSets.Get(namespace, ref.Name)
	if !ok || o.GetUID() != ref.UID {
		return nil
	}
	rs := o.(*appsv1.ReplicaSet)
	above := api.ControllerOf(&rs.ObjectMeta)
	if above == nil || api.ForKind(above.APIVersion, above.Kind) != api.Deployments {
		return &owner{rs.UID, *rs.Spec.Replicas}
	}
	if d, ok := c.deployments.Get(namespace, above.Name); ok && d.GetUID() == above.UID {
		return &owner{d.GetUID(), *d.(*appsv1.Deployment).Spec.Replicas}
	}
	return nil
}

// ofScale asks for the scale subresource of the owner; nil if the owner is gone.
func (c *Controller) ofScale(t *sim.Task, ref *metav1.OwnerReference, namespace string) (*owner, error) {
	r := api.ForKind(ref.APIVersion, ref.Kind)
	if r == nil {
		return nil, fmt.Errorf("no matches for kind %q in version %q", ref.Kind, ref.APIVersion)
	}
	if !hasScale(r) {
		return nil, fmt.Errorf("%s does not implement the scale subresource", r)
	}
	answer, err := c.client.Do(t, &api.Request{
		Verb: api.VerbGet, Resource: r, Subresource: "scale", Namespace: namespace, Name: ref.Name,
	})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	scale := answer.Object.(*autoscalingv1.Scale)
	if scale.UID != ref.UID {
		return nil, nil
	}
	return &owner{scale.UID, scale.Spec.Replicas}, nil
}

func hasScale(r *api.Resource) bool {
	switch r {
	case api.Deployments, api.ReplicaSets, api.StatefulSets, api.ReplicationControllers:
		return true
	}
	return false
}
