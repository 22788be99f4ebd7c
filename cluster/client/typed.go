package client

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// Get reads one object.
func Get[T api.Object](t *sim.Task, c *Client, r *api.Resource, namespace, name string) (T, error) {
	return do[T](t, c, &api.Request{Verb: api.VerbGet, Resource: r, Namespace: namespace, Name: name})
}

// GetCached reads one object from the API server's cache, which may be stale: resourceVersion "0".
func GetCached[T api.Object](t *sim.Task, c *Client, r *api.Resource, namespace, name string) (T, error) {
	return do[T](t, c, &api.Request{Verb: api.VerbGet, Resource: r, Namespace: namespace, Name: name, ResourceVersion: "0"})
}

// ListAll reads the objects of a namespace ("" is all) that the selector matches (nil is all), in one request.
func ListAll[T api.Object](t *sim.Task, c *Client, r *api.Resource, namespace string, selector labels.Selector) ([]T, error) {
	response, err := c.Do(t, &api.Request{Verb: api.VerbList, Resource: r, Namespace: namespace, LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	objects := make([]T, len(response.List.Items))
	for i, o := range response.List.Items {
		objects[i] = o.(T)
	}
	return objects, nil
}

// Create creates an object in the namespace that its metadata names.
func Create[T api.Object](t *sim.Task, c *Client, r *api.Resource, obj T) (T, error) {
	m := api.Meta(obj)
	return do[T](t, c, &api.Request{Verb: api.VerbCreate, Resource: r, Namespace: m.Namespace, Name: m.Name, Object: obj})
}

// Update replaces an object; its resourceVersion, if set, must be the stored one.
func Update[T api.Object](t *sim.Task, c *Client, r *api.Resource, obj T) (T, error) {
	return update(t, c, r, obj, "")
}

// UpdateStatus replaces an object's status.
func UpdateStatus[T api.Object](t *sim.Task, c *Client, r *api.Resource, obj T) (T, error) {
	return update(t, c, r, obj, "status")
}

func update[T api.Object](t *sim.Task, c *Client, r *api.Resource, obj T, subresource string) (T, error) {
	m := api.Meta(obj)
	return do[T](t, c, &api.Request{
		Verb: api.VerbUpdate, Resource: r, Namespace: m.Namespace, Name: m.Name, Object: obj, Subresource: subresource,
	})
}

// Patch changes an object, or its subresource if that is not "".
func Patch[T api.Object](t *sim.Task, c *Client, r *api.Resource, namespace, name string, body *api.PatchBody, subresource string) (T, error) {
	return do[T](t, c, &api.Request{
		Verb: api.VerbPatch, Resource: r, Namespace: namespace, Name: name, Patch: body, Subresource: subresource,
	})
}

// Delete deletes an object; nil options are the kind's defaults.
func Delete(t *sim.Task, c *Client, r *api.Resource, namespace, name string, options *metav1.DeleteOptions) error {
	_, err := c.Do(t, &api.Request{Verb: api.VerbDelete, Resource: r, Namespace: namespace, Name: name, Delete: options})
	return err
}

// do sends a request whose answer is one object of type T.
func do[T api.Object](t *sim.Task, c *Client, r *api.Request) (T, error) {
	response, err := c.Do(t, r)
	if err != nil {
		var none T
		return none, err
	}
	return response.Object.(T), nil
}
