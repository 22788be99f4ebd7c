package deployment

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const (
	// workers is ConcurrentDeploymentSyncs (pkg/controller/deployment/config).
	workers = 5
	// maxRetries drops a Deployment after this many failures in a row: with the queue's back-off about 82 s
	// (pkg/controller/deployment.maxRetries).
	maxRetries = 15
)

// Controller is the Deployment controller.
type Controller struct {
	env      *controller.Env
	client   *client.Client
	recorder *client.Recorder
	queue    *client.WorkQueue[string]
	syncCost host.Op

	deployments, replicaSets, pods *client.Informer
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.client = env.NewClient("deployment-controller")
	c.recorder = env.Recorder(c.client, "deployment-controller")
	c.queue = client.NewWorkQueue[string](env.Process, "deployment", client.QueueConfig{})
	c.syncCost = env.Process.Op("kcm.deployment.sync")
	c.deployments = env.Informers.For(api.Deployments, client.Options{})
	c.replicaSets = env.Informers.For(api.ReplicaSets, client.Options{})
	c.pods = env.Informers.For(api.Pods, client.Options{})
	controller.AddPodIndices(c.pods)
	c.addReplicaSetIndex()
	c.watch()
	loop := controller.Workers[string]{
		Name: "deployment", Queue: c.queue, Count: workers, MaxRetries: maxRetries, Sync: c.sync,
	}
	loop.Run(env.Process, env.Synced(c.deployments, c.replicaSets, c.pods))
}

// pass is one sync of one Deployment. d is a copy that the steps replace as they change it.
type pass struct {
	*Controller
	t   *sim.Task
	d   *appsv1.Deployment
	all []*appsv1.ReplicaSet
}

func (c *Controller) sync(t *sim.Task, key string) error {
	found, ok := c.deployments.Get(api.SplitKey(key))
	if !ok {
		return nil
	}
	s := &pass{Controller: c, t: t, d: found.(*appsv1.Deployment)}
	candidates := c.candidates(s.d)
	c.env.Process.Compute(t, c.syncCost, int64(len(candidates)))
	err := s.run(candidates)
	if controller.IsNamespaceTerminating(err) {
		return nil // Nothing more can be created there.
	}
	return err
}

// run is the table of contents of a sync.
func (s *pass) run(candidates []*appsv1.ReplicaSet) error {
	if equality.Semantic.DeepEqual(s.d.Spec.Selector, &metav1.LabelSelector{}) {
		return s.refuse()
	}
	if err := s.claim(candidates); err != nil {
		return err
	}
	if s.d.DeletionTimestamp != nil {
		return s.statusOnly()
	}
	if err := s.notePause(); err != nil {
		return err
	}
	if s.d.Spec.Paused {
		return s.scale()
	}
	if _, _, err := s.newAndOld(false); err != nil {
		return err
	}
	if isScalingEvent(s.d, s.all) {
		return s.scale()
	}
	if isRollingUpdate(s.d) {
		return s.rollOut()
	}
	return s.recreate()
}

// refuse handles a selector that selects everything, which no validation lets through any more.
func (s *pass) refuse() error {
	s.recorder.Event(s.d, corev1.EventTypeWarning, "SelectingAll",
		"This deployment is selecting all pods. A non-empty selector is required.")
	if s.d.Status.ObservedGeneration < s.d.Generation {
		s.d = api.Shallow(s.d)
		s.d.Status.ObservedGeneration = s.d.Generation
		_ = s.writeStatus() // Upstream ignores the outcome.
	}
	return nil
}

func (s *pass) claim(candidates []*appsv1.ReplicaSet) (err error) {
	m := &controller.Claimer{Client: s.client, Owner: s.d, Selector: api.Selector(s.d.Spec.Selector), Resource: api.ReplicaSets}
	s.all, err = controller.Claim(s.t, m, candidates)
	return err
}

// candidates are the ReplicaSets that the Deployment controls or might adopt.
func (c *Controller) candidates(d *appsv1.Deployment) []*appsv1.ReplicaSet {
	owned := c.replicaSets.ByIndex(byOwner, ownedBy(d.UID))
	orphans := c.replicaSets.ByIndex(byOwner, orphansIn(d.Namespace))
	return api.Items[*appsv1.ReplicaSet](append(owned[:len(owned):len(owned)], orphans...))
}

func (s *pass) notePause() error {
	c, ok := pauseCondition(s.d, s.env.Now())
	if !ok {
		return nil
	}
	s.d = api.Shallow(s.d)
	s.d.Status.Conditions = setCondition(s.d.Status.Conditions, c)
	return s.writeStatus()
}

// statusOnly is all that is done for a Deployment that is being deleted.
func (s *pass) statusOnly() error {
	newRS, oldRSs, err := s.newAndOld(false)
	if err != nil {
		return err
	}
	return s.syncStatus(newRS, oldRSs)
}

// scale applies a new size, also while paused.
func (s *pass) scale() error {
	newRS, oldRSs, err := s.newAndOld(false)
	if err != nil {
		return err
	}
	if _, err := s.resize(scale(s.d, newRS, oldRSs)); err != nil {
		return err
	}
	if s.d.Spec.Paused {
		if err := s.deleteObsolete(oldRSs); err != nil {
			return err
		}
	}
	return s.syncStatus(newRS, oldRSs)
}

