package registry

import (
	"fmt"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Delete decides on the removal of the stored object old. A nil opts is the empty one.
func (e *Entry) Delete(ctx *Context, old api.Object, opts *metav1.DeleteOptions) (Outcome, error) {
	if opts == nil {
		opts = &metav1.DeleteOptions{}
	}
	if err := e.checkDeletePreconditions(api.Meta(old), opts.Preconditions); err != nil {
		return Outcome{}, err
	}
	if e.Resource == api.Namespaces {
		if out, done, err := deleteNamespace(ctx, old, opts); done {
			return out, err
		}
	}
	return e.respond(e.decideDelete(ctx, old, opts)), nil
}

func (e *Entry) checkDeletePreconditions(m *metav1.ObjectMeta, p *metav1.Preconditions) error {
	if p == nil {
		return nil
	}
	if p.UID != nil && *p.UID != m.UID {
		return conflict(e.Resource, m.Name, fmt.Errorf("the UID in the precondition (%s) does not match the UID in record (%s). The object might have been deleted and then recreated", *p.UID, m.UID))
	}
	if p.ResourceVersion != nil && *p.ResourceVersion != m.ResourceVersion {
		return conflict(e.Resource, m.Name, fmt.Errorf("the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record (%s). The object might have been modified", *p.ResourceVersion, m.ResourceVersion))
	}
	return nil
}

// decideDelete combines grace and finalizers: either may turn the removal into an update that marks the object.
func (e *Entry) decideDelete(ctx *Context, old api.Object, opts *metav1.DeleteOptions) Outcome {
	obj := api.ShallowCopy(old)
	m := api.Meta(obj)
	graceful, pending, seconds := e.markGrace(ctx, obj, opts.GracePeriodSeconds)
	if pending {
		return Outcome{Action: Nothing, Object: old}
	}
	if finalizers := e.collectionFinalizers(m.Finalizers, opts); !sameSet(finalizers, m.Finalizers) {
		m.Finalizers = finalizers
	}
	switch {
	case graceful && (len(m.Finalizers) > 0 || seconds > 0):
		return Outcome{Action: Write, Object: obj}
	case graceful:
		return Outcome{Action: WriteThenRemove, Object: obj}
	case len(m.Finalizers) > 0:
		markDeleting(ctx, m)
		if api.EqualObjects(obj, old) {
			return Outcome{Action: Nothing, Object: old}
		}
		return Outcome{Action: Write, Object: obj}
	}
	return Outcome{Action: Remove, Object: obj}
}

// markGrace sets the deletion time of a kind that is deleted gracefully. pending means that a deletion under way stays as
// it is. graceful false means that the object can go at once.
func (e *Entry) markGrace(ctx *Context, obj api.Object, requested *int64) (graceful, pending bool, seconds int64) {
	if e.grace == nil {
		return false, false, 0
	}
	m := api.Meta(obj)
	if m.DeletionTimestamp != nil {
		return shortenGrace(m, requested)
	}
	seconds = e.grace(obj, requested)
	m.DeletionTimestamp = &metav1.Time{Time: ctx.time().Add(time.Duration(seconds) * time.Second)}
	m.DeletionGracePeriodSeconds = &seconds
	if m.Generation > 0 {
		m.Generation++
	}
	return true, false, seconds
}

// shortenGrace handles a second delete: only a shorter grace period has an effect.
func shortenGrace(m *metav1.ObjectMeta, requested *int64) (graceful, pending bool, seconds int64) {
	if m.DeletionGracePeriodSeconds == nil || *m.DeletionGracePeriodSeconds == 0 {
		return false, false, 0
	}
	if requested == nil || *requested >= *m.DeletionGracePeriodSeconds {
		return false, true, 0
	}
	seconds = *requested
	began := m.DeletionTimestamp.Add(-time.Duration(*m.DeletionGracePeriodSeconds) * time.Second)
	m.DeletionTimestamp = &metav1.Time{Time: began.Add(time.Duration(seconds) * time.Second)}
	m.DeletionGracePeriodSeconds = &seconds
	return true, false, seconds
}

// markDeleting marks an object that only finalizers keep.
func markDeleting(ctx *Context, m *metav1.ObjectMeta) {
	if m.DeletionTimestamp == nil && m.Generation > 0 {
		m.Generation++
	}
	if now := ctx.time(); m.DeletionTimestamp == nil || m.DeletionTimestamp.After(now.Time) {
		m.DeletionTimestamp = &now
	}
	m.DeletionGracePeriodSeconds = api.Ptr(int64(0))
}

// collectionFinalizers returns the finalizers with those of the garbage collector as the options ask.
func (e *Entry) collectionFinalizers(have []string, opts *metav1.DeleteOptions) []string {
	if e.uncollected {
		return have
	}
	var out []string
	for _, f := range have {
		if f != metav1.FinalizerOrphanDependents && f != metav1.FinalizerDeleteDependents {
			out = append(out, f)
		}
	}
	if e.shouldOrphan(have, opts) {
		out = append(out, metav1.FinalizerOrphanDependents)
	}
	if shouldDeleteDependents(have, opts) {
		out = append(out, metav1.FinalizerDeleteDependents)
	}
	return out
}

func (e *Entry) shouldOrphan(have []string, opts *metav1.DeleteOptions) bool {
	switch {
	case opts.OrphanDependents != nil:
		return *opts.OrphanDependents
	case opts.PropagationPolicy != nil:
		return *opts.PropagationPolicy == metav1.DeletePropagationOrphan
	}
	for _, f := range have {
		switch f {
		case metav1.FinalizerOrphanDependents:
			return true
		case metav1.FinalizerDeleteDependents:
			return false
		}
	}
	return e.orphans
}

func shouldDeleteDependents(have []string, opts *metav1.DeleteOptions) bool {
	switch {
	case opts.OrphanDependents != nil:
		return false
	case opts.PropagationPolicy != nil:
		return *opts.PropagationPolicy == metav1.DeletePropagationForeground
	}
	for _, f := range have {
		switch f {
		case metav1.FinalizerDeleteDependents:
			return true
		case metav1.FinalizerOrphanDependents:
			return false
		}
	}
	return false
}

func sameSet(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for _, f := range a {
		if !slices.Contains(b, f) {
			return false
		}
	}
	return true
}
