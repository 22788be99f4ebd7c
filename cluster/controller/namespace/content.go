package namespace

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// finalizerEstimate is in how many seconds content held by finalizers may be gone (finalizerEstimateSeconds).
const finalizerEstimate = 15

// deleteContent deletes what the namespace holds, reports in its conditions what is left, and returns in how many
// seconds that may be gone; 0 if nothing is left.
func (c *Controller) deleteContent(t *sim.Task, ns *corev1.Namespace) (estimate int64, err error) {
	r := newRemains()
	c.deleteKind(t, ns, api.Pods, r)
	podsRemain := r.resources[api.Pods] > 0
	if !podsRemain {
		for _, kind := range c.env.Resources() {
			if kind.Namespaced && kind != api.Pods {
				c.deleteKind(t, ns, kind, r)
			}
		}
	}
	conditions, changed := withConditions(ns.Status.Conditions, r.problems(!podsRemain), c.env.Now())
	if changed {
		next := api.Shallow(ns)
		next.Status.Conditions = conditions
		_, _ = client.UpdateStatus(t, c.client, api.Namespaces, next) // Upstream logs a failure and goes on.
	}
	return r.estimate, errors.Join(r.failures...)
}

// deleteKind deletes all objects of one kind and adds what is left of them to r.
func (c *Controller) deleteKind(t *sim.Task, ns *corev1.Namespace, kind *api.Resource, r *remains) {
	estimate, left, err := c.tryDeleteKind(t, ns, kind)
	r.estimate = max(r.estimate, estimate)
	if len(left) > 0 {
		r.resources[kind] = len(left)
		for _, o := range left {
			for _, f := range o.GetFinalizers() {
				r.finalizers[f]++
			}
		}
	}
	if err != nil {
		r.failures = append(r.failures, err)
	}
}

func (c *Controller) tryDeleteKind(t *sim.Task, ns *corev1.Namespace, kind *api.Resource) (estimate int64, left []api.Object, err error) {
	if kind == api.Pods {
		if estimate, err = c.estimatePods(t, ns); err != nil {
			return 0, nil, err
		}
	}
	background := metav1.DeletePropagationBackground
	_, err = c.content.Do(t, &api.Request{
		Verb: api.VerbDeleteCollection, Resource: kind, Namespace: ns.Name,
		Delete: &metav1.DeleteOptions{PropagationPolicy: &background},
	})
	if err != nil && !isUnsupported(err) {
		return estimate, nil, err
	}
	answer, err := c.content.Do(t, &api.Request{Verb: api.VerbList, Resource: kind, Namespace: ns.Name})
	if err != nil {
		if isUnsupported(err) {
			err = nil
		}
		return estimate, nil, err
	}
	left = answer.List.Items
	switch {
	case len(left) == 0:
		return 0, nil, nil
	case estimate > 0:
		return estimate, left, nil
	case anyFinalizer(left):
		return finalizerEstimate, left, nil
	}
	return 0, left, fmt.Errorf("unexpected items still remain in namespace: %s for gvr: %s", ns.Name, gvr(kind))
}

// gvr is how upstream prints a kind's group, version and resource.
func gvr(kind *api.Resource) string {
	return fmt.Sprintf("%s/%s, Resource=%s", kind.Group, kind.Version, kind.Name)
}

func anyFinalizer(objects []api.Object) bool {
	for _, o := range objects {
		if len(o.GetFinalizers()) > 0 {
			return true
		}
	}
	return false
}

// isUnsupported: the server does not offer the operation for the kind, so there is nothing to delete by it.
func isUnsupported(err error) bool {
	return apierrors.IsMethodNotSupported(err) || apierrors.IsNotFound(err)
}

// estimatePods is the longest grace period of pods that have not ended, or 0 if the deletion is older than that.
func (c *Controller) estimatePods(t *sim.Task, ns *corev1.Namespace) (int64, error) {
	pods, err := client.ListAll[*corev1.Pod](t, c.client, api.Pods, ns.Name, nil)
	if err != nil {
		return 0, err
	}
	var longest int64
	for _, pod := range pods {
		if !api.IsPodTerminal(pod) {
			longest = max(longest, api.Deref(pod.Spec.TerminationGracePeriodSeconds, 0))
		}
	}
	if c.env.Clock().Sub(ns.DeletionTimestamp.Time) >= time.Duration(longest)*time.Second {
		return 0, nil
	}
	return longest, nil
}
