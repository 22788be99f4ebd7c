package kubectl

import (
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// target is an object that the arguments name.
type target struct {
	resource        *api.Resource
	namespace, name string
}

func (t target) title() string { return title(t.resource, t.name) }

// targets reads TYPE/NAME..., or TYPE NAME..., or TYPE with a selector or --all; what follows the names (such as
// labels to set) is returned as rest.
func (e *execution) targets(isRest func(string) bool) (found []target, rest []string, err error) {
	args := e.args
	for i, arg := range args {
		if isRest != nil && isRest(arg) {
			args, rest = args[:i], args[i:]
			break
		}
	}
	if len(args) == 0 {
		return nil, nil, fmt.Errorf("kubectl %s: names no object: want kubectl %s %s", e.Line, e.verb.name, e.verb.usage)
	}
	if strings.Contains(args[0], "/") {
		for _, arg := range args {
			kind, name, ok := strings.Cut(arg, "/")
			r := api.ForName(kind)
			if !ok || r == nil {
				return nil, nil, fmt.Errorf("kubectl %s: %q is not TYPE/NAME of a served type", e.Line, arg)
			}
			found = append(found, e.target(r, name))
		}
		return found, rest, nil
	}
	for kind := range strings.SplitSeq(args[0], ",") {
		r := api.ForName(kind)
		if len(args) > 1 {
			for _, name := range args[1:] {
				found = append(found, e.target(r, name))
			}
			continue
		}
		selected, err := e.selected(r)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, selected...)
	}
	return found, rest, nil
}

func (e *execution) target(r *api.Resource, name string) target {
	t := target{resource: r, name: name}
	if r.Namespaced {
		t.namespace = e.options.namespace
	}
	return t
}

// selected lists what -l or --all names.
func (e *execution) selected(r *api.Resource) ([]target, error) {
	if e.options.selector == "" && !e.options.all {
		return nil, fmt.Errorf("kubectl %s: resource(s) were provided, but no name was specified: want a name, -l SELECTOR or --all", e.Line)
	}
	selector, err := labels.Parse(e.options.selector)
	if err != nil {
		return nil, fmt.Errorf("kubectl %s: %v", e.Line, err)
	}
	namespace := ""
	if r.Namespaced {
		namespace = e.options.namespace
	}
	objects, err := client.ListAll[api.Object](e.task, e.client, r, namespace, selector)
	if err != nil {
		return nil, err
	}
	var found []target
	for _, o := range objects {
		found = append(found, target{resource: r, namespace: o.GetNamespace(), name: o.GetName()})
	}
	return found, nil
}

// get reads a target.
func (e *execution) get(t target) (api.Object, error) {
	return client.Get[api.Object](e.task, e.client, t.resource, t.namespace, t.name)
}

// change reads a target, lets fn change a copy, and sends the difference as a strategic patch; again where somebody
// else was faster.
func (e *execution) change(t target, fn func(api.Object) error) error {
	for {
		before, err := e.get(t)
		if err != nil {
			return err
		}
		after := before.DeepCopyObject().(api.Object)
		if err := fn(after); err != nil {
			return err
		}
		if err = e.twoWay(t.resource, before, after); !apierrors.IsConflict(err) {
			return err
		}
	}
}

// each runs fn over the targets of the arguments and joins the errors.
func (e *execution) each(isRest func(string) bool, fn func(t target, rest []string) error) error {
	found, rest, err := e.targets(isRest)
	if err != nil {
		return err
	}
	var problems []error
	for _, t := range found {
		if err := fn(t, rest); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// errTimedOut is what kubectl says when a wait takes too long.
var errTimedOut = errors.New("timed out waiting for the condition")

// await watches an object until done says so, for at most timeout (0 is for ever). done sees nil while it is absent.
func (e *execution) await(t target, timeout time.Duration, done func(o api.Object) (bool, error)) error {
	informers := client.NewInformers(e.client)
	defer informers.Stop()
	informer := informers.For(t.resource, client.Options{Namespace: t.namespace, FieldSelector: api.ByField("metadata.name", t.name)})
	var changed sim.Signal
	note := func(api.Object) { changed.Set() }
	informer.OnEvent(client.Handler{Add: note, Update: func(_, o api.Object) { note(o) }, Delete: note})
	informers.Start()
	if timeout == 0 {
		timeout = sim.Forever
	}
	process := e.task.Process()
	deadline := process.Monotonic().Add(timeout)
	left := func() time.Duration {
		if timeout < 0 {
			return timeout
		}
		return max(deadline.Sub(process.Monotonic()), 0)
	}
	if e.task.Wait(left(), informer.HasSynced()) < 0 {
		return errTimedOut
	}
	for {
		changed.Clear()
		o, ok := informer.Get(t.namespace, t.name)
		if !ok {
			o = nil
		}
		if finished, err := done(o); finished || err != nil {
			return err
		}
		if e.task.Wait(left(), &changed) < 0 {
			return errTimedOut
		}
	}
}
