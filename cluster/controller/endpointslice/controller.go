package endpointslice

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/cluster/controller/endpointutil"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const (
	// workers is ConcurrentServiceEndpointSyncs (pkg/controller/endpointslice/config).
	workers = 5
	// maxRetries drops a Service after so many failures in a row, the first after retryBase (defaultSyncBackOff).
	maxRetries = 15
	retryBase  = time.Second
	retryMax   = 1000 * time.Second
	// sliceDelay is how long after a foreign change of a slice its Service is synced (endpointSliceChangeMinSyncDelay).
	sliceDelay = time.Second
)

// byService indexes slices of this controller by the key of their Service.
const byService = "endpointslice.service"

// Controller is the EndpointSlice controller.
type Controller struct {
	env      *controller.Env
	client   *client.Client
	recorder *client.Recorder
	queue    *client.WorkQueue[string]
	tracker  *tracker
	triggers *endpointutil.TriggerTimes
	cost     host.Op

	services, pods, nodes, slices *client.Informer
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.client = env.NewClient("endpointslice-controller")
	c.recorder = env.Recorder(c.client, "endpoint-slice-controller")
	c.queue = client.NewWorkQueue[string](env.Process, "endpoint_slice", client.QueueConfig{BaseDelay: retryBase, MaxDelay: retryMax})
	c.tracker, c.triggers = newTracker(), endpointutil.NewTriggerTimes()
	c.cost = env.Process.Op("kcm.endpointslice.sync")
	c.services = env.Informers.For(api.Services, client.Options{})
	c.pods = env.Informers.For(api.Pods, client.Options{})
	c.slices = env.Informers.For(api.EndpointSlices, client.Options{})
	c.nodes = env.Informers.For(api.Nodes, client.Options{})
	c.slices.AddIndex(byService, func(o api.Object) []string {
		s := o.(*discoveryv1.EndpointSlice)
		if !isManaged(s) {
			return nil
		}
		return []string{serviceKey(s)}
	})
	c.watch()
	loop := controller.Workers[string]{
		Name: "endpointslice", Queue: c.queue, Count: workers, MaxRetries: maxRetries, Sync: c.sync,
	}
	loop.Run(env.Process, env.Synced(c.pods, c.services, c.slices, c.nodes))
}

func isManaged(s *discoveryv1.EndpointSlice) bool {
	return s.Labels[discoveryv1.LabelManagedBy] == managedBy
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
	c.slices.OnEvent(client.Handler{
		Add: func(o api.Object) { c.sliceAdded(o.(*discoveryv1.EndpointSlice)) },
		Update: func(old, cur api.Object) {
			c.sliceUpdated(old.(*discoveryv1.EndpointSlice), cur.(*discoveryv1.EndpointSlice))
		},
		Delete: func(o api.Object) { c.sliceDeleted(o.(*discoveryv1.EndpointSlice)) },
	})
}

func (c *Controller) podChanged(old, cur *corev1.Pod) {
	for _, key := range endpointutil.AffectedServices(c.services, old, cur) {
		c.queue.Add(key)
	}
}

func (c *Controller) sliceAdded(s *discoveryv1.EndpointSlice) {
	if isManaged(s) && c.tracker.isNews(s) {
		c.enqueueLater(s)
	}
}

func (c *Controller) sliceUpdated(old, cur *discoveryv1.EndpointSlice) {
	switch {
	case serviceKey(old) != serviceKey(cur):
		c.enqueueLater(cur)
		c.enqueueLater(old)
	case isManaged(old) != isManaged(cur), isManaged(cur) && c.tracker.isNews(cur):
		c.enqueueLater(cur)
	}
}

func (c *Controller) sliceDeleted(s *discoveryv1.EndpointSlice) {
	if isManaged(s) && c.tracker.has(s) && !c.tracker.sawDeletion(s) {
		c.enqueueLater(s)
	}
}

func (c *Controller) enqueueLater(s *discoveryv1.EndpointSlice) {
	if s.Labels[discoveryv1.LabelServiceName] != "" {
		c.queue.AddAfter(serviceKey(s), sliceDelay)
	}
}

