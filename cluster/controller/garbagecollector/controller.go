package garbagecollector

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const (
	// workers is ConcurrentGCSyncs: so many look at nodes to delete, and as many orphan
	// (pkg/controller/garbagecollector/config).
	workers = 20
	// qpsFactor doubles the client's rate, but not its burst, since each deletion takes two requests
	// (cmd/kube-controller-manager/app/core.go).
	qpsFactor, burstFactor = 2, 1
)

// Controller is the garbage collector.
type Controller struct {
	env      *controller.Env
	client   *client.Client
	recorder *client.Recorder
	cost     host.Op
	graph    *graph

	deleting, orphaning *client.WorkQueue[*node]
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.client = env.NewScaledClient("generic-garbage-collector", qpsFactor, burstFactor)
	c.recorder = env.Recorder(env.NewClient("generic-garbage-collector"), "garbage-collector-controller")
	c.cost = env.Process.Op("kcm.garbagecollector.sync")
	c.deleting = client.NewWorkQueue[*node](env.Process, "garbage_collector_attempt_to_delete", client.QueueConfig{})
	c.orphaning = client.NewWorkQueue[*node](env.Process, "garbage_collector_attempt_to_orphan", client.QueueConfig{})
	c.graph = &graph{
		nodes: make(map[types.UID]*node), absent: newAbsentOwners(),
		attempt: c.deleting.Add, attemptLater: c.deleting.AddRateLimited, orphan: c.orphaning.Add,
		wrongNamespace: c.reportWrongNamespace,
	}
	synced := env.Synced(c.watch()...)
	for range workers {
		env.Process.Go("garbagecollector.delete", worker(c.deleting, synced, c.attemptToDelete))
		env.Process.Go("garbagecollector.orphan", worker(c.orphaning, synced, c.attemptToOrphan))
	}
}

// worker returns a task's body that looks at nodes from a queue, again after a back-off where asked to.
func worker(q *client.WorkQueue[*node], synced func(*sim.Task) bool, look func(*sim.Task, *node) bool) func(*sim.Task) {
	return func(t *sim.Task) {
		for synced(t) {
			n, ok := q.Get(t)
			if !ok {
				return
			}
			if look(t, n) {
				q.AddRateLimited(n)
			} else {
				q.Forget(n)
			}
			q.Done(n)
		}
	}
}

// watch makes the graph follow every kind but Events, which own nothing and are owned by nobody.
func (c *Controller) watch() []*client.Informer {
	var informers []*client.Informer
	for _, r := range c.env.Resources() {
		if r == api.Events || r == api.EventsV1 {
			continue
		}
		i := c.env.Informers.For(r, client.Options{})
		i.OnEvent(client.Handler{
			Add: func(o api.Object) { c.graph.observed(r, nil, api.Meta(o)) },
			Update: func(o, n api.Object) {
				old, cur := api.Meta(o), api.Meta(n)
				if concerns(old, cur) {
					c.graph.observed(r, old, cur)
				}
			},
			Delete: func(o api.Object) { c.graph.deleted(r, api.Meta(o)) },
		})
		informers = append(informers, i)
	}
	return informers
}

// concerns reports whether an update can change the graph, which few do.
func concerns(old, cur *metav1.ObjectMeta) bool {
	return old.UID != cur.UID || (old.DeletionTimestamp == nil) != (cur.DeletionTimestamp == nil) ||
		!slices.Equal(old.Finalizers, cur.Finalizers) || !sameOwners(old.OwnerReferences, cur.OwnerReferences)
}

// sameOwners compares references; objects that were changed elsewhere share them.
func sameOwners(a, b []metav1.OwnerReference) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := &a[i], &b[i]
		if x != y && (x.UID != y.UID || x.Name != y.Name || x.Kind != y.Kind || x.APIVersion != y.APIVersion ||
			isTrue(x.BlockOwnerDeletion) != isTrue(y.BlockOwnerDeletion) || isTrue(x.Controller) != isTrue(y.Controller)) {
			return false
		}
	}
	return true
}
