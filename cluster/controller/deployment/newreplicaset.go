package deployment

import (
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
)

// buildReplicaSet is the ReplicaSet for the Deployment's template as it is first written.
func buildReplicaSet(d *appsv1.Deployment, oldRSs []*appsv1.ReplicaSet, revision int64) *appsv1.ReplicaSet {
	hash := api.TemplateHash(&d.Spec.Template, d.Status.CollisionCount)
	template := d.Spec.Template
	template.Labels = api.With(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey, hash)
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Name:            replicaSetName(d.Name, hash),
			Namespace:       d.Namespace,
			Labels:          template.Labels,
			OwnerReferences: []metav1.OwnerReference{api.ControllerRef(d)},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas:        api.Ptr(int32(0)),
			MinReadySeconds: d.Spec.MinReadySeconds,
			Selector:        selectorWithHash(d.Spec.Selector, hash),
			Template:        template,
		},
	}
	rs.Spec.Replicas = api.Ptr(newSize(d, together(oldRSs, rs), rs))
	rs.Annotations, _ = replicaSetAnnotations(d, nil, revision, false)
	return rs
}

func selectorWithHash(s *metav1.LabelSelector, hash string) *metav1.LabelSelector {
	c := api.Shallow(s)
	c.MatchLabels = api.With(c.MatchLabels, appsv1.DefaultDeploymentUniqueLabelKey, hash)
	return c
}

// replicaSetName joins the Deployment's name, cut where the result would be too long, and the hash.
func replicaSetName(name, hash string) string {
	if longest := validation.DNS1123SubdomainMaxLength - 1 - len(hash); len(name) > longest {
		name = name[:longest]
	}
	return name + "-" + hash
}

// newAndOld finds the new and the old ReplicaSets, keeps annotations and revision of the new one up to date, and creates
// it, if wanted, where there is none.
func (s *pass) newAndOld(create bool) (newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet, err error) {
	newRS, oldRSs = split(s.d, s.all)
	revision := maxRevision(oldRSs) + 1
	switch {
	case newRS != nil:
		newRS, err = s.syncNew(newRS, revision)
	case create:
		newRS, err = s.createNew(oldRSs, revision)
	}
	return newRS, oldRSs, err
}

// syncNew brings annotations and minReadySeconds of an existing new ReplicaSet up to date, or else takes its revision
// over into the Deployment.
func (s *pass) syncNew(rs *appsv1.ReplicaSet, revision int64) (*appsv1.ReplicaSet, error) {
	annotations, changed := replicaSetAnnotations(s.d, rs.Annotations, revision, true)
	if changed || rs.Spec.MinReadySeconds != s.d.Spec.MinReadySeconds {
		next := api.Shallow(rs)
		next.Annotations = annotations
		next.Spec.MinReadySeconds = s.d.Spec.MinReadySeconds
		return client.Update(s.t, s.client, api.ReplicaSets, next)
	}
	var needsUpdate bool
	s.d, needsUpdate = withRevision(s.d, rs.Annotations[revisionAnnotation])
	if hasProgressDeadline(s.d) && condition(s.d.Status.Conditions, appsv1.DeploymentProgressing) == nil {
		s.setProgressing(corev1.ConditionTrue, reasonReplicaSetFound, fmt.Sprintf("Found new replica set %q", rs.Name))
		needsUpdate = true
	}
	if needsUpdate {
		if err := s.writeStatus(); err != nil {
			return nil, err
		}
	}
	return rs, nil
}

// createNew creates the ReplicaSet of the Deployment's template.
func (s *pass) createNew(oldRSs []*appsv1.ReplicaSet, revision int64) (*appsv1.ReplicaSet, error) {
	rs := buildReplicaSet(s.d, oldRSs, revision)
	created, err := client.Create(s.t, s.client, api.ReplicaSets, rs)
	exists := apierrors.IsAlreadyExists(err)
	if exists {
		created, err = s.existing(rs, err)
	}
	if err != nil {
		if !exists && !controller.IsNamespaceTerminating(err) {
			s.creationFailed(rs.Name, err)
		}
		return nil, err
	}
	if !exists && *created.Spec.Replicas > 0 {
		s.recorder.Eventf(s.d, corev1.EventTypeNormal, "ScalingReplicaSet", "Scaled up replica set %s from 0 to %d",
			created.Name, *created.Spec.Replicas)
	}
	var needsUpdate bool
	s.d, needsUpdate = withRevision(s.d, strconv.FormatInt(revision, 10))
	if !exists && hasProgressDeadline(s.d) {
		s.setProgressing(corev1.ConditionTrue, reasonReplicaSetCreated, fmt.Sprintf("Created new replica set %q", created.Name))
		needsUpdate = true
	}
	if needsUpdate {
		err = s.writeStatus()
	}
	return created, err
}

// existing decides about a ReplicaSet that is there already: it is the wanted one, created before the cache saw it, or
// has the same hash by accident, in which case the collision count goes up and the next sync tries another hash.
func (s *pass) existing(wanted *appsv1.ReplicaSet, already error) (*appsv1.ReplicaSet, error) {
	found, ok := s.replicaSets.Get(wanted.Namespace, wanted.Name)
	if !ok {
		return nil, apierrors.NewNotFound(api.ReplicaSets.GroupResource(), wanted.Name)
	}
	rs := found.(*appsv1.ReplicaSet)
	if api.IsControlledBy(&rs.ObjectMeta, s.d.UID) && sameTemplate(&s.d.Spec.Template, &rs.Spec.Template) {
		return rs, nil
	}
	count := api.Deref(s.d.Status.CollisionCount, 0) + 1
	s.d = api.Shallow(s.d)
	s.d.Status.CollisionCount = &count
	_ = s.writeStatus() // Retried with the sync.
	return nil, already
}

func (s *pass) creationFailed(name string, err error) {
	message := fmt.Sprintf("Failed to create new replica set %q: %v", name, err)
	if hasProgressDeadline(s.d) {
		s.setProgressing(corev1.ConditionFalse, reasonReplicaSetFailed, message)
		_ = s.writeStatus() // The failed creation is what is reported.
	}
	s.recorder.Event(s.d, corev1.EventTypeWarning, reasonReplicaSetFailed, message)
}

// setProgressing changes the sync's copy of the Deployment; it is written by writeStatus.
func (s *pass) setProgressing(status corev1.ConditionStatus, reason, message string) {
	c := newCondition(appsv1.DeploymentProgressing, status, reason, message, s.env.Now())
	s.d = api.Shallow(s.d)
	s.d.Status.Conditions = setCondition(s.d.Status.Conditions, c)
}
