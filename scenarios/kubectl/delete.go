package kubectl

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
)

var propagations = map[string]metav1.DeletionPropagation{
	"background": metav1.DeletePropagationBackground, "foreground": metav1.DeletePropagationForeground, "orphan": metav1.DeletePropagationOrphan,
	"true": metav1.DeletePropagationBackground, "false": metav1.DeletePropagationOrphan,
}

func runDelete(e *execution) error {
	propagation, ok := propagations[e.options.cascade]
	if !ok {
		return fmt.Errorf("kubectl %s: --cascade must be background, foreground or orphan", e.Line)
	}
	options := &metav1.DeleteOptions{PropagationPolicy: &propagation}
	if e.options.gracePeriod >= 0 {
		options.GracePeriodSeconds = &e.options.gracePeriod
	}
	if e.options.force {
		options.GracePeriodSeconds = api.Ptr(int64(0))
	}
	remove := func(t target, _ []string) error { return e.remove(t, options) }
	if len(e.objects) > 0 {
		return e.forEach(func(m Manifest) error {
			meta := api.Meta(m.object)
			return remove(target{resource: m.resource, namespace: meta.Namespace, name: meta.Name}, nil)
		})
	}
	return e.each(nil, remove)
}

// remove deletes one object and, unless told otherwise, waits until it is gone.
func (e *execution) remove(t target, options *metav1.DeleteOptions) error {
	before, err := e.get(t)
	if err == nil {
		err = client.Delete(e.task, e.client, t.resource, t.namespace, t.name, options)
	}
	if apierrors.IsNotFound(err) && e.options.ignoreNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	where := ""
	if t.namespace != "" {
		where = " from " + t.namespace + " namespace"
	}
	e.printf("%s %q deleted%s", t.resource.Singular, t.name, where)
	if !e.options.wait || e.options.force {
		return nil
	}
	uid := before.GetUID()
	return e.await(t, e.options.timeout, func(o api.Object) (bool, error) { return o == nil || o.GetUID() != uid, nil })
}
