package config

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	configv1 "k8s.io/kube-scheduler/config/v1"
)

// validateArgs checks a plugin's arguments (pkg/scheduler/apis/config/validation/validation_pluginargs.go). NodeAffinity's are checked when
// the plugin is built.
func validateArgs(at *field.Path, args apiruntime.Object) field.ErrorList {
	switch a := args.(type) {
	case *configv1.DefaultPreemptionArgs:
		return validatePreemption(at, a)
	case *configv1.InterPodAffinityArgs:
		if w := a.HardPodAffinityWeight; w != nil && (*w < 0 || *w > 100) {
			return field.ErrorList{field.Invalid(at.Child("hardPodAffinityWeight"), *w, "not in valid range [0, 100]")}
		}
	case *configv1.PodTopologySpreadArgs:
		return validateSpread(at, a)
	case *configv1.NodeResourcesFitArgs:
		return validateFit(at, a)
	case *configv1.NodeResourcesBalancedAllocationArgs:
		return validateBalanced(at, a)
	case *configv1.VolumeBindingArgs:
		return validateVolumeBinding(at, a)
	}
	return nil
}

func validatePreemption(at *field.Path, a *configv1.DefaultPreemptionArgs) (errs field.ErrorList) {
	percentage, absolute := a.MinCandidateNodesPercentage, a.MinCandidateNodesAbsolute
	if percentage != nil && (*percentage < 0 || *percentage > 100) {
		errs = append(errs, field.Invalid(at.Child("minCandidateNodesPercentage"), *percentage, "not in valid range [0, 100]"))
	}
	if absolute != nil && *absolute < 0 {
		errs = append(errs, field.Invalid(at.Child("minCandidateNodesAbsolute"), *absolute, "not in valid range [0, inf)"))
	}
	if percentage != nil && absolute != nil && *percentage == 0 && *absolute == 0 {
		errs = append(errs, field.Invalid(at.Child("minCandidateNodesPercentage"), *percentage, "cannot be zero at the same time as minCandidateNodesAbsolute"))
	}
	return errs
}

func validateSpread(at *field.Path, a *configv1.PodTopologySpreadArgs) (errs field.ErrorList) {
	switch a.DefaultingType {
	case "", configv1.SystemDefaulting:
		if len(a.DefaultConstraints) > 0 {
			errs = append(errs, field.Invalid(at.Child("defaultingType"), configv1.SystemDefaulting, "when .defaultConstraints are not empty"))
		}
	case configv1.ListDefaulting:
	default:
		errs = append(errs, field.NotSupported(at.Child("defaultingType"), a.DefaultingType, []configv1.PodTopologySpreadConstraintsDefaulting{configv1.SystemDefaulting, configv1.ListDefaulting}))
	}
	root := at.Child("defaultConstraints")
	for i := range a.DefaultConstraints {
		errs = append(errs, validateConstraint(root, i, a.DefaultConstraints)...)
	}
	return errs
}

func validateConstraint(root *field.Path, i int, all []corev1.TopologySpreadConstraint) (errs field.ErrorList) {
	c, at := &all[i], root.Index(i)
	if c.MaxSkew <= 0 {
		errs = append(errs, field.Invalid(at.Child("maxSkew"), c.MaxSkew, "not in valid range (0, inf)"))
	}
	if c.TopologyKey == "" {
		errs = append(errs, field.Required(at.Child("topologyKey"), "can not be empty"))
	} else {
		errs = append(errs, metav1validation.ValidateLabelName(c.TopologyKey, at.Child("topologyKey"))...)
	}
	if c.WhenUnsatisfiable == "" {
		errs = append(errs, field.Required(at.Child("whenUnsatisfiable"), "can not be empty"))
	} else if !constraintAction(c.WhenUnsatisfiable) {
		errs = append(errs, field.NotSupported(at.Child("whenUnsatisfiable"), c.WhenUnsatisfiable, []corev1.UnsatisfiableConstraintAction{corev1.DoNotSchedule, corev1.ScheduleAnyway}))
	}
	if c.LabelSelector != nil {
		errs = append(errs, field.Forbidden(at.Child("labelSelector"), "constraint must not define a selector, as they deduced for each pod"))
	}
	for _, other := range all[:i] {
		if other.TopologyKey == c.TopologyKey && other.WhenUnsatisfiable == c.WhenUnsatisfiable {
			errs = append(errs, field.Duplicate(at, fmt.Sprintf("{%v, %v}", c.TopologyKey, c.WhenUnsatisfiable)))
			break
		}
	}
	return errs
}

