package registry

import (
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/api"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// defaultUtilization is the cpu utilisation in percent that an autoscaler without metrics aims at (pkg/apis/autoscaling).
const defaultUtilization = 80

func policyEntries() []*Entry {
	return []*Entry{{
		Resource: api.PodDisruptionBudgets,
		deep:     true,
		name:     subdomainName,
		prepareCreate: on(func(_ *Context, b *policyv1.PodDisruptionBudget) {
			b.Status, b.Generation = policyv1.PodDisruptionBudgetStatus{}, 1
		}),
		prepareUpdate: pair(func(_ *Context, b, old *policyv1.PodDisruptionBudget) {
			b.Status = old.Status
			if !api.Equal(&b.Spec, &old.Spec) {
				b.Generation++
			}
		}),
		prepareStatus: pair(func(_ *Context, b, old *policyv1.PodDisruptionBudget) { b.Spec = old.Spec }),
		validate:      with(validateBudget),
		columns:       budgetColumns,
	}, {
		Resource: api.PriorityClasses,
		deep:     true,
		name:     subdomainName,
		defaults: fill(func(c *schedulingv1.PriorityClass) {
			if c.PreemptionPolicy == nil {
				c.PreemptionPolicy = preemptLower
			}
		}),
		prepareCreate: on(func(_ *Context, c *schedulingv1.PriorityClass) { c.Generation = 1 }),
		admit:         []admission{oneGlobalDefault},
		validate:      with(validatePriorityClass),
		update:        both(validatePriorityClassUpdate),
		columns:       priorityClassColumns,
	}, {
		Resource: api.HorizontalPodAutoscalers,
		deep:     true,
		name:     subdomainName,
		defaults: fill(defaultAutoscaler),
		prepareCreate: on(func(_ *Context, h *autoscalingv2.HorizontalPodAutoscaler) {
			h.Status = autoscalingv2.HorizontalPodAutoscalerStatus{}
		}),
		prepareUpdate: pair(func(_ *Context, h, old *autoscalingv2.HorizontalPodAutoscaler) { h.Status = old.Status }),
		prepareStatus: pair(func(_ *Context, h, old *autoscalingv2.HorizontalPodAutoscaler) { h.Spec = old.Spec }),
		validate:      with(validateAutoscaler),
		columns:       autoscalerColumns,
	}}
}

func defaultAutoscaler(h *autoscalingv2.HorizontalPodAutoscaler) {
	unsetInt32(&h.Spec.MinReplicas, 1)
	if len(h.Spec.Metrics) == 0 {
		h.Spec.Metrics = []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{
				Name:   corev1.ResourceCPU,
				Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: api.Ptr(int32(defaultUtilization))},
			},
		}}
	}
	if b := h.Spec.Behavior; b != nil {
		b.ScaleUp = filledRules(b.ScaleUp, &autoscalingv2.HPAScalingRules{
			StabilizationWindowSeconds: api.Ptr(int32(0)), SelectPolicy: api.Ptr(autoscalingv2.MaxChangePolicySelect),
			Policies: []autoscalingv2.HPAScalingPolicy{
				{Type: autoscalingv2.PodsScalingPolicy, Value: 4, PeriodSeconds: 15},
				{Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: 15},
			},
		})
		b.ScaleDown = filledRules(b.ScaleDown, &autoscalingv2.HPAScalingRules{
			SelectPolicy: api.Ptr(autoscalingv2.MaxChangePolicySelect),
			Policies:     []autoscalingv2.HPAScalingPolicy{{Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: 15}},
		})
	}
}

func filledRules(have, defaults *autoscalingv2.HPAScalingRules) *autoscalingv2.HPAScalingRules {
	if have == nil {
		return defaults
	}
	if have.SelectPolicy == nil {
		have.SelectPolicy = defaults.SelectPolicy
	}
	if have.StabilizationWindowSeconds == nil {
		have.StabilizationWindowSeconds = defaults.StabilizationWindowSeconds
	}
	if have.Policies == nil {
		have.Policies = defaults.Policies
	}
	return have
}

