package apiserver

import (
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
)

// write starts the conditional write that the call asks for.
func (c *call) write() {
	if err := checkBody(c.request); err != nil {
		c.finish(nil, err)
		return
	}
	o := &c.whole.operation
	o.server, o.request, o.entry, o.bytes, o.call = c.server, c.request, c.entry, c.bytes, c
	o.start()
}

// written answers with the outcome of the write.
func (c *call) written(o *operation, obj api.Object, err error) {
	if c.done {
		return
	}
	if err != nil {
		c.answer(nil, 0, err)
		return
	}
	r, size := &api.Response{}, 0
	switch {
	case o.outcome.Response != nil:
		r.Object = withVersion(o.outcome.Response, obj)
	case !o.outcome.Bare:
		r.Object = c.entry.Present(obj)
		if stored := o.write.Size(); stored > 0 {
			size = answerOverheadBytes + stored
		}
	}
	c.answer(r, size, nil)
}

// answerOverheadBytes is about what an answer takes besides its object: status and headers (api.SizeOfResponse).
const answerOverheadBytes = 64

// withVersion gives a Scale the resource version of the object that it is of.
func withVersion(shown, of api.Object) api.Object {
	shown.SetResourceVersion(api.Meta(of).ResourceVersion)
	return shown
}

// checkBody refuses requests whose body is missing or of another kind than the URL says.
func checkBody(r *api.Request) error {
	needsName := r.Verb != api.VerbCreate || r.Subresource != ""
	switch {
	case needsName && r.Name == "":
		return apierrors.NewBadRequest("name is required")
	case r.Verb == api.VerbPatch && r.Patch == nil, r.Verb != api.VerbPatch && r.Verb != api.VerbDelete && r.Object == nil:
		return apierrors.NewBadRequest("the request has no body")
	case r.Verb == api.VerbPatch || r.Verb == api.VerbDelete:
		return nil
	}
	return checkKind(r)
}

func checkKind(r *api.Request) error {
	ok := false
	switch r.Subresource {
	case "scale":
		_, ok = r.Object.(*autoscalingv1.Scale)
	case "binding":
		_, ok = r.Object.(*corev1.Binding)
	case "eviction":
		_, ok = r.Object.(*policyv1.Eviction)
	default:
		ok = api.ResourceOf(r.Object) == r.Resource
	}
	if !ok {
		return apierrors.NewBadRequest(fmt.Sprintf("the object provided is unrecognized (must be of type %s): %T", r.Resource.Kind, r.Object))
	}
	return nil
}

// deleteCollection lists what the selectors match and deletes one after the other (--delete-collection-workers is 1). It
// is not atomic: an error stops it half way.
func (c *call) deleteCollection() {
	l := &listing{server: c.server, request: c.request, entry: c.entry}
	l.done = func(r listed, err error) {
		if err != nil {
			if !c.done {
				c.finish(nil, err)
			}
			return
		}
		d := &collection{call: c, list: r.list}
		d.next()
	}
	l.start()
}

// collection is a deletecollection in progress.
type collection struct {
	*call
	list *api.List
	at   int
}

func (d *collection) next() {
	if d.done {
		return
	}
	if d.at == len(d.list.Items) {
		d.answer(&api.Response{List: d.list}, 0, nil)
		return
	}
	m := api.Meta(d.list.Items[d.at])
	d.at++
	r := &api.Request{
		Verb: api.VerbDelete, Resource: d.request.Resource, Namespace: m.Namespace, Name: m.Name,
		Delete: d.request.Delete, DryRun: d.request.DryRun, User: d.request.User, UserAgent: d.request.UserAgent,
	}
	o := &operation{server: d.server, request: r, entry: registry.For(r.Resource), bytes: d.bytes}
	o.done = func(_ *operation, _ api.Object, err error) {
		if err != nil && !apierrors.IsNotFound(err) && !d.done {
			d.finish(nil, err)
			return
		}
		d.next()
	}
	o.start()
}
