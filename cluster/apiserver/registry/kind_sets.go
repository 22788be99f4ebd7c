package registry

import (
	"github.com/fauxkube/fauxkube/cluster/api"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func daemonSetEntry() *Entry {
	return &Entry{
		Resource:      api.DaemonSets,
		deep:          true,
		name:          subdomainName,
		defaults:      fill(defaultDaemonSet),
		prepareCreate: on(prepareDaemonSet),
		prepareUpdate: pair(prepareDaemonSetUpdate),
		prepareStatus: pair(func(_ *Context, d, old *appsv1.DaemonSet) { d.Spec = old.Spec }),
		validate:      with(validateDaemonSet),
		update:        both(validateDaemonSetUpdate),
		columns:       daemonSetColumns,
	}
}

func prepareDaemonSet(_ *Context, d *appsv1.DaemonSet) {
	d.Status, d.Generation = appsv1.DaemonSetStatus{}, 1
	if d.Annotations[appsv1.DeprecatedTemplateGeneration] == "" {
		d.Annotations = api.With(d.Annotations, appsv1.DeprecatedTemplateGeneration, "1")
	}
}

// prepareDaemonSetUpdate counts generations, and in the deprecated annotation those of the template.
func prepareDaemonSetUpdate(_ *Context, d, old *appsv1.DaemonSet) {
	d.Status = old.Status
	generation := old.Annotations[appsv1.DeprecatedTemplateGeneration]
	if !api.Equal(&d.Spec.Template, &old.Spec.Template) {
		generation = itoa(atoi(generation) + 1)
	}
	d.Annotations = api.With(d.Annotations, appsv1.DeprecatedTemplateGeneration, generation)
	if !api.Equal(&d.Spec, &old.Spec) {
		d.Generation++
	}
}

func defaultDaemonSet(d *appsv1.DaemonSet) {
	u := &d.Spec.UpdateStrategy
	if u.Type == "" {
		u.Type = appsv1.RollingUpdateDaemonSetStrategyType
	}
	if u.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		if u.RollingUpdate == nil {
			u.RollingUpdate = &appsv1.RollingUpdateDaemonSet{}
		}
		if u.RollingUpdate.MaxUnavailable == nil {
			u.RollingUpdate.MaxUnavailable = api.Ptr(intstr.FromInt32(1))
		}
		if u.RollingUpdate.MaxSurge == nil {
			u.RollingUpdate.MaxSurge = api.Ptr(intstr.FromInt32(0))
		}
	}
	unsetInt32(&d.Spec.RevisionHistoryLimit, defaultRevisionHistory)
	defaultTemplate(&d.Spec.Template)
}

func statefulSetEntry() *Entry {
	return &Entry{
		Resource:      api.StatefulSets,
		deep:          true,
		name:          subdomainName,
		defaults:      fill(defaultStatefulSet),
		prepareCreate: on(func(_ *Context, s *appsv1.StatefulSet) { s.Status, s.Generation = appsv1.StatefulSetStatus{}, 1 }),
		prepareUpdate: pair(func(_ *Context, s, old *appsv1.StatefulSet) {
			s.Status = old.Status
			if !api.Equal(&s.Spec, &old.Spec) {
				s.Generation++
			}
		}),
		prepareStatus: pair(func(_ *Context, s, old *appsv1.StatefulSet) { s.Spec = old.Spec }),
		validate:      with(validateStatefulSet),
		update:        both(validateStatefulSetUpdate),
		Scale: &scaling{
			read: func(o api.Object) (int32, int32, *metav1.LabelSelector) {
				s := o.(*appsv1.StatefulSet)
				return *s.Spec.Replicas, s.Status.Replicas, s.Spec.Selector
			},
			write: func(o api.Object, n int32) { o.(*appsv1.StatefulSet).Spec.Replicas = &n },
		},
		columns: statefulSetColumns,
	}
}

func defaultStatefulSet(s *appsv1.StatefulSet) {
	if s.Spec.PodManagementPolicy == "" {
		s.Spec.PodManagementPolicy = appsv1.OrderedReadyPodManagement
	}
	u := &s.Spec.UpdateStrategy
	if u.Type == "" {
		u.Type = appsv1.RollingUpdateStatefulSetStrategyType
		if u.RollingUpdate == nil {
			u.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{}
		}
	}
	if u.Type == appsv1.RollingUpdateStatefulSetStrategyType && u.RollingUpdate != nil {
		unsetInt32(&u.RollingUpdate.Partition, 0)
	}
	defaultRetention(&s.Spec)
	unsetInt32(&s.Spec.Replicas, 1)
	unsetInt32(&s.Spec.RevisionHistoryLimit, defaultRevisionHistory)
	defaultTemplate(&s.Spec.Template)
	for i := range s.Spec.VolumeClaimTemplates {
		c := &s.Spec.VolumeClaimTemplates[i]
		c.APIVersion, c.Kind = "v1", "PersistentVolumeClaim"
		For(api.PersistentVolumeClaims).defaults(c)
	}
}

func defaultRetention(s *appsv1.StatefulSetSpec) {
	if s.PersistentVolumeClaimRetentionPolicy == nil {
		s.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{}
	}
	p := s.PersistentVolumeClaimRetentionPolicy
	if p.WhenDeleted == "" {
		p.WhenDeleted = appsv1.RetainPersistentVolumeClaimRetentionPolicyType
	}
	if p.WhenScaled == "" {
		p.WhenScaled = appsv1.RetainPersistentVolumeClaimRetentionPolicyType
	}
}