// oneGlobalDefault refuses a second default class (admission plugin Priority).
func oneGlobalDefault(ctx *Context, req *attributes) error {
	class := req.obj.(*schedulingv1.PriorityClass)
	if !class.GlobalDefault {
		return nil
	}
	var other string
	ctx.Lookup.Each(api.PriorityClasses, "", func(o api.Object) bool {
		if c := o.(*schedulingv1.PriorityClass); c.GlobalDefault && c.Name != class.Name {
			other = c.Name
		}
		return other == ""
	})
	if other == "" {
		return nil
	}
	return forbidden(req, fmt.Errorf("PriorityClass %v is already marked as default. Only one default can exist", other))
}

func validateBudget(b *policyv1.PodDisruptionBudget) field.ErrorList {
	path := field.NewPath("spec")
	var errs field.ErrorList
	if b.Spec.MinAvailable != nil && b.Spec.MaxUnavailable != nil {
		errs = append(errs, field.Invalid(path, b.Spec, "minAvailable and maxUnavailable cannot be both set"))
	}
	if v := b.Spec.MinAvailable; v != nil {
		errs = append(errs, nonNegativeOrPercent(*v, path.Child("minAvailable"))...)
	}
	if v := b.Spec.MaxUnavailable; v != nil {
		errs = append(errs, nonNegativeOrPercent(*v, path.Child("maxUnavailable"))...)
	}
	return append(errs, checkSelector(b.Spec.Selector, path.Child("selector"))...)
}

// Bounds of priorities (k8s.io/kubernetes pkg/apis/scheduling/types.go).
const (
	highestUserPriority = 1000000000
	systemPrefix        = "system-"
)

func validatePriorityClass(c *schedulingv1.PriorityClass) field.ErrorList {
	system := systemClasses[c.Name]
	if len(c.Name) >= len(systemPrefix) && c.Name[:len(systemPrefix)] == systemPrefix {
		if system != c.Value || system == 0 {
			return field.ErrorList{field.Forbidden(field.NewPath("metadata", "name"),
				"priority class names with '"+systemPrefix+"' prefix are reserved for system use only. error: value of "+c.Name+" PriorityClass must be "+itoa(int(system)))}
		}
		return nil
	}
	if c.Value > highestUserPriority {
		return field.ErrorList{field.Forbidden(field.NewPath("value"), "maximum allowed value of a user defined priority is "+itoa(highestUserPriority))}
	}
	return nil
}

func validatePriorityClassUpdate(c, old *schedulingv1.PriorityClass) field.ErrorList {
	var errs field.ErrorList
	if c.Value != old.Value {
		errs = append(errs, field.Invalid(field.NewPath("value"), c.Value, fieldImmutable))
	}
	if api.Deref(c.PreemptionPolicy, "") != api.Deref(old.PreemptionPolicy, "") {
		errs = append(errs, field.Invalid(field.NewPath("preemptionPolicy"), c.PreemptionPolicy, fieldImmutable))
	}
	return errs
}

func validateAutoscaler(h *autoscalingv2.HorizontalPodAutoscaler) field.ErrorList {
	path := field.NewPath("spec")
	var errs field.ErrorList
	if h.Spec.MinReplicas != nil && *h.Spec.MinReplicas < 1 {
		errs = append(errs, field.Invalid(path.Child("minReplicas"), *h.Spec.MinReplicas, "must be greater than or equal to 1"))
	}
	if h.Spec.MaxReplicas < 1 {
		errs = append(errs, field.Invalid(path.Child("maxReplicas"), h.Spec.MaxReplicas, "must be greater than 0"))
	}
	if h.Spec.MinReplicas != nil && h.Spec.MaxReplicas < *h.Spec.MinReplicas {
		errs = append(errs, field.Invalid(path.Child("maxReplicas"), h.Spec.MaxReplicas, "must be greater than or equal to `minReplicas`"))
	}
	ref := path.Child("scaleTargetRef")
	if h.Spec.ScaleTargetRef.Kind == "" {
		errs = append(errs, field.Required(ref.Child("kind"), ""))
	}
	if h.Spec.ScaleTargetRef.Name == "" {
		errs = append(errs, field.Required(ref.Child("name"), ""))
	}
	return errs
}
