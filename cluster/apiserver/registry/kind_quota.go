package registry

import (
	"maps"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func quotaEntries() []*Entry {
	return []*Entry{{
		Resource: api.ResourceQuotas,
		deep:     true,
		name:     subdomainName,
		defaults: fill(func(q *corev1.ResourceQuota) { q.Spec.Hard = wholeMillis(q.Spec.Hard) }),
		prepareCreate: on(func(_ *Context, q *corev1.ResourceQuota) {
			q.Status = corev1.ResourceQuotaStatus{}
		}),
		prepareUpdate: pair(func(_ *Context, q, old *corev1.ResourceQuota) { q.Status = old.Status }),
		prepareStatus: pair(func(_ *Context, q, old *corev1.ResourceQuota) { q.Spec = old.Spec }),
		validate:      with(validateQuota),
		update: both(func(q, old *corev1.ResourceQuota) field.ErrorList {
			a, b := &corev1.ResourceQuotaSpec{Scopes: q.Spec.Scopes}, &corev1.ResourceQuotaSpec{Scopes: old.Spec.Scopes}
			if api.Equal(a, b) {
				return nil
			}
			return field.ErrorList{field.Invalid(field.NewPath("spec", "scopes"), q.Spec.Scopes, fieldImmutable)}
		}),
		columns: quotaColumns,
	}, {
		Resource: api.LimitRanges,
		deep:     true,
		name:     subdomainName,
		defaults: fill(defaultLimitRange),
		columns:  nameAndCreated,
	}}
}

// defaultLimitRange derives a container's default limit from its maximum, and its default request from the default
// limit, else from the minimum.
func defaultLimitRange(l *corev1.LimitRange) {
	for i := range l.Spec.Limits {
		item := &l.Spec.Limits[i]
		if item.Type != corev1.LimitTypeContainer {
			continue
		}
		item.Default = withMissing(item.Default, item.Max)
		item.DefaultRequest = withMissing(item.DefaultRequest, item.Default)
		item.DefaultRequest = withMissing(item.DefaultRequest, item.Min)
	}
}

func withMissing(l, from corev1.ResourceList) corev1.ResourceList {
	out := maps.Clone(l)
	for name, q := range from { //sim:unordered builds a map
		if _, has := out[name]; has {
			continue
		}
		if out == nil {
			out = make(corev1.ResourceList)
		}
		out[name] = q.DeepCopy()
	}
	return out
}

func validateQuota(q *corev1.ResourceQuota) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("spec", "hard")
	for _, name := range sortedKeys(q.Spec.Hard) {
		value := q.Spec.Hard[name]
		errs = append(errs, checkQualified(string(name), path.Key(string(name)))...)
		errs = append(errs, nonNegativeQuantity(value, path.Key(string(name)))...)
	}
	return errs
}
