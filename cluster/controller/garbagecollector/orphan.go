package garbagecollector

import (
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
)

// attemptToOrphan removes a node's object from the references of its dependents, all at once, and then lets it go. again
// asks for another try.
func (c *Controller) attemptToOrphan(t *sim.Task, n *node) (again bool) {
	c.env.Process.Compute(t, c.cost, 1)
	dependents := n.sortedDependents()
	change := removeOwners([]types.UID{n.identity.UID})
	_, err := controller.Parallel(t, len(dependents), func(i int, done func(error)) {
		request, err := c.patchRequest(dependents[i].identity, change)
		if err != nil {
			done(err)
			return
		}
		c.client.Start(request, func(_ *api.Response, err error) {
			if apierrors.IsNotFound(err) {
				err = nil
			}
			done(err)
		})
	})
	if err != nil {
		return true
	}
	return c.removeFinalizer(t, n.identity, metav1.FinalizerOrphanDependents) != nil
}

// removeOwners returns the change that removes references by uid.
func removeOwners(uids []types.UID) func(*metav1.ObjectMeta) {
	return func(m *metav1.ObjectMeta) {
		m.OwnerReferences = slices.DeleteFunc(slices.Clone(m.OwnerReferences), func(ref metav1.OwnerReference) bool {
			return slices.Contains(uids, ref.UID)
		})
		if len(m.OwnerReferences) == 0 {
			m.OwnerReferences = nil
		}
	}
}

// unblockOwners makes no owner wait for the object.
func unblockOwners(m *metav1.ObjectMeta) {
	m.OwnerReferences = slices.Clone(m.OwnerReferences)
	for i := range m.OwnerReferences {
		if isTrue(m.OwnerReferences[i].BlockOwnerDeletion) {
			m.OwnerReferences[i].BlockOwnerDeletion = api.Ptr(false)
		}
	}
}

// patch changes an object's references, if it is still the one with the uid.
func (c *Controller) patch(t *sim.Task, id identity, change func(*metav1.ObjectMeta)) error {
	request, err := c.patchRequest(id, change)
	if err != nil {
		return err
	}
	_, err = c.client.Do(t, request)
	return err
}

// patchBytes is the typical length of the JSON body of such a patch: two uids and field names.
const patchBytes = 160

func (c *Controller) patchRequest(id identity, change func(*metav1.ObjectMeta)) (*api.Request, error) {
	request, err := c.request(api.VerbPatch, id)
	if err != nil {
		return nil, err
	}
	request.Patch = controller.WithUID(request.Resource, id.UID, patchBytes, func(old api.Object) (api.Object, error) {
		next := api.ShallowCopy(old)
		change(api.Meta(next))
		return next, nil
	})
	return request, nil
}

const (
	// Conflicts while a finalizer is removed are retried so often, after 10 ms and then five times as long each time
	// (client-go util/retry DefaultBackoff, its jitter of a tenth aside).
	finalizerTries  = 4
	finalizerDelay  = 10 * time.Millisecond
	finalizerFactor = 5
)

// removeFinalizer removes a finalizer from an object that may be gone already.
func (c *Controller) removeFinalizer(t *sim.Task, id identity, finalizer string) error {
	delay := finalizerDelay
	for try := 1; ; try++ {
		err := c.tryRemoveFinalizer(t, id, finalizer)
		if !apierrors.IsConflict(err) {
			return err
		}
		if try == finalizerTries {
			return fmt.Errorf("finalizer %s of %s/%s: %w", finalizer, id.Kind, id.Name, err)
		}
		t.Sleep(delay)
		delay *= finalizerFactor
	}
}

func (c *Controller) tryRemoveFinalizer(t *sim.Task, id identity, finalizer string) error {
	found, err := c.read(t, id)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil || !api.HasFinalizer(api.Meta(found), finalizer) {
		return err
	}
	request, err := c.request(api.VerbPatch, id)
	if err != nil {
		return err
	}
	request.Patch = controller.WithVersion(request.Resource, found.GetResourceVersion(), patchBytes, func(old api.Object) (api.Object, error) {
		next := api.ShallowCopy(old)
		m := api.Meta(next)
		m.Finalizers = slices.DeleteFunc(slices.Clone(m.Finalizers), func(f string) bool { return f == finalizer })
		return next, nil
	})
	request.Patch.Type = types.MergePatchType
	_, err = c.client.Do(t, request)
	return err
}