func (s *pass) rollOut() error {
	newRS, oldRSs, err := s.newAndOld(true)
	if err != nil {
		return err
	}
	grown, err := s.resize([]resize{{rs: newRS, size: newSize(s.d, together(oldRSs, newRS), newRS)}})
	if err != nil {
		return err
	}
	if grown {
		return s.syncRollout(newRS, oldRSs)
	}
	// Failures to shrink old ReplicaSets are left to the next sync, as upstream leaves them.
	if shrunk, err := s.resize(shrinkOld(s.d, newRS, oldRSs)); err == nil && shrunk {
		return s.syncRollout(newRS, oldRSs)
	}
	return s.finish(newRS, oldRSs)
}

// recreate takes all old pods down before the new ReplicaSet gets any.
func (s *pass) recreate() error {
	newRS, oldRSs, err := s.newAndOld(false)
	if err != nil {
		return err
	}
	var down []resize
	for _, rs := range active(oldRSs) {
		down = append(down, resize{rs: rs})
	}
	shrunk, err := s.resize(down)
	if err != nil {
		return err
	}
	if shrunk || s.oldPodsRun(newRS, oldRSs) {
		return s.syncRollout(newRS, oldRSs)
	}
	if newRS == nil {
		if newRS, oldRSs, err = s.newAndOld(true); err != nil {
			return err
		}
	}
	if _, err := s.resize([]resize{{rs: newRS, size: replicas(s.d)}}); err != nil {
		return err
	}
	return s.finish(newRS, oldRSs)
}

// oldPodsRun reports whether a pod of an old ReplicaSet may still run, by its ReplicaSet's count or as a pod.
func (s *pass) oldPodsRun(newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet) bool {
	if total(oldRSs, actualReplicas) > 0 {
		return true
	}
	for _, rs := range s.all {
		if newRS != nil && rs.UID == newRS.UID {
			continue
		}
		for _, pod := range controller.PodsOf(s.pods, &rs.ObjectMeta, api.ReplicaSets.Kind, false) {
			if !api.IsPodTerminal(pod) {
				return true
			}
		}
	}
	return false
}

// finish ends a sync of a rollout that had nothing to resize.
func (s *pass) finish(newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet) error {
	if isComplete(s.d, &s.d.Status) {
		if err := s.deleteObsolete(oldRSs); err != nil {
			return err
		}
	}
	return s.syncRollout(newRS, oldRSs)
}

func (s *pass) deleteObsolete(oldRSs []*appsv1.ReplicaSet) error {
	for _, rs := range obsolete(s.d, oldRSs) {
		err := client.Delete(s.t, s.client, api.ReplicaSets, rs.Namespace, rs.Name, &metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// resize writes the sizes that differ, in order; it reports whether any size was changed. A ReplicaSet that is resized
// twice is written from what the first write returned.
func (s *pass) resize(steps []resize) (resized bool, err error) {
	var written []*appsv1.ReplicaSet
	for _, step := range steps {
		rs := step.rs
		for _, w := range written {
			if w.UID == rs.UID {
				rs = w
			}
		}
		from := *rs.Spec.Replicas
		if from == step.size && (!step.always || sizeAnnotationsCurrent(rs.Annotations, s.d)) {
			continue
		}
		next := withSize(rs, step.size)
		next.Annotations = api.With(next.Annotations, desiredReplicasAnnotation, "")
		setSizeAnnotations(next.Annotations, s.d)
		updated, err := client.Update(s.t, s.client, api.ReplicaSets, next)
		if err != nil {
			return resized, err
		}
		written = append(written, updated)
		if from != step.size {
			resized = true
			s.recorder.Eventf(s.d, corev1.EventTypeNormal, "ScalingReplicaSet", "Scaled %s replica set %s from %d to %d",
				direction(from, step.size), updated.Name, from, step.size)
		}
	}
	return resized, nil
}

func direction(from, to int32) string {
	if from < to {
		return "up"
	}
	return "down"
}

// syncStatus writes the counts and availability if they changed.
func (s *pass) syncStatus(newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet) error {
	return s.replaceStatus(currentStatus(s.d, newRS, oldRSs, s.env.Now()))
}

// syncRollout writes the status of a rollout if it changed; if not, it sees to it that a rollout that is stuck is
// looked at again when its deadline passes.
func (s *pass) syncRollout(newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet) error {
	status := rolloutStatus(s.d, newRS, oldRSs, s.env.Clock(), s.env.Now())
	if !equality.Semantic.DeepEqual(s.d.Status, status) {
		return s.replaceStatus(status)
	}
	key := api.KeyOf(s.d)
	switch after, ok := untilProgressCheck(s.d, &status, s.env.Clock()); {
	case !ok:
	case after < time.Second:
		s.queue.AddRateLimited(key)
	default:
		// A second more, so that whole-second times do not make the check come too early.
		s.queue.AddAfter(key, after+time.Second)
	}
	return nil
}

func (s *pass) replaceStatus(status appsv1.DeploymentStatus) error {
	if equality.Semantic.DeepEqual(s.d.Status, status) {
		return nil
	}
	s.d = api.Shallow(s.d)
	s.d.Status = status
	return s.writeStatus()
}

// writeStatus writes the sync's copy through the status subresource, annotations included. The copy keeps its resource
// version: a second write in the same sync conflicts, as it does upstream.
func (s *pass) writeStatus() error {
	_, err := client.UpdateStatus(s.t, s.client, api.Deployments, s.d)
	return err
}