func (c *Controller) sync(t *sim.Task, key string) error {
	found, ok := c.services.Get(api.SplitKey(key))
	if !ok {
		c.triggers.Forget(key)
		c.tracker.forget(key)
		return nil // Its slices go with their owner.
	}
	service := found.(*corev1.Service)
	if service.Spec.Type == corev1.ServiceTypeExternalName || service.Spec.Selector == nil {
		return nil
	}
	pods := api.Items[*corev1.Pod](c.pods.List(service.Namespace, api.SelectorOf(service.Spec.Selector)))
	existing := c.existing(key)
	if c.tracker.isStale(key, existing) {
		return errors.New("EndpointSlice informer cache is out of date")
	}
	trigger := c.triggers.Compute(service, pods)
	plans := reconcile(service, pods, existing, c.node)
	c.env.Process.Compute(t, c.cost, int64(len(pods)))
	if err := c.apply(t, service, plans, trigger); err != nil {
		c.recorder.Eventf(service, corev1.EventTypeWarning, "FailedToUpdateEndpointSlices",
			"Error updating Endpoint Slices for Service %s/%s: %v", service.Namespace, service.Name, err)
		return err
	}
	return nil
}

// existing are the Service's slices that are not being deleted.
func (c *Controller) existing(key string) []*discoveryv1.EndpointSlice {
	var out []*discoveryv1.EndpointSlice
	for _, o := range c.slices.ByIndex(byService, key) {
		if o.GetDeletionTimestamp() == nil {
			out = append(out, o.(*discoveryv1.EndpointSlice))
		}
	}
	return out
}

func (c *Controller) node(name string) *corev1.Node {
	if o, ok := c.nodes.Get("", name); ok {
		return o.(*corev1.Node)
	}
	return nil
}

// apply writes the plans, the next one also if one fails.
func (c *Controller) apply(t *sim.Task, service *corev1.Service, plans []plan, trigger time.Time) error {
	var failures []error
	for i := range plans {
		failures = append(failures, plans[i].skipped...)
		if err := c.write(t, service, &plans[i], trigger); err != nil {
			failures = append(failures, err)
		}
	}
	return utilerrors.NewAggregate(failures)
}

func (c *Controller) write(t *sim.Task, service *corev1.Service, p *plan, trigger time.Time) error {
	failed := func(what, name string, err error) error {
		return fmt.Errorf("failed to %s %sEndpointSlice for Service %s/%s: %w", what, name, service.Namespace, service.Name, err)
	}
	// A Service that goes gets no new slices, which the garbage collector would have to find.
	for _, s := range p.create {
		if service.DeletionTimestamp != nil {
			break
		}
		created, err := client.Create(t, c.client, api.EndpointSlices, withTrigger(s, trigger))
		if controller.IsNamespaceTerminating(err) {
			return nil
		} else if err != nil {
			return failed("create", "", err)
		}
		c.tracker.wrote(created)
	}
	for _, s := range p.update {
		updated, err := client.Update(t, c.client, api.EndpointSlices, withTrigger(s, trigger))
		if err != nil {
			return failed("update", s.Name+" ", err)
		}
		c.tracker.wrote(updated)
	}
	for _, s := range p.delete {
		if err := client.Delete(t, c.client, api.EndpointSlices, s.Namespace, s.Name, &metav1.DeleteOptions{}); err != nil {
			return failed("delete", s.Name+" ", err)
		}
		c.tracker.expectDeletion(s)
	}
	return nil
}

// withTrigger annotates a slice with the time of the change that it publishes, or removes an old one.
func withTrigger(s *discoveryv1.EndpointSlice, trigger time.Time) *discoveryv1.EndpointSlice {
	s = api.Shallow(s)
	if trigger.IsZero() {
		s.Annotations = api.Without(s.Annotations, corev1.EndpointsLastChangeTriggerTime)
	} else {
		s.Annotations = api.With(s.Annotations, corev1.EndpointsLastChangeTriggerTime, endpointutil.Format(trigger))
	}
	return s
}
