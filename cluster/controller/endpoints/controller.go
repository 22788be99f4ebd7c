package endpoints

import (
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/cluster/controller/endpointutil"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const (
	// workers is ConcurrentEndpointSyncs (pkg/controller/endpoint/config).
	workers = 5
	// maxRetries drops a Service after so many failures in a row.
	maxRetries = 15
	// managedByKey labels the objects of this controller with its name.
	managedByKey   = "endpoints.kubernetes.io/managed-by"
	controllerName = "endpoint-controller"
	// leaderAnnotation marks Endpoints that were a lock of a leader election.
	leaderAnnotation = "control-plane.alpha.kubernetes.io/leader"
)

// Controller is the Endpoints controller.
type Controller struct {
	env      *controller.Env
	client   *client.Client
	recorder *client.Recorder
	queue    *client.WorkQueue[string]
	triggers *endpointutil.TriggerTimes
	cost     host.Op
	// stale are the versions of objects that were replaced: a cache that still has one is too old.
	stale map[string]string

	services, pods, endpoints *client.Informer
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.client = env.NewClient("endpoint-controller")
	c.recorder = env.Recorder(c.client, controllerName)
	c.queue = client.NewWorkQueue[string](env.Process, "endpoint", client.QueueConfig{})
	c.triggers, c.stale = endpointutil.NewTriggerTimes(), make(map[string]string)
	c.cost = env.Process.Op("kcm.endpoints.sync")
	c.services = env.Informers.For(api.Services, client.Options{})
	c.pods = env.Informers.For(api.Pods, client.Options{})
	c.endpoints = env.Informers.For(api.Endpoints, client.Options{})
	c.watch()
	synced := env.Synced(c.pods, c.services, c.endpoints)
	loop := controller.Workers[string]{Name: "endpoints", Queue: c.queue, Count: workers, MaxRetries: maxRetries, Sync: c.sync}
	loop.Run(env.Process, synced)
	env.Process.Go("endpoints.leftovers", func(t *sim.Task) {
		if synced(t) {
			c.enqueueLeftovers()
		}
	})
}

func (c *Controller) watch() {
	enqueue := func(o api.Object) { c.queue.Add(api.KeyOf(o)) }
	c.services.OnEvent(client.Handler{
		Add: enqueue, Update: func(_, cur api.Object) { enqueue(cur) }, Delete: enqueue,
	})
	c.pods.OnEvent(client.Handler{
		Add:    func(o api.Object) { c.podChanged(nil, o.(*corev1.Pod)) },
		Update: func(old, cur api.Object) { c.podChanged(old.(*corev1.Pod), cur.(*corev1.Pod)) },
		Delete: func(o api.Object) { c.podChanged(o.(*corev1.Pod), nil) },
	})
	c.endpoints.OnEvent(client.Handler{Delete: enqueue})
}

func (c *Controller) podChanged(old, cur *corev1.Pod) {
	for _, key := range endpointutil.AffectedServices(c.services, old, cur) {
		c.queue.Add(key)
	}
}

// enqueueLeftovers looks once at all Endpoints, whose Services may have gone while no controller ran.
func (c *Controller) enqueueLeftovers() {
	for _, o := range c.endpoints.List("", nil) {
		if _, isLock := o.GetAnnotations()[leaderAnnotation]; !isLock {
			c.queue.Add(api.KeyOf(o))
		}
	}
}

func (c *Controller) sync(t *sim.Task, key string) error {
	found, ok := c.services.Get(api.SplitKey(key))
	if !ok {
		return c.serviceGone(t, key)
	}
	service := found.(*corev1.Service)
	if service.Spec.Type == corev1.ServiceTypeExternalName || service.Spec.Selector == nil {
		return nil
	}
	pods := api.Items[*corev1.Pod](c.pods.List(service.Namespace, api.SelectorOf(service.Spec.Selector)))
	trigger := c.triggers.Compute(service, pods)
	subsets := subsetsOf(service, pods)
	var current *corev1.Endpoints
	if o, ok := c.endpoints.Get(service.Namespace, service.Name); ok {
		current = o.(*corev1.Endpoints)
		if c.stale[key] == current.ResourceVersion {
			return fmt.Errorf("endpoints informer cache is out of date, resource version %s already processed for endpoints %s",
				current.ResourceVersion, key)
		}
	}
	c.env.Process.Compute(t, c.cost, int64(len(pods)))
	if current != nil && isCurrent(current, service, subsets) {
		return nil
	}
	return c.write(t, service, current, build(service, current, subsets, trigger))
}

