package replicaset

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const (
	// workers is ConcurrentRSSyncs (pkg/controller/replicaset/config).
	workers = 5
	// burstReplicas is how many pods one sync creates or deletes at most (pkg/controller/replicaset.BurstReplicas).
	burstReplicas = 500
	// statusRetries is how often a status is written again after a failure (statusUpdateRetries).
	statusRetries = 1
)

// Controller is the ReplicaSet controller.
type Controller struct {
	env      *controller.Env
	client   *client.Client
	pods     controller.PodControl
	queue    *client.WorkQueue[string]
	expected *controller.Expectations
	written  *controller.Consistency
	tally    *tally
	syncCost host.Op

	replicaSetInformer, podInformer *client.Informer
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.client = env.NewClient("replicaset-controller")
	c.pods = controller.PodControl{
		Client: c.client, Recorder: env.Recorder(c.client, "replicaset-controller"), Wrote: c.wrotePod,
	}
	c.queue = client.NewWorkQueue[string](env.Process, "replicaset", client.QueueConfig{})
	c.expected = controller.NewExpectations(env.Process.Monotonic)
	c.tally = newTally()
	c.syncCost = env.Process.Op("kcm.replicaset.sync")
	c.replicaSetInformer = env.Informers.For(api.ReplicaSets, client.Options{})
	c.podInformer = env.Informers.For(api.Pods, client.Options{})
	c.written = controller.NewConsistency(func(r *api.Resource) uint64 {
		return api.ParseRV(env.Informers.For(r, client.Options{}).ResourceVersion())
	})
	controller.AddPodIndices(c.podInformer)
	c.addOwnerIndex()
	c.watch()
	loop := controller.Workers[string]{Name: "replicaset", Queue: c.queue, Count: workers, Sync: c.sync}
	loop.Run(env.Process, env.Synced(c.podInformer, c.replicaSetInformer))
}

func (c *Controller) wrotePod(pod *corev1.Pod, ref *metav1.OwnerReference) {
	if ref != nil {
		c.written.WroteAt(api.Key(pod.Namespace, ref.Name), ref.UID, api.Pods, api.ParseRV(pod.ResourceVersion))
	}
}

func (c *Controller) sync(t *sim.Task, key string) error {
	if err := c.written.EnsureReady(key); err != nil {
		return err
	}
	found, ok := c.replicaSetInformer.Get(api.SplitKey(key))
	if !ok {
		c.written.Clear(key, "")
		c.expected.Forget(key)
		return nil
	}
	rs := found.(*appsv1.ReplicaSet)
	satisfied := c.expected.Satisfied(key)
	if n, total, ok := c.counted(rs); ok && (n.active <= *rs.Spec.Replicas || !satisfied || rs.DeletionTimestamp != nil) {
		c.env.Process.Compute(t, c.syncCost, total)
		return c.finish(t, key, rs, nil, n, satisfied)
	}
	own := controller.PodsOf(c.podInformer, &rs.ObjectMeta, api.ReplicaSets.Kind, true)
	c.env.Process.Compute(t, c.syncCost, int64(len(own)))
	active, err := c.claim(t, rs, controller.ActivePods(own))
	if err != nil {
		return err
	}
	terminating := controller.ClaimedPods(rs.UID, api.Selector(rs.Spec.Selector), controller.TerminatingPods(own))
	return c.finish(t, key, rs, active, count(rs, active, terminating, c.env.Clock()), satisfied)
}

// counted returns the counts of a ReplicaSet without listing its pods; false where some may have to be adopted or
// released, or where it takes more than being ready to be available.
func (c *Controller) counted(rs *appsv1.ReplicaSet) (n counts, total int64, ok bool) {
	if rs.Spec.MinReadySeconds > 0 || controller.HasOrphans(c.podInformer, rs.Namespace) {
		return n, 0, false
	}
	o := c.tally.of(rs)
	if o == nil {
		o = c.tally.start(rs, controller.PodsOf(c.podInformer, &rs.ObjectMeta, api.ReplicaSets.Kind, false))
	}
	return o.counts, int64(len(o.pods)), o.strays == 0
}

// finish creates or deletes the difference and writes the status of what was counted before. active may be nil where
// nothing has to be deleted and no pod becomes available by waiting.
func (c *Controller) finish(t *sim.Task, key string, rs *appsv1.ReplicaSet, active []*corev1.Pod, n counts, satisfied bool) error {
	var failure error
	if satisfied && rs.DeletionTimestamp == nil {
		failure = c.manage(t, key, rs, active, int(n.active))
	}
	now := c.env.Clock()
	if rs.Spec.MinReadySeconds > 0 { // More pods may have become available meanwhile.
		n.available = count(rs, active, nil, now).available
	}
	updated, err := c.writeStatus(t, rs, newStatus(rs, n, failure, c.env.Now()))
	if err != nil {
		return err
	}
	c.written.WroteAt(key, rs.UID, api.ReplicaSets, api.ParseRV(updated.ResourceVersion))
	if failure != nil {
		return failure
	}
	c.recheckAvailability(key, updated, active, now)
	return nil
}

