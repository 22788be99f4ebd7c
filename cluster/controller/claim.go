package controller

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// Claimer settles which objects of a kind belong to one controller object: it keeps what it controls and its selector
// matches, adopts orphans that match, and releases what no longer does.
type Claimer struct {
	Client   *client.Client
	Owner    api.Object
	Selector labels.Selector
	Resource *api.Resource // of the objects to be claimed
	// Wrote, if set, is told of each object that was patched.
	Wrote func(api.Object)

	// The owner is read again, past all caches, before the first adoption.
	rechecked    bool
	recheckError error
}

// claim is what to do with one object.
type claim uint8

const (
	ignore claim = iota // not ours
	keep
	adopt
	release
)

// decide is the rule by which an object is claimed, without doing anything.
func decide(owner, object *metav1.ObjectMeta, selector labels.Selector) claim {
	matches := selector.Matches(labels.Set(object.Labels))
	if ref := api.ControllerOf(object); ref != nil {
		switch {
		case ref.UID != owner.UID:
			return ignore
		case matches:
			return keep
		case owner.DeletionTimestamp != nil:
			return ignore
		}
		return release
	}
	if !matches || owner.DeletionTimestamp != nil || object.DeletionTimestamp != nil || owner.Namespace != object.Namespace {
		return ignore
	}
	return adopt
}

// Claim returns the objects that belong to m's owner after adopting and releasing. A failure does not stop the others;
// all errors are returned together.
func Claim[T api.Object](t *sim.Task, m *Claimer, objects []T) ([]T, error) {
	var claimed []T
	var failures []error
	for _, o := range objects {
		var err error
		switch decide(api.Meta(m.Owner), api.Meta(o), m.Selector) {
		case ignore:
			continue
		case release:
			if err = m.release(t, o); err == nil {
				continue
			}
		case adopt:
			err = m.adopt(t, o)
		}
		switch {
		case err == nil:
			claimed = append(claimed, o)
		case !apierrors.IsNotFound(err): // Gone meanwhile: nothing to claim.
			failures = append(failures, err)
		}
	}
	return claimed, errors.Join(failures...)
}

func (m *Claimer) adopt(t *sim.Task, o api.Object) error {
	if err := m.canAdopt(t); err != nil {
		return fmt.Errorf("can't adopt %s %v/%v (%v): %w", m.Resource.Kind, o.GetNamespace(), o.GetName(), o.GetUID(), err)
	}
	ref := api.ControllerRef(m.Owner)
	return m.patch(t, o, func(old *metav1.ObjectMeta) error {
		if c := api.ControllerOf(old); c != nil && c.UID != ref.UID {
			return apierrors.NewInvalid(m.Resource.GroupKind(), old.Name, nil)
		}
		if i := api.OwnerIndex(old, ref.UID); i >= 0 {
			old.OwnerReferences = api.Replace(old.OwnerReferences, i, ref)
		} else {
			old.OwnerReferences = api.Append(old.OwnerReferences, ref)
		}
		return nil
	})
}

func (m *Claimer) release(t *sim.Task, o api.Object) error {
	uid := m.Owner.GetUID()
	err := m.patch(t, o, func(old *metav1.ObjectMeta) error {
		if i := api.OwnerIndex(old, uid); i >= 0 {
			old.OwnerReferences = api.Remove(old.OwnerReferences, i)
		}
		return nil
	})
	// Not found: gone. Invalid or a changed uid: it never was ours, or is another object by now.
	if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) {
		return nil
	}
	return err
}

// ownerPatchBytes is the typical length of the JSON patch that adds or removes one owner reference.
const ownerPatchBytes = 230

func (m *Claimer) patch(t *sim.Task, o api.Object, change func(*metav1.ObjectMeta) error) error {
	body := WithUID(m.Resource, o.GetUID(), ownerPatchBytes, func(old api.Object) (api.Object, error) {
		patched := api.ShallowCopy(old)
		return patched, change(api.Meta(patched))
	})
	answer, err := m.Client.Do(t, &api.Request{
		Verb: api.VerbPatch, Resource: m.Resource, Namespace: o.GetNamespace(), Name: o.GetName(), Patch: body,
	})
	if err == nil && m.Wrote != nil {
		m.Wrote(answer.Object)
	}
	return err
}

// canAdopt reads the owner from the server once, so that a stale cache cannot adopt for an owner that is going away.
func (m *Claimer) canAdopt(t *sim.Task) error {
	if !m.rechecked {
		m.rechecked = true
		m.recheckError = m.recheck(t)
	}
	return m.recheckError
}

func (m *Claimer) recheck(t *sim.Task) error {
	r := api.ResourceOf(m.Owner)
	answer, err := m.Client.Do(t, &api.Request{
		Verb: api.VerbGet, Resource: r, Namespace: m.Owner.GetNamespace(), Name: m.Owner.GetName(),
	})
	if err != nil {
		return fmt.Errorf("can't recheck DeletionTimestamp: %w", err)
	}
	fresh := answer.Object
	if fresh.GetUID() != m.Owner.GetUID() {
		return fmt.Errorf("can't recheck DeletionTimestamp: original %s %v/%v is gone: got uid %v, wanted %v",
			r.Kind, m.Owner.GetNamespace(), m.Owner.GetName(), fresh.GetUID(), m.Owner.GetUID())
	}
	return deletedAt(fresh)
}

func deletedAt(o api.Object) error {
	if at := o.GetDeletionTimestamp(); at != nil {
		return fmt.Errorf("%v/%v has just been deleted at %v", o.GetNamespace(), o.GetName(), at)
	}
	return nil
}