// serviceGone deletes the Endpoints of a Service that does not exist, without looking whether there are any.
func (c *Controller) serviceGone(t *sim.Task, key string) error {
	namespace, name := api.SplitKey(key)
	err := client.Delete(t, c.client, api.Endpoints, namespace, name, &metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	c.triggers.Forget(key)
	delete(c.stale, key)
	return nil
}

// isCurrent reports whether the object says what it should.
func isCurrent(current *corev1.Endpoints, service *corev1.Service, subsets []corev1.EndpointSubset) bool {
	ready, notReady := countAddresses(current.Subsets)
	_, marked := current.Annotations[corev1.EndpointsOverCapacity]
	return equality.Semantic.DeepEqual(current.Subsets, subsets) && ready+notReady <= capacity && !marked &&
		current.Labels[managedByKey] == controllerName && maps.Equal(withoutReserved(current.Labels), withoutNil(service.Labels))
}

func withoutReserved(labels map[string]string) map[string]string {
	out := maps.Clone(withoutNil(labels))
	delete(out, managedByKey)
	delete(out, corev1.IsHeadlessService)
	return out
}

func withoutNil(labels map[string]string) map[string]string {
	if labels == nil {
		return map[string]string{}
	}
	return labels
}

// build makes the object as it should be, from the current one (nil: there is none).
func build(service *corev1.Service, current *corev1.Endpoints, subsets []corev1.EndpointSubset, trigger time.Time) *corev1.Endpoints {
	next := &corev1.Endpoints{ObjectMeta: metav1.ObjectMeta{Name: service.Name, Namespace: service.Namespace}}
	if current != nil {
		next = api.Shallow(current)
	}
	next.Annotations = maps.Clone(withoutNil(next.Annotations))
	delete(next.Annotations, corev1.EndpointsLastChangeTriggerTime)
	delete(next.Annotations, corev1.EndpointsOverCapacity)
	if !trigger.IsZero() {
		next.Annotations[corev1.EndpointsLastChangeTriggerTime] = endpointutil.Format(trigger)
	}
	cut := false
	if next.Subsets, cut = truncate(subsets); cut {
		next.Annotations[corev1.EndpointsOverCapacity] = "truncated"
	}
	next.Labels = maps.Clone(withoutNil(service.Labels))
	delete(next.Labels, corev1.IsHeadlessService)
	if service.Spec.ClusterIP == "" || service.Spec.ClusterIP == corev1.ClusterIPNone {
		next.Labels[corev1.IsHeadlessService] = ""
	}
	next.Labels[managedByKey] = controllerName
	return next
}

func (c *Controller) write(t *sim.Task, service *corev1.Service, current, next *corev1.Endpoints) error {
	if current == nil {
		_, err := client.Create(t, c.client, api.Endpoints, next)
		if controller.IsNamespaceTerminating(err) {
			return nil
		}
		if err != nil {
			// Upstream's object has no namespace here, so that the Event lands in default.
			about := &corev1.ObjectReference{Kind: api.Endpoints.Kind, APIVersion: api.Endpoints.APIVersion(), Name: next.Name}
			c.recorder.Eventf(about, corev1.EventTypeWarning, "FailedToCreateEndpoint", "Failed to create endpoint for service %v/%v: %v",
				service.Namespace, service.Name, err)
		}
		return err
	}
	updated, err := client.Update(t, c.client, api.Endpoints, next)
	if err != nil {
		c.recorder.Eventf(next, corev1.EventTypeWarning, "FailedToUpdateEndpoint", "Failed to update endpoint %v/%v: %v",
			service.Namespace, service.Name, err)
		return err
	}
	if updated.ResourceVersion != current.ResourceVersion {
		c.stale[api.KeyOf(service)] = current.ResourceVersion
	}
	return nil
}
