package registry

import (
	schedulingv1alpha2 "k8s.io/api/scheduling/v1alpha2"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/fauxkube/fauxkube/cluster/api"
)

func podGroupEntries() []*Entry {
	return []*Entry{{
		Resource: api.PodGroups,
		deep:     true,
		name:     subdomainName,
		prepareCreate: on(func(_ *Context, g *schedulingv1alpha2.PodGroup) {
			g.Status, g.Generation = schedulingv1alpha2.PodGroupStatus{}, 1
			dropDisabled(&g.Spec)
		}),
		prepareUpdate: pair(func(_ *Context, g, old *schedulingv1alpha2.PodGroup) { g.Status = old.Status }),
		prepareStatus: pair(func(_ *Context, g, old *schedulingv1alpha2.PodGroup) { g.Spec = old.Spec }),
		validate:      with(validatePodGroup),
		update:        both(validatePodGroupUpdate),
	}}
}

// dropDisabled leaves out what belongs to feature gates that are off: TopologyAwareWorkloadScheduling, DRAWorkloadResourceClaims and
// WorkloadAwarePreemption.
func dropDisabled(s *schedulingv1alpha2.PodGroupSpec) {
	s.SchedulingConstraints, s.ResourceClaims, s.DisruptionMode = nil, nil, nil
	s.PriorityClassName, s.Priority = "", nil
}

// validatePodGroup checks the policy (k8s.io/kubernetes pkg/apis/scheduling/validation, and the declarative tags of the type).
func validatePodGroup(g *schedulingv1alpha2.PodGroup) (errs field.ErrorList) {
	at := field.NewPath("spec", "schedulingPolicy")
	switch p := g.Spec.SchedulingPolicy; {
	case p.Basic == nil && p.Gang == nil:
		errs = append(errs, field.Invalid(at, "", "must specify one of: `basic`, `gang`"))
	case p.Basic != nil && p.Gang != nil:
		errs = append(errs, field.Invalid(at, "{`basic`, `gang`}", "must specify exactly one of: `basic`, `gang`"))
	case p.Gang != nil && p.Gang.MinCount < 1:
		errs = append(errs, field.Invalid(at.Child("gang", "minCount"), p.Gang.MinCount, "must be greater than or equal to 1"))
	}
	return errs
}

func validatePodGroupUpdate(g, old *schedulingv1alpha2.PodGroup) field.ErrorList {
	if api.Equal(&g.Spec, &old.Spec) {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("spec"), "", "field is immutable")}
}
