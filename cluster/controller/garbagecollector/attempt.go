package garbagecollector

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

var (
	// errDenied: the node was found not to exist and the graph has been told.
	errDenied = errors.New("garbagecollector: object does not exist")
	// errNoSuchOwner: an object without a namespace refers to one with; no retry will change that.
	errNoSuchOwner = errors.New("cluster-scoped objects cannot refer to namespaced owners")
)

// attemptToDelete looks at a node and deletes its object, or changes its references, if the rules ask for it. again asks
// for another look.
func (c *Controller) attemptToDelete(t *sim.Task, n *node) (again bool) {
	if n.virtual {
		// By now the graph may know better.
		if known := c.graph.nodes[n.identity.UID]; known == nil || !known.virtual {
			return false
		}
	}
	c.env.Process.Compute(t, c.cost, 1)
	switch err := c.attempt(t, n); {
	case errors.Is(err, errDenied), errors.Is(err, errNoSuchOwner):
		return false
	case err != nil:
		return true
	}
	// One that no informer has shown yet may have come and gone unseen: asked for until it is clear.
	return n.virtual
}

func (c *Controller) attempt(t *sim.Task, n *node) error {
	if n.beingDeleted && !n.deletingDependents {
		return nil // It will go; its dependents are looked at then.
	}
	latest, err := c.read(t, n.identity)
	switch {
	case apierrors.IsNotFound(err), err == nil && latest.GetUID() != n.identity.UID:
		c.graph.denied(n.identity)
		return errDenied
	case err != nil:
		return err
	case n.deletingDependents:
		return c.finishForeground(t, n)
	case len(latest.GetOwnerReferences()) == 0:
		return nil
	}
	refs, err := c.classify(t, n, latest.GetOwnerReferences())
	if err != nil {
		return err
	}
	switch {
	case len(refs.solid) > 0:
		return c.dropReferences(t, n, append(refs.dangling, refs.waiting...))
	case len(refs.waiting) > 0 && len(n.dependents) > 0:
		return c.deleteInForeground(t, n, latest)
	}
	return c.deleteAbandoned(t, n, latest)
}

// references are an object's owners by what they mean for it.
type references struct {
	solid    []metav1.OwnerReference // the owner exists
	dangling []metav1.OwnerReference // it does not
	waiting  []metav1.OwnerReference // it waits for its dependents to be deleted
}

func (c *Controller) classify(t *sim.Task, n *node, refs []metav1.OwnerReference) (out references, err error) {
	for i := range refs {
		owner, err := c.findOwner(t, n, &refs[i])
		switch {
		case err != nil:
			return out, err
		case owner == nil:
			out.dangling = append(out.dangling, refs[i])
		case waitsForDependents(api.Meta(owner)):
			out.waiting = append(out.waiting, refs[i])
		default:
			out.solid = append(out.solid, refs[i])
		}
	}
	return out, nil
}

// findOwner reads the owner that a reference means, unless it is known to be absent; nil if there is none.
func (c *Controller) findOwner(t *sim.Task, n *node, ref *metav1.OwnerReference) (api.Object, error) {
	inNamespace := referred(ref, n.identity.Namespace)
	global := referred(ref, "")
	if c.graph.absent.has(global) || c.graph.absent.has(inNamespace) {
		return nil, nil
	}
	r := api.ForKind(ref.APIVersion, ref.Kind)
	if r == nil {
		return nil, unknownKind(ref.APIVersion, ref.Kind)
	}
	id := inNamespace
	if !r.Namespaced {
		id = global
	} else if n.identity.Namespace == "" {
		return nil, errNoSuchOwner
	}
	owner, err := c.read(t, id)
	if apierrors.IsNotFound(err) || err == nil && owner.GetUID() != ref.UID {
		c.graph.absent.add(id)
		return nil, nil
	}
	return owner, err
}

func unknownKind(apiVersion, kind string) error {
	return fmt.Errorf("unable to get REST mapping for %s/%s", apiVersion, kind)
}

// read reads an object past all caches.
func (c *Controller) read(t *sim.Task, id identity) (api.Object, error) {
	request, err := c.request(api.VerbGet, id)
	if err != nil {
		return nil, err
	}
	answer, err := c.client.Do(t, request)
	if err != nil {
		return nil, err
	}
	return answer.Object, nil
}

// request addresses the object of an identity.
func (c *Controller) request(verb api.Verb, id identity) (*api.Request, error) {
	r := api.ForKind(id.APIVersion, id.Kind)
	switch {
	case r == nil:
		return nil, unknownKind(id.APIVersion, id.Kind)
	case !r.Namespaced:
		id.Namespace = ""
	case id.Namespace == "":
		return nil, errNoSuchOwner
	}
	return &api.Request{Verb: verb, Resource: r, Namespace: id.Namespace, Name: id.Name}, nil
}

