package registry

import (
	"github.com/fauxkube/fauxkube/cluster/api"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Defaults of the apps group (k8s.io/kubernetes pkg/apis/apps/v1/defaults.go).
const (
	defaultRevisionHistory  = 10
	defaultProgressDeadline = 600
	defaultRolling          = "25%"
)

func workloadEntries() []*Entry {
	return []*Entry{
		deploymentEntry(), replicaSetEntry(), daemonSetEntry(), statefulSetEntry(), controllerRevisionEntry(),
		replicationControllerEntry(),
	}
}

func deploymentEntry() *Entry {
	return &Entry{
		Resource:      api.Deployments,
		deep:          true,
		name:          subdomainName,
		defaults:      fill(defaultDeployment),
		prepareCreate: on(func(_ *Context, d *appsv1.Deployment) { d.Status, d.Generation = appsv1.DeploymentStatus{}, 1 }),
		prepareUpdate: pair(func(_ *Context, d, old *appsv1.Deployment) {
			d.Status = old.Status
			if !api.Equal(&d.Spec, &old.Spec) || !sameStrings(d.Annotations, old.Annotations) {
				d.Generation++
			}
		}),
		prepareStatus: pair(func(_ *Context, d, old *appsv1.Deployment) { d.Spec, d.Labels = old.Spec, old.Labels }),
		validate:      with(validateDeployment),
		update:        both(validateDeploymentUpdate),
		updateStatus:  both(validateDeploymentStatus),
		Scale: &scaling{
			read: func(o api.Object) (int32, int32, *metav1.LabelSelector) {
				d := o.(*appsv1.Deployment)
				return *d.Spec.Replicas, d.Status.Replicas, d.Spec.Selector
			},
			write: func(o api.Object, n int32) { o.(*appsv1.Deployment).Spec.Replicas = &n },
		},
		columns: deploymentColumns,
	}
}

func replicaSetEntry() *Entry {
	return &Entry{
		Resource:      api.ReplicaSets,
		deep:          true,
		name:          subdomainName,
		defaults:      fill(defaultReplicaSet),
		prepareCreate: on(func(_ *Context, rs *appsv1.ReplicaSet) { rs.Status, rs.Generation = appsv1.ReplicaSetStatus{}, 1 }),
		prepareUpdate: pair(func(_ *Context, rs, old *appsv1.ReplicaSet) {
			rs.Status = old.Status
			if !api.Equal(&rs.Spec, &old.Spec) {
				rs.Generation++
			}
		}),
		prepareStatus: pair(func(_ *Context, rs, old *appsv1.ReplicaSet) { rs.Spec = old.Spec }),
		validate:      with(validateReplicaSet),
		update:        both(validateReplicaSetUpdate),
		updateStatus:  both(validateReplicaSetStatus),
		selectable:    []string{"status.replicas"},
		value:         func(o api.Object, _ string) string { return itoa(int(o.(*appsv1.ReplicaSet).Status.Replicas)) },
		Scale: &scaling{
			read: func(o api.Object) (int32, int32, *metav1.LabelSelector) {
				rs := o.(*appsv1.ReplicaSet)
				return *rs.Spec.Replicas, rs.Status.Replicas, rs.Spec.Selector
			},
			write: func(o api.Object, n int32) { o.(*appsv1.ReplicaSet).Spec.Replicas = &n },
		},
		columns: replicaSetColumns,
	}
}

func controllerRevisionEntry() *Entry {
	return &Entry{
		Resource: api.ControllerRevisions,
		deep:     true,
		name:     subdomainName,
		validate: with(func(r *appsv1.ControllerRevision) field.ErrorList {
			return nonNegative(r.Revision, field.NewPath("revision"))
		}),
		update: both(func(r, old *appsv1.ControllerRevision) field.ErrorList {
			return immutable(string(r.Data.Raw) == string(old.Data.Raw), r.Data, field.NewPath("data"))
		}),
		columns: revisionColumns,
	}
}

func replicationControllerEntry() *Entry {
	return &Entry{
		Resource:  api.ReplicationControllers,
		KeyPrefix: "/registry/controllers/",
		deep:      true,
		orphans:   true,
		name:      subdomainName,
		defaults:  fill(defaultReplicationController),
		prepareCreate: on(func(_ *Context, rc *corev1.ReplicationController) {
			rc.Status, rc.Generation = corev1.ReplicationControllerStatus{}, 1
		}),
		prepareUpdate: pair(func(_ *Context, rc, old *corev1.ReplicationController) {
			rc.Status = old.Status
			if !api.Equal(&rc.Spec, &old.Spec) {
				rc.Generation++
			}
		}),
		prepareStatus: pair(func(_ *Context, rc, old *corev1.ReplicationController) { rc.Spec = old.Spec }),
		columns:       nameAndAge,
	}
}

func defaultTemplate(t *corev1.PodTemplateSpec) { defaultPodSpec(&t.Spec) }

func unsetInt32(p **int32, v int32) {
	if *p == nil {
		*p = &v
	}
}

func defaultDeployment(d *appsv1.Deployment) {
	unsetInt32(&d.Spec.Replicas, 1)
	s := &d.Spec.Strategy
	if s.Type == "" {
		s.Type = appsv1.RollingUpdateDeploymentStrategyType
	}
	if s.Type == appsv1.RollingUpdateDeploymentStrategyType {
		if s.RollingUpdate == nil {
			s.RollingUpdate = &appsv1.RollingUpdateDeployment{}
		}
		if s.RollingUpdate.MaxUnavailable == nil {
			s.RollingUpdate.MaxUnavailable = api.Ptr(intstr.FromString(defaultRolling))
		}
		if s.RollingUpdate.MaxSurge == nil {
			s.RollingUpdate.MaxSurge = api.Ptr(intstr.FromString(defaultRolling))
		}
	}
	unsetInt32(&d.Spec.RevisionHistoryLimit, defaultRevisionHistory)
	unsetInt32(&d.Spec.ProgressDeadlineSeconds, defaultProgressDeadline)
	defaultTemplate(&d.Spec.Template)
}

func defaultReplicaSet(rs *appsv1.ReplicaSet) {
	unsetInt32(&rs.Spec.Replicas, 1)
	defaultTemplate(&rs.Spec.Template)
}

func defaultReplicationController(rc *corev1.ReplicationController) {
	unsetInt32(&rc.Spec.Replicas, 1)
	if t := rc.Spec.Template; t != nil {
		defaultTemplate(t)
		if len(rc.Spec.Selector) == 0 {
			rc.Spec.Selector = t.Labels
		}
		if len(rc.Labels) == 0 {
			rc.Labels = t.Labels
		}
	}
}

func sameStrings(a, b map[string]string) bool {
	return len(a) == len(b) && api.MatchesSet(a, b)
}
