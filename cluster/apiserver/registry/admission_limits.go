package registry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
)

// limitAnnotation tells which requests and limits a LimitRange filled in.
const limitAnnotation = "kubernetes.io/limit-ranger"

// limitRanger fills the requests and limits that a namespace's LimitRanges give by default, then holds the object
// against their bounds.
func limitRanger(ctx *Context, req *attributes) error {
	if req.old != nil && req.entry.Resource == api.Pods || req.subresource != "" {
		return nil
	}
	var refused error
	ctx.Lookup.Each(api.LimitRanges, req.namespace, func(o api.Object) bool {
		if l := o.(*corev1.LimitRange); l.Namespace == req.namespace {
			refused = applyLimits(l, req)
		}
		return refused == nil
	})
	return refused
}

func applyLimits(l *corev1.LimitRange, req *attributes) error {
	var errs []error
	switch obj := req.obj.(type) {
	case *corev1.Pod:
		fillFromLimits(l, obj)
		for i := range l.Spec.Limits {
			errs = append(errs, podAgainst(&l.Spec.Limits[i], obj)...)
		}
	case *corev1.PersistentVolumeClaim:
		for i := range l.Spec.Limits {
			errs = append(errs, claimAgainst(&l.Spec.Limits[i], obj)...)
		}
	}
	if err := utilerrors.NewAggregate(errs); err != nil {
		return forbidden(req, err)
	}
	return nil
}

// fillFromLimits writes into the pod's own containers (defaultPod cloned them).
func fillFromLimits(l *corev1.LimitRange, pod *corev1.Pod) {
	limits, requests := containerDefaults(l)
	var notes []string
	for i := range pod.Spec.Containers {
		notes = fillContainer(&pod.Spec.Containers[i], "container", limits, requests, notes)
	}
	for i := range pod.Spec.InitContainers {
		notes = fillContainer(&pod.Spec.InitContainers[i], "init container", limits, requests, notes)
	}
	if len(notes) > 0 {
		pod.Annotations = api.With(pod.Annotations, limitAnnotation, "LimitRanger plugin set: "+strings.Join(notes, "; "))
	}
}

func containerDefaults(l *corev1.LimitRange) (limits, requests corev1.ResourceList) {
	limits, requests = make(corev1.ResourceList), make(corev1.ResourceList)
	for i := range l.Spec.Limits {
		if item := &l.Spec.Limits[i]; item.Type == corev1.LimitTypeContainer {
			maps.Copy(limits, item.Default)
			maps.Copy(requests, item.DefaultRequest)
		}
	}
	return limits, requests
}

func fillContainer(c *corev1.Container, what string, limits, requests corev1.ResourceList, notes []string) []string {
	var set []string
	c.Resources.Limits, set = fillList(c.Resources.Limits, limits)
	if len(set) > 0 {
		notes = append(notes, fmt.Sprintf("%s limit for %s %s", strings.Join(set, ", "), what, c.Name))
	}
	c.Resources.Requests, set = fillList(c.Resources.Requests, requests)
	if len(set) > 0 {
		at := len(notes)
		if at > 0 && strings.HasSuffix(notes[at-1], what+" "+c.Name) && strings.Contains(notes[at-1], " limit for ") {
			at-- // requests are named before limits
		}
		notes = slices.Insert(notes, at, fmt.Sprintf("%s request for %s %s", strings.Join(set, ", "), what, c.Name))
	}
	return notes
}

// fillList returns have with the missing entries of defaults, and their names in order.
func fillList(have, defaults corev1.ResourceList) (corev1.ResourceList, []string) {
	var set []string
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		if _, has := have[name]; has {
			continue
		}
		if set == nil {
			have = maps.Clone(have)
			if have == nil {
				have = make(corev1.ResourceList)
			}
		}
		have[name] = defaults[name].DeepCopy()
		set = append(set, string(name))
	}
	return have, set
}

func podAgainst(item *corev1.LimitRangeItem, pod *corev1.Pod) []error {
	var errs []error
	switch item.Type {
	case corev1.LimitTypeContainer:
		for i := range pod.Spec.Containers {
			errs = append(errs, within(item, &pod.Spec.Containers[i].Resources)...)
		}
		for i := range pod.Spec.InitContainers {
			errs = append(errs, within(item, &pod.Spec.InitContainers[i].Resources)...)
		}
	case corev1.LimitTypePod:
		errs = within(item, podResources(pod))
	}
	return errs
}