func validateFit(at *field.Path, a *configv1.NodeResourcesFitArgs) (errs field.ErrorList) {
	for i, name := range a.IgnoredResources {
		errs = append(errs, metav1validation.ValidateLabelName(name, at.Child("ignoredResources").Index(i))...)
	}
	for i, group := range a.IgnoredResourceGroups {
		path := at.Child("ignoredResourceGroups").Index(i)
		if strings.Contains(group, "/") {
			errs = append(errs, field.Invalid(path, group, "resource group name can't contain '/'"))
		}
		errs = append(errs, metav1validation.ValidateLabelName(group, path)...)
	}
	s, path := a.ScoringStrategy, at.Child("scoringStrategy")
	if s == nil {
		return errs
	}
	ratio := path.Child("requestedToCapacityRatio")
	switch {
	case s.Type != configv1.LeastAllocated && s.Type != configv1.MostAllocated && s.Type != configv1.RequestedToCapacityRatio:
		errs = append(errs, field.NotSupported(path.Child("type"), s.Type, []configv1.ScoringStrategyType{configv1.LeastAllocated, configv1.MostAllocated, configv1.RequestedToCapacityRatio}))
	case s.Type != configv1.RequestedToCapacityRatio && s.RequestedToCapacityRatio != nil:
		errs = append(errs, field.Forbidden(ratio, "must be nil when type is not RequestedToCapacityRatio"))
	case s.Type == configv1.RequestedToCapacityRatio && s.RequestedToCapacityRatio == nil:
		errs = append(errs, field.Required(ratio, "must be specified when type is RequestedToCapacityRatio"))
	case s.RequestedToCapacityRatio != nil:
		errs = append(errs, validateShape(ratio.Child("shape"), s.RequestedToCapacityRatio.Shape)...)
	}
	for i, r := range s.Resources {
		if r.Weight < 0 || r.Weight > 100 {
			errs = append(errs, field.Invalid(path.Child("resources").Index(i).Child("weight"), r.Weight, fmt.Sprintf("resource weight of %v not in valid range (0, 100]", r.Name)))
		}
	}
	return errs
}

func validateShape(at *field.Path, shape []configv1.UtilizationShapePoint) (errs field.ErrorList) {
	if len(shape) == 0 {
		return field.ErrorList{field.Required(at, "at least one point must be specified")}
	}
	for i, corner := range shape {
		if i > 0 && shape[i-1].Utilization >= corner.Utilization {
			errs = append(errs, field.Invalid(at.Index(i).Child("utilization"), corner.Utilization, "values must be sorted in increasing order"))
		}
		if corner.Utilization < 0 || corner.Utilization > 100 {
			errs = append(errs, field.Invalid(at.Index(i).Child("utilization"), corner.Utilization, "not in valid range [0, 100]"))
		}
		if corner.Score < 0 || corner.Score > 10 {
			errs = append(errs, field.Invalid(at.Index(i).Child("score"), corner.Score, "not in valid range [0, 10]"))
		}
	}
	return errs
}

func validateBalanced(at *field.Path, a *configv1.NodeResourcesBalancedAllocationArgs) (errs field.ErrorList) {
	seen := map[string]bool{}
	for i, r := range a.Resources {
		if seen[r.Name] {
			errs = append(errs, field.Duplicate(at.Child("resources").Index(i).Child("name"), r.Name))
		}
		seen[r.Name] = true
		if r.Weight > 1 || r.Weight < 0 {
			errs = append(errs, field.Invalid(at.Child("resources").Index(i).Child("weight"), r.Weight, "must be 1"))
		}
	}
	return errs
}

func validateVolumeBinding(at *field.Path, a *configv1.VolumeBindingArgs) (errs field.ErrorList) {
	if a.BindTimeoutSeconds != nil && *a.BindTimeoutSeconds < 0 {
		errs = append(errs, field.Invalid(at.Child("bindTimeoutSeconds"), *a.BindTimeoutSeconds, "invalid BindTimeoutSeconds, should not be a negative value"))
	}
	if a.Shape != nil {
		errs = append(errs, field.Invalid(at.Child("shape"), a.Shape, "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"))
	}
	return errs
}
