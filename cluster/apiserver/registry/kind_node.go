package registry

import (
	"strconv"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func nodeEntries() []*Entry {
	return []*Entry{{
		Resource:  api.Nodes,
		KeyPrefix: "/registry/minions/",
		name:      subdomainName,
		defaults:  fill(defaultNode),
		admit:     []admission{taintNewNode},
		prepareUpdate: pair(func(_ *Context, node, old *corev1.Node) {
			node.Status = old.Status
		}),
		prepareStatus: pair(func(_ *Context, node, old *corev1.Node) {
			node.Spec = old.Spec
			defaultNode(node) // defaults are in the status
		}),
		validate:   with(validateNode),
		update:     both(validateNodeUpdate),
		selectable: []string{"spec.unschedulable"},
		value: func(obj api.Object, _ string) string {
			return strconv.FormatBool(obj.(*corev1.Node).Spec.Unschedulable)
		},
		columns: nodeColumns,
	}}
}

func defaultNode(node *corev1.Node) {
	if node.Status.Allocatable == nil && node.Status.Capacity != nil {
		node.Status.Allocatable = node.Status.Capacity
	}
}

func validateNode(node *corev1.Node) field.ErrorList {
	errs := validateTaints(node.Spec.Taints, taintsPath)
	errs = append(errs, validateResourceNames(node.Status.Capacity, capacityPath)...)
	return append(errs, validateResourceNames(node.Status.Allocatable, allocatablePath)...)
}

var (
	taintsPath      = specPath.Child("taints")
	capacityPath    = statusPath.Child("capacity")
	allocatablePath = statusPath.Child("allocatable")
)

func validateNodeUpdate(node, old *corev1.Node) field.ErrorList {
	if old.Spec.PodCIDR != "" && node.Spec.PodCIDR != old.Spec.PodCIDR {
		return field.ErrorList{field.Forbidden(field.NewPath("spec", "podCIDRs"), "node updates may not change podCIDR except from \"\" to valid")}
	}
	if old.Spec.ProviderID != "" && node.Spec.ProviderID != old.Spec.ProviderID {
		return field.ErrorList{field.Forbidden(field.NewPath("spec", "providerID"), "node updates may not change providerID except from \"\" to valid")}
	}
	return nil
}

var taintEffects = []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}

func validateTaints(taints []corev1.Taint, path *field.Path) field.ErrorList {
	if len(taints) == 0 {
		return nil
	}
	var errs field.ErrorList
	seen := make(map[corev1.TaintEffect]map[string]bool)
	for i, t := range taints {
		at := path.Index(i)
		errs = append(errs, checkQualified(t.Key, at.Child("key"))...)
		if !isLabelValue(t.Value) {
			errs = append(errs, labelValueErrors(t.Value, at.Child("value"))...)
		}
		errs = append(errs, oneOf(t.Effect, taintEffects, true, at.Child("effect"))...)
		if seen[t.Effect][t.Key] {
			dup := field.Duplicate(at, t)
			dup.Detail = "taints must be unique by key and effect pair"
			errs = append(errs, dup)
			continue
		}
		if seen[t.Effect] == nil {
			seen[t.Effect] = make(map[string]bool)
		}
		seen[t.Effect][t.Key] = true
	}
	return errs
}
