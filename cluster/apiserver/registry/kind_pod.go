package registry

import (
	"slices"
	"strconv"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func podEntries() []*Entry {
	return []*Entry{{
		Resource:      api.Pods,
		name:          subdomainName,
		defaults:      fill(defaultPod),
		admit:         []admission{limitRanger, serviceAccount, priority, defaultTolerations},
		prepareCreate: on(preparePod),
		prepareUpdate: pair(preparePodUpdate),
		prepareStatus: pair(preparePodStatus),
		validateNew:   with(validatePod),
		update:        both(validatePodUpdate),
		updateStatus:  both(validatePodStatus),
		grace:         podGrace,
		selectable: []string{"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
			"spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName"},
		value:   podField,
		columns: podColumns,
	}}
}

func podField(obj api.Object, name string) string {
	pod := obj.(*corev1.Pod)
	switch name {
	case "spec.nodeName":
		return pod.Spec.NodeName
	case "spec.restartPolicy":
		return string(pod.Spec.RestartPolicy)
	case "spec.schedulerName":
		return pod.Spec.SchedulerName
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName
	case "spec.hostNetwork":
		return strconv.FormatBool(pod.Spec.HostNetwork)
	case "status.phase":
		return string(pod.Status.Phase)
	case "status.podIP":
		if len(pod.Status.PodIPs) > 0 {
			return pod.Status.PodIPs[0].IP
		}
		return ""
	case "status.nominatedNodeName":
		return pod.Status.NominatedNodeName
	}
	return ""
}

func preparePod(ctx *Context, pod *corev1.Pod) {
	pod.Generation = 1
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending, QOSClass: podQOS(&pod.Spec)}
	if len(pod.Spec.SchedulingGates) > 0 {
		pod.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonSchedulingGated,
			Message: "Scheduling is blocked due to non-empty scheduling gates", LastTransitionTime: ctx.time(),
		}}
	}
	if !ctx.Gates[api.PodGroups.Gate] {
		pod.Spec.SchedulingGroup = nil
	}
	mergeLabelKeys(pod)
}

// mergeLabelKeys turns matchLabelKeys and mismatchLabelKeys into requirements on the pod's own label values.
func mergeLabelKeys(pod *corev1.Pod) {
	if a := pod.Spec.Affinity; a != nil && (a.PodAffinity != nil || a.PodAntiAffinity != nil) && affinityHasKeys(a) {
		pod.Spec.Affinity = a.DeepCopy()
		for _, term := range affinityTerms(pod.Spec.Affinity) {
			addKeys(term.LabelSelector, term.MatchLabelKeys, metav1.LabelSelectorOpIn, pod.Labels)
			addKeys(term.LabelSelector, term.MismatchLabelKeys, metav1.LabelSelectorOpNotIn, pod.Labels)
		}
	}
	if !slices.ContainsFunc(pod.Spec.TopologySpreadConstraints, hasKeys) {
		return
	}
	constraints := slices.Clone(pod.Spec.TopologySpreadConstraints)
	for i := range constraints {
		if hasKeys(constraints[i]) {
			constraints[i].LabelSelector = constraints[i].LabelSelector.DeepCopy()
			addKeys(constraints[i].LabelSelector, constraints[i].MatchLabelKeys, metav1.LabelSelectorOpIn, pod.Labels)
		}
	}
	pod.Spec.TopologySpreadConstraints = constraints
}

func hasKeys(c corev1.TopologySpreadConstraint) bool {
	return len(c.MatchLabelKeys) > 0 && c.LabelSelector != nil
}

func affinityHasKeys(a *corev1.Affinity) bool {
	return slices.ContainsFunc(affinityTerms(a), func(t *corev1.PodAffinityTerm) bool {
		return len(t.MatchLabelKeys)+len(t.MismatchLabelKeys) > 0
	})
}

// affinityTerms lists every term of pod affinity and anti-affinity, in order.
func affinityTerms(a *corev1.Affinity) []*corev1.PodAffinityTerm {
	var terms []*corev1.PodAffinityTerm
	add := func(preferred []corev1.WeightedPodAffinityTerm, required []corev1.PodAffinityTerm) {
		for i := range preferred {
			terms = append(terms, &preferred[i].PodAffinityTerm)
		}
		for i := range required {
			terms = append(terms, &required[i])
		}
	}
	if p := a.PodAffinity; p != nil {
		add(p.PreferredDuringSchedulingIgnoredDuringExecution, p.RequiredDuringSchedulingIgnoredDuringExecution)
	}
	if p := a.PodAntiAffinity; p != nil {
		add(p.PreferredDuringSchedulingIgnoredDuringExecution, p.RequiredDuringSchedulingIgnoredDuringExecution)
	}
	return terms
}

func addKeys(sel *metav1.LabelSelector, keys []string, op metav1.LabelSelectorOperator, labels map[string]string) {
	if sel == nil {
		return
	}
	for _, key := range keys {
		if v, has := labels[key]; has {
			sel.MatchExpressions = append(sel.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: op, Values: []string{v}})
		}
	}
}

func preparePodUpdate(_ *Context, pod, old *corev1.Pod) {
	pod.Status = old.Status
	countGeneration(pod, old)
}

func preparePodStatus(_ *Context, pod, old *corev1.Pod) {
	pod.Spec = old.Spec
	pod.DeletionTimestamp = nil // restored by keepMeta
	pod.OwnerReferences = old.OwnerReferences
	if pod.Status.QOSClass == "" {
		pod.Status.QOSClass = old.Status.QOSClass
	}
	keepObserved(pod, old)
}

// keepObserved restores observedGeneration where a client that does not know the field left it out.
func keepObserved(pod, old *corev1.Pod) {
	if pod.Status.ObservedGeneration == 0 {
		pod.Status.ObservedGeneration = old.Status.ObservedGeneration
	}
	copied := false
	for i := range pod.Status.Conditions {
		c := &pod.Status.Conditions[i]
		if c.ObservedGeneration != 0 {
			continue
		}
		was := api.PodCondition(old, c.Type)
		if was == nil || was.ObservedGeneration == 0 {
			continue
		}
		if !copied {
			pod.Status.Conditions, copied = slices.Clone(pod.Status.Conditions), true
		}
		pod.Status.Conditions[i].ObservedGeneration = was.ObservedGeneration
	}
}

// podGrace is how many seconds a pod gets to end: none if it runs nowhere or has ended already.
func podGrace(obj api.Object, requested *int64) int64 {
	pod := obj.(*corev1.Pod)
	if pod.Spec.NodeName == "" || api.IsPodTerminal(pod) {
		return 0
	}
	seconds := api.Deref(pod.Spec.TerminationGracePeriodSeconds, 0)
	if requested != nil {
		seconds = *requested
	}
	if seconds < 0 {
		return 1
	}
	return seconds
}