func (c *Controller) claim(t *sim.Task, rs *appsv1.ReplicaSet, pods []*corev1.Pod) ([]*corev1.Pod, error) {
	m := &controller.Claimer{
		Client: c.client, Owner: rs, Selector: api.Selector(rs.Spec.Selector), Resource: api.Pods,
		Wrote: func(o api.Object) {
			pod := o.(*corev1.Pod)
			c.wrotePod(pod, api.ControllerOf(&pod.ObjectMeta))
		},
	}
	return controller.Claim(t, m, pods)
}

// manage creates or deletes pods until there are as many as wanted.
func (c *Controller) manage(t *sim.Task, key string, rs *appsv1.ReplicaSet, active []*corev1.Pod, found int) error {
	switch excess := found - int(*rs.Spec.Replicas); {
	case excess < 0:
		return c.create(t, key, rs, min(-excess, burstReplicas))
	case excess > 0:
		n := min(excess, burstReplicas)
		return c.delete(t, key, rs, podsToDelete(active, c.relatedPods(rs), n, c.env.Clock()))
	}
	return nil
}

func (c *Controller) create(t *sim.Task, key string, rs *appsv1.ReplicaSet, n int) error {
	c.expected.ExpectCreations(key, n)
	pod := controller.PodFromTemplate(&rs.Spec.Template, rs.Name, api.ControllerRef(rs))
	created, err := controller.SlowStart(t, n, func(done func(error)) {
		c.pods.Create(rs, pod, func(err error) {
			if err != nil && controller.IsNamespaceTerminating(err) {
				err = nil // Nothing can be created there any more; there is nothing to do about it.
			}
			done(err)
		})
	})
	for range n - created { // Those will not be seen: they failed or were never asked for.
		c.expected.CreationObserved(key)
	}
	return err
}

func (c *Controller) delete(t *sim.Task, key string, rs *appsv1.ReplicaSet, pods []*corev1.Pod) error {
	keys := make([]string, len(pods))
	for i, p := range pods {
		keys[i] = api.KeyOf(p)
	}
	c.expected.ExpectDeletions(key, keys)
	_, err := controller.Parallel(t, len(pods), func(i int, done func(error)) {
		c.pods.Delete(rs, pods[i].Name, func(err error) {
			if err != nil {
				c.expected.DeletionObserved(key, keys[i])
				if apierrors.IsNotFound(err) {
					err = nil
				}
			}
			done(err)
		})
	})
	return err
}

// relatedPods are the pods that any ReplicaSet of the same owner selects.
func (c *Controller) relatedPods(rs *appsv1.ReplicaSet) []*corev1.Pod {
	ref := api.ControllerOf(&rs.ObjectMeta)
	if ref == nil {
		return nil
	}
	var related []*corev1.Pod
	seen := make(map[types.UID]bool)
	for _, sibling := range c.replicaSetInformer.ByIndex(byOwner, string(ref.UID)) {
		selector := api.Selector(sibling.(*appsv1.ReplicaSet).Spec.Selector)
		for _, o := range c.podInformer.List(sibling.GetNamespace(), selector) {
			if !seen[o.GetUID()] {
				seen[o.GetUID()] = true
				related = append(related, o.(*corev1.Pod))
			}
		}
	}
	return related
}

// writeStatus writes a status that differs, once more from a fresh copy if the first write fails.
func (c *Controller) writeStatus(t *sim.Task, rs *appsv1.ReplicaSet, status appsv1.ReplicaSetStatus) (*appsv1.ReplicaSet, error) {
	if isCurrent(rs, &status) {
		return rs, nil
	}
	// The generation that the counts are of, also where a retry finds a newer one.
	status.ObservedGeneration = rs.Generation
	for attempt := 0; ; attempt++ {
		next := api.Shallow(rs)
		next.Status = status
		updated, err := client.UpdateStatus(t, c.client, api.ReplicaSets, next)
		if err == nil || attempt >= statusRetries {
			return updated, err
		}
		if rs, err = client.Get[*appsv1.ReplicaSet](t, c.client, api.ReplicaSets, rs.Namespace, rs.Name); err != nil {
			return nil, err
		}
	}
}

// recheckAvailability comes back when the next ready pod becomes available.
func (c *Controller) recheckAvailability(key string, rs *appsv1.ReplicaSet, active []*corev1.Pod, counted time.Time) {
	if rs.Spec.MinReadySeconds == 0 || rs.Status.ReadyReplicas == rs.Status.AvailableReplicas {
		return
	}
	after := time.Duration(rs.Spec.MinReadySeconds) * time.Second
	if next, ok := controller.NextAvailability(active, rs.Spec.MinReadySeconds, counted); ok {
		after = max(0, next-c.env.Clock().Sub(counted)) // Writing the status took time.
	}
	c.queue.AddAfter(key, after)
}
