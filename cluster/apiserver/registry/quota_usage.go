package registry

import (
	"slices"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

var one = resource.MustParse("1")

// QuotaUsage is what an object counts for under every name that quotas know, for the quota controller's full count.
// Pods that have ended count for nothing but their number under count/pods.
func QuotaUsage(obj api.Object) corev1.ResourceList { return usage(obj) }

// QuotaCovers reports whether the quota's scopes include the object.
func QuotaCovers(q *corev1.ResourceQuota, obj api.Object) bool { return quotaCovers(q, obj) }

func usage(obj api.Object) corev1.ResourceList {
	r := api.ResourceOf(obj)
	l := corev1.ResourceList{corev1.ResourceName("count/" + r.String()): one.DeepCopy()}
	switch o := obj.(type) {
	case *corev1.Pod:
		podUsage(o, l)
	case *corev1.Service:
		serviceUsage(o, l)
	case *corev1.PersistentVolumeClaim:
		claimUsage(o, l)
	case *corev1.ConfigMap, *corev1.Secret, *corev1.ResourceQuota, *corev1.ReplicationController:
		l[corev1.ResourceName(r.Name)] = one.DeepCopy()
	}
	return l
}

func podUsage(pod *corev1.Pod, l corev1.ResourceList) {
	if api.IsPodTerminal(pod) {
		return
	}
	l[corev1.ResourcePods] = one.DeepCopy()
	sum := podResources(pod)
	for name, q := range sum.Requests { //sim:unordered builds a map
		l["requests."+name] = q
		switch name {
		case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
			l[name] = q.DeepCopy()
		}
	}
	for name, q := range sum.Limits { //sim:unordered builds a map
		l["limits."+name] = q
	}
}

func serviceUsage(s *corev1.Service, l corev1.ResourceList) {
	l[corev1.ResourceServices] = one.DeepCopy()
	count := *resource.NewQuantity(int64(len(s.Spec.Ports)), resource.DecimalSI)
	switch s.Spec.Type {
	case corev1.ServiceTypeNodePort:
		l[corev1.ResourceServicesNodePorts] = count
	case corev1.ServiceTypeLoadBalancer:
		l[corev1.ResourceServicesLoadBalancers] = one.DeepCopy()
		if s.Spec.AllocateLoadBalancerNodePorts == nil || *s.Spec.AllocateLoadBalancerNodePorts {
			l[corev1.ResourceServicesNodePorts] = count
		}
	}
}

func claimUsage(c *corev1.PersistentVolumeClaim, l corev1.ResourceList) {
	l[corev1.ResourcePersistentVolumeClaims] = one.DeepCopy()
	storage, asked := c.Spec.Resources.Requests[corev1.ResourceStorage]
	if asked {
		l[corev1.ResourceRequestsStorage] = storage.DeepCopy()
	}
	if class := c.Spec.StorageClassName; class != nil && *class != "" {
		prefix := corev1.ResourceName(*class + ".storageclass.storage.k8s.io/")
		l[prefix+"persistentvolumeclaims"] = one.DeepCopy()
		if asked {
			l[prefix+"requests.storage"] = storage.DeepCopy()
		}
	}
}

// quotaCovers checks the quota's scopes. Scopes concern pods; a quota with scopes covers nothing else.
func quotaCovers(q *corev1.ResourceQuota, obj api.Object) bool {
	var selectors []corev1.ScopedResourceSelectorRequirement
	for _, s := range q.Spec.Scopes {
		selectors = append(selectors, corev1.ScopedResourceSelectorRequirement{ScopeName: s, Operator: corev1.ScopeSelectorOpExists})
	}
	if q.Spec.ScopeSelector != nil {
		selectors = append(selectors, q.Spec.ScopeSelector.MatchExpressions...)
	}
	for _, s := range selectors {
		pod, ok := obj.(*corev1.Pod)
		if !ok || !inScope(pod, s) {
			return false
		}
	}
	return true
}

func inScope(pod *corev1.Pod, s corev1.ScopedResourceSelectorRequirement) bool {
	switch s.ScopeName {
	case corev1.ResourceQuotaScopeTerminating:
		return pod.Spec.ActiveDeadlineSeconds != nil
	case corev1.ResourceQuotaScopeNotTerminating:
		return pod.Spec.ActiveDeadlineSeconds == nil
	case corev1.ResourceQuotaScopeBestEffort:
		return podQOS(&pod.Spec) == corev1.PodQOSBestEffort
	case corev1.ResourceQuotaScopeNotBestEffort:
		return podQOS(&pod.Spec) != corev1.PodQOSBestEffort
	case corev1.ResourceQuotaScopePriorityClass:
		return classInScope(pod.Spec.PriorityClassName, s)
	}
	return false
}

func classInScope(class string, s corev1.ScopedResourceSelectorRequirement) bool {
	switch s.Operator {
	case corev1.ScopeSelectorOpExists:
		return class != ""
	case corev1.ScopeSelectorOpDoesNotExist:
		return class == ""
	case corev1.ScopeSelectorOpIn:
		return slices.Contains(s.Values, class)
	case corev1.ScopeSelectorOpNotIn:
		return !slices.Contains(s.Values, class)
	}
	return false
}
