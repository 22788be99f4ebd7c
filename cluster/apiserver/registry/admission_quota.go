package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// resourceQuota charges a new object (or a service's or claim's growth) to every quota of its namespace that covers it.
// The new usage travels in Before, so that concurrent requests cannot both take the last of it.
func resourceQuota(ctx *Context, req *attributes) error {
	if !quotaHandles(req) || ctx.DryRun {
		return nil
	}
	var refused error
	ctx.Lookup.Each(api.ResourceQuotas, req.namespace, func(o api.Object) bool {
		if q := o.(*corev1.ResourceQuota); q.Namespace == req.namespace && quotaCovers(q, req.obj) {
			refused = charge(q, req)
		}
		return refused == nil
	})
	return refused
}

func quotaHandles(req *attributes) bool {
	if !req.entry.Resource.Namespaced || req.subresource != "" || req.entry.Storage == api.Events {
		return false
	}
	switch req.entry.Resource {
	case api.Services, api.PersistentVolumeClaims:
		return true
	}
	return req.old == nil
}

func charge(q *corev1.ResourceQuota, req *attributes) error {
	delta := usage(req.obj)
	if req.old != nil {
		subtract(delta, usage(req.old))
	}
	restrict(delta, q.Spec.Hard)
	if req.old != nil {
		keepPositive(delta)
	}
	if len(delta) == 0 {
		return nil
	}
	if err := specifiesAll(q, req); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(delta)) {
		if _, known := q.Status.Hard[name]; !known {
			return forbidden(req, fmt.Errorf("status unknown for quota: %s, resources: %s", q.Name, joinNames(delta)))
		}
	}
	used, exceeded := addUsage(q, delta)
	if len(exceeded) > 0 {
		return forbidden(req, fmt.Errorf("exceeded quota: %s, requested: %s, used: %s, limited: %s", q.Name,
			pretty(delta, exceeded), pretty(q.Status.Used, exceeded), pretty(q.Status.Hard, exceeded)))
	}
	next := api.Shallow(q)
	next.Status.Used = used
	req.before = append(req.before, Conditional{Resource: api.ResourceQuotas, Old: q, New: next})
	return nil
}

// addUsage returns the usage after the request and the names it would exceed.
func addUsage(q *corev1.ResourceQuota, delta corev1.ResourceList) (used corev1.ResourceList, exceeded []corev1.ResourceName) {
	used = q.Status.Used.DeepCopy()
	if used == nil {
		used = make(corev1.ResourceList)
	}
	for _, name := range slices.Sorted(maps.Keys(delta)) {
		sum := used[name]
		sum.Add(delta[name])
		used[name] = sum
		asked := delta[name]
		if hard := q.Status.Hard[name]; sum.Cmp(hard) > 0 && asked.Sign() > 0 {
			exceeded = append(exceeded, name)
		}
	}
	return used, exceeded
}

// specifiesAll refuses a pod that leaves open how much it uses of what the quota limits.
func specifiesAll(q *corev1.ResourceQuota, req *attributes) error {
	pod, ok := req.obj.(*corev1.Pod)
	if !ok {
		return nil
	}
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(q.Spec.Hard)) {
		if lacking := containersLacking(pod, name); len(lacking) > 0 {
			missing = append(missing, fmt.Sprintf("%s for: %s", name, strings.Join(lacking, ",")))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return forbidden(req, fmt.Errorf("failed quota: %s: must specify %s", q.Name, strings.Join(missing, "; ")))
}

func containersLacking(pod *corev1.Pod, name corev1.ResourceName) []string {
	base, fromLimits, compute := computeName(name)
	if !compute || base == corev1.ResourceEphemeralStorage {
		return nil
	}
	var names []string
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range list {
			have := list[i].Resources.Requests
			if fromLimits {
				have = list[i].Resources.Limits
			}
			if _, has := have[base]; !has {
				names = append(names, list[i].Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// computeName reads a quota's name for a pod's cpu, memory or ephemeral storage.
func computeName(name corev1.ResourceName) (base corev1.ResourceName, fromLimits, ok bool) {
	s := string(name)
	if rest, cut := strings.CutPrefix(s, "limits."); cut {
		s, fromLimits = rest, true
	} else {
		s = strings.TrimPrefix(s, "requests.")
	}
	switch base = corev1.ResourceName(s); base {
	case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
		return base, fromLimits, true
	}
	return "", false, false
}

func joinNames(l corev1.ResourceList) string {
	var names []string
	for _, n := range slices.Sorted(maps.Keys(l)) {
		names = append(names, string(n))
	}
	return strings.Join(names, ",")
}

func pretty(l corev1.ResourceList, names []corev1.ResourceName) string {
	var parts []string
	for _, n := range names {
		q := l[n]
		parts = append(parts, string(n)+"="+q.String())
	}
	return strings.Join(parts, ",")
}

func restrict(l, to corev1.ResourceList) {
	maps.DeleteFunc(l, func(name corev1.ResourceName, _ resource.Quantity) bool {
		_, has := to[name]
		return !has
	})
}

func keepPositive(l corev1.ResourceList) {
	maps.DeleteFunc(l, func(_ corev1.ResourceName, q resource.Quantity) bool { return q.Sign() <= 0 })
}

func subtract(from, l corev1.ResourceList) {
	for name, q := range l { //sim:unordered by name
		v := from[name]
		v.Sub(q)
		from[name] = v
	}
}
