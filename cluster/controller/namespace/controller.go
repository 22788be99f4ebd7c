package namespace

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const (
	// workers is ConcurrentNamespaceSyncs (pkg/controller/namespace/config).
	workers = 10
	// settle is how long after an event a namespace is worked on (namespaceDeletionGracePeriod).
	settle = 5 * time.Second
	// The controller is chatty: its rates are 20 and 100 times the common ones (cmd/kube-controller-manager/app/core.go).
	qpsFactor, burstFactor = 20, 100
	// retryMax bounds the back-off of a namespace (nsControllerRateLimiter); it starts at the usual 5 ms.
	retryMax = 60 * time.Second
	// resync brings every namespace back (--namespace-sync-period).
	resync = 5 * time.Minute
)

// Controller is the namespace controller.
type Controller struct {
	env *controller.Env
	// client is for namespaces and pods, content for everything in them: clientsets of their own, as upstream's typed
	// and metadata clients are.
	client, content *client.Client
	queue           *client.WorkQueue[string]
	cost            host.Op
	namespaces      *client.Informer
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.client = env.NewScaledClient("namespace-controller", qpsFactor, burstFactor)
	c.content = env.NewScaledClient("namespace-controller", qpsFactor, burstFactor)
	c.queue = client.NewWorkQueue[string](env.Process, "namespace", client.QueueConfig{MaxDelay: retryMax})
	c.cost = env.Process.Op("kcm.namespace.sync")
	c.namespaces = env.Informers.For(api.Namespaces, client.Options{})
	c.namespaces.OnEvent(client.Handler{
		Add:    c.enqueue,
		Update: func(_, cur api.Object) { c.enqueue(cur) },
		Resync: resync,
	})
	for range workers {
		env.Process.Go("namespace", c.work)
	}
}

func (c *Controller) enqueue(o api.Object) {
	if o.GetDeletionTimestamp() != nil {
		c.queue.AddAfter(o.GetName(), settle)
	}
}

func (c *Controller) work(t *sim.Task) {
	for c.env.Synced(c.namespaces)(t) {
		name, ok := c.queue.Get(t)
		if !ok {
			return
		}
		again, err := c.sync(t, name)
		switch {
		case err != nil:
			c.queue.AddRateLimited(name)
		case again > 0:
			c.queue.AddAfter(name, again)
		default:
			c.queue.Forget(name)
		}
		c.queue.Done(name)
	}
}

// sync does what can be done for a namespace now; again is when it has to come back because content remains.
func (c *Controller) sync(t *sim.Task, name string) (again time.Duration, err error) {
	if _, ok := c.namespaces.Get("", name); !ok {
		return 0, nil
	}
	c.env.Process.Compute(t, c.cost, 1)
	// The latest state: several writers are at work while a namespace goes.
	ns, err := client.Get[*corev1.Namespace](t, c.client, api.Namespaces, "", name)
	if err == nil && ns.DeletionTimestamp != nil {
		ns, err = c.retryConflicts(t, ns, c.markTerminating)
	}
	if err != nil {
		return 0, ignoreNotFound(err)
	}
	if ns.DeletionTimestamp == nil || len(ns.Spec.Finalizers) == 0 {
		return 0, nil
	}
	estimate, err := c.deleteContent(t, ns)
	switch {
	case err != nil:
		return 0, err
	case estimate > 0:
		return time.Duration(estimate/2+1) * time.Second, nil
	}
	_, err = c.retryConflicts(t, ns, c.finalize)
	return 0, ignoreNotFound(err)
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// markTerminating sets the phase Terminating, unless the API server has done so.
func (c *Controller) markTerminating(t *sim.Task, ns *corev1.Namespace) (*corev1.Namespace, error) {
	if ns.Status.Phase == corev1.NamespaceTerminating {
		return ns, nil
	}
	next := api.Shallow(ns)
	next.Status.Phase = corev1.NamespaceTerminating
	return client.UpdateStatus(t, c.client, api.Namespaces, next)
}

// finalize removes this controller's finalizer.
func (c *Controller) finalize(t *sim.Task, ns *corev1.Namespace) (*corev1.Namespace, error) {
	next := &corev1.Namespace{ObjectMeta: ns.ObjectMeta, Spec: ns.Spec}
	next.Spec.Finalizers = slices.DeleteFunc(slices.Clone(ns.Spec.Finalizers), func(f corev1.FinalizerName) bool {
		return f == corev1.FinalizerKubernetes
	})
	slices.Sort(next.Spec.Finalizers)
	answer, err := c.client.Do(t, &api.Request{
		Verb: api.VerbUpdate, Resource: api.Namespaces, Subresource: "finalize", Name: ns.Name, Object: next,
	})
	if err != nil {
		return nil, err
	}
	return answer.Object.(*corev1.Namespace), nil
}

// retryConflicts makes a change, again from the latest state whenever somebody else was faster.
func (c *Controller) retryConflicts(t *sim.Task, ns *corev1.Namespace, change func(*sim.Task, *corev1.Namespace) (*corev1.Namespace, error)) (*corev1.Namespace, error) {
	for {
		changed, err := change(t, ns)
		if !apierrors.IsConflict(err) {
			return changed, err
		}
		latest, err := client.Get[*corev1.Namespace](t, c.client, api.Namespaces, "", ns.Name)
		if err != nil {
			return nil, err
		}
		if latest.UID != ns.UID {
			return nil, fmt.Errorf("namespace uid has changed across retries")
		}
		ns = latest
	}
}