// podResources is what the pod as a whole asks for: the sum of its containers, or its largest init container.
func podResources(pod *corev1.Pod) *corev1.ResourceRequirements {
	sum := corev1.ResourceRequirements{Requests: corev1.ResourceList{}, Limits: corev1.ResourceList{}}
	for i := range pod.Spec.Containers {
		addList(sum.Requests, pod.Spec.Containers[i].Resources.Requests)
		addList(sum.Limits, pod.Spec.Containers[i].Resources.Limits)
	}
	for i := range pod.Spec.InitContainers {
		maxList(sum.Requests, pod.Spec.InitContainers[i].Resources.Requests)
		maxList(sum.Limits, pod.Spec.InitContainers[i].Resources.Limits)
	}
	return &sum
}

func addList(sum, l corev1.ResourceList) {
	for name, q := range l { //sim:unordered sums by name
		v := sum[name].DeepCopy()
		v.Add(q)
		sum[name] = v
	}
}

func maxList(sum, l corev1.ResourceList) {
	for name, q := range l { //sim:unordered maxima by name
		if v, has := sum[name]; !has || q.Cmp(v) > 0 {
			sum[name] = q.DeepCopy()
		}
	}
}

// within holds requests and limits against one item's minimum, maximum and ratio.
func within(item *corev1.LimitRangeItem, r *corev1.ResourceRequirements) []error {
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(item.Min)) {
		note(atLeast(item.Type, name, item.Min[name], r))
	}
	for _, name := range slices.Sorted(maps.Keys(item.Max)) {
		note(atMost(item.Type, name, item.Max[name], r))
	}
	for _, name := range slices.Sorted(maps.Keys(item.MaxLimitRequestRatio)) {
		note(inRatio(item.Type, name, item.MaxLimitRequestRatio[name], r))
	}
	return errs
}

func atLeast(t corev1.LimitType, name corev1.ResourceName, bound resource.Quantity, r *corev1.ResourceRequirements) error {
	request, hasRequest := r.Requests[name]
	limit, hasLimit := r.Limits[name]
	switch {
	case !hasRequest:
		return fmt.Errorf("minimum %s usage per %s is %s.  No request is specified", name, t, bound.String())
	case request.Cmp(bound) < 0:
		return fmt.Errorf("minimum %s usage per %s is %s, but request is %s", name, t, bound.String(), request.String())
	case hasLimit && limit.Cmp(bound) < 0:
		return fmt.Errorf("minimum %s usage per %s is %s, but limit is %s", name, t, bound.String(), limit.String())
	}
	return nil
}

func atMost(t corev1.LimitType, name corev1.ResourceName, bound resource.Quantity, r *corev1.ResourceRequirements) error {
	request, hasRequest := r.Requests[name]
	limit, hasLimit := r.Limits[name]
	switch {
	case !hasLimit:
		return fmt.Errorf("maximum %s usage per %s is %s.  No limit is specified", name, t, bound.String())
	case limit.Cmp(bound) > 0:
		return fmt.Errorf("maximum %s usage per %s is %s, but limit is %s", name, t, bound.String(), limit.String())
	case hasRequest && request.Cmp(bound) > 0:
		return fmt.Errorf("maximum %s usage per %s is %s, but request is %s", name, t, bound.String(), request.String())
	}
	return nil
}

func inRatio(t corev1.LimitType, name corev1.ResourceName, bound resource.Quantity, r *corev1.ResourceRequirements) error {
	request, hasRequest := r.Requests[name]
	limit, hasLimit := r.Limits[name]
	switch {
	case !hasRequest || request.IsZero():
		return fmt.Errorf("%s max limit to request ratio per %s is %s, but no request is specified or request is 0", name, t, bound.String())
	case !hasLimit || limit.IsZero():
		return fmt.Errorf("%s max limit to request ratio per %s is %s, but no limit is specified or limit is 0", name, t, bound.String())
	}
	// Compared as limit*1000 > bound(in thousandths)*request, in whole thousandths.
	if l, q, b := limit.MilliValue(), request.MilliValue(), bound.MilliValue(); l/q*1000+l%q*1000/q > b {
		return fmt.Errorf("%s max limit to request ratio per %s is %s, but provided ratio is %f", name, t, bound.String(), float64(l)/float64(q))
	}
	return nil
}

func claimAgainst(item *corev1.LimitRangeItem, claim *corev1.PersistentVolumeClaim) []error {
	if item.Type != corev1.LimitTypePersistentVolumeClaim {
		return nil
	}
	const name = corev1.ResourceStorage
	request, has := claim.Spec.Resources.Requests[name]
	if !has {
		return []error{errors.New("No request is specified")}
	}
	var errs []error
	if bound, ok := item.Min[name]; ok && request.Cmp(bound) < 0 {
		errs = append(errs, fmt.Errorf("minimum %s usage per %s is %s, but request is %s", name, item.Type, bound.String(), request.String()))
	}
	if bound, ok := item.Max[name]; ok && request.Cmp(bound) > 0 {
		errs = append(errs, fmt.Errorf("maximum %s usage per %s is %s, but request is %s", name, item.Type, bound.String(), request.String()))
	}
	return errs
}