// dropReferences removes references that mean nothing any more from an object that has another owner.
func (c *Controller) dropReferences(t *sim.Task, n *node, refs []metav1.OwnerReference) error {
	if len(refs) == 0 {
		return nil
	}
	uids := make([]types.UID, len(refs))
	for i := range refs {
		uids[i] = refs[i].UID
	}
	return c.patch(t, n.identity, removeOwners(uids))
}

// deleteInForeground deletes an object with dependents whose owner waits for it.
func (c *Controller) deleteInForeground(t *sim.Task, n *node, latest api.Object) error {
	for _, dep := range n.sortedDependents() {
		if dep.deletingDependents {
			// Perhaps a circle of objects that wait for each other: this one shall block nobody.
			if err := c.patch(t, n.identity, unblockOwners); err != nil {
				return err
			}
			break
		}
	}
	return c.deleteOrDeny(t, n, latest, metav1.DeletePropagationForeground)
}

// deleteAbandoned deletes an object without owners, in the way that its finalizers ask for already.
func (c *Controller) deleteAbandoned(t *sim.Task, n *node, latest api.Object) error {
	policy, m := metav1.DeletePropagationBackground, api.Meta(latest)
	switch {
	case api.HasFinalizer(m, metav1.FinalizerOrphanDependents):
		policy = metav1.DeletePropagationOrphan
	case api.HasFinalizer(m, metav1.FinalizerDeleteDependents):
		policy = metav1.DeletePropagationForeground
	}
	return c.deleteOrDeny(t, n, latest, policy)
}

func (c *Controller) deleteOrDeny(t *sim.Task, n *node, latest api.Object, policy metav1.DeletionPropagation) error {
	err := c.delete(t, n.identity, api.Meta(latest), policy)
	if apierrors.IsNotFound(err) {
		c.graph.denied(n.identity)
		return errDenied
	}
	return err
}

// delete deletes the version that was looked at. If the object has changed since then but not its owners, what was
// decided still holds and the uid alone must fit.
func (c *Controller) delete(t *sim.Task, id identity, seen *metav1.ObjectMeta, policy metav1.DeletionPropagation) error {
	err := c.deleteIf(t, id, &metav1.Preconditions{UID: &id.UID, ResourceVersion: &seen.ResourceVersion}, policy)
	if !apierrors.IsConflict(err) {
		return err
	}
	live, liveErr := c.read(t, id)
	if apierrors.IsNotFound(liveErr) {
		return liveErr
	}
	if liveErr != nil || live.GetUID() != id.UID || live.GetResourceVersion() == seen.ResourceVersion ||
		!equality.Semantic.DeepEqual(live.GetOwnerReferences(), seen.OwnerReferences) {
		return err
	}
	return c.deleteIf(t, id, &metav1.Preconditions{UID: &id.UID}, policy)
}

func (c *Controller) deleteIf(t *sim.Task, id identity, conditions *metav1.Preconditions, policy metav1.DeletionPropagation) error {
	request, err := c.request(api.VerbDelete, id)
	if err != nil {
		return err
	}
	request.Delete = &metav1.DeleteOptions{Preconditions: conditions, PropagationPolicy: &policy}
	_, err = c.client.Do(t, request)
	return err
}

// finishForeground removes the finalizer of an object that nothing blocks any more, or looks at what blocks it.
func (c *Controller) finishForeground(t *sim.Task, n *node) error {
	blocking := n.blockingDependents()
	if len(blocking) == 0 {
		return c.removeFinalizer(t, n.identity, metav1.FinalizerDeleteDependents)
	}
	for _, dep := range blocking {
		if !dep.deletingDependents {
			c.deleting.Add(dep)
		}
	}
	return nil
}

// reportWrongNamespace records an Event on a dependent whose owner lives in another namespace.
func (c *Controller) reportWrongNamespace(dependent *node, owner types.UID) {
	for i := range dependent.owners {
		ref := &dependent.owners[i]
		if ref.UID != owner {
			continue
		}
		id := dependent.identity
		about := &corev1.ObjectReference{
			Kind: id.Kind, APIVersion: id.APIVersion, Namespace: id.Namespace, Name: id.Name, UID: id.UID,
		}
		c.recorder.Eventf(about, corev1.EventTypeWarning, "OwnerRefInvalidNamespace", "ownerRef %s does not exist in namespace %q",
			describe(ref, id.Namespace), id.Namespace)
		return
	}
}

func describe(ref *metav1.OwnerReference, namespace string) string {
	return fmt.Sprintf("[%s/%s, namespace: %s, name: %s, uid: %s]", ref.APIVersion, ref.Kind, namespace, ref.Name, ref.UID)
}
