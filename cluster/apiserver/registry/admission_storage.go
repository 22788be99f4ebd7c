package registry

import (
	"slices"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	claimProtection  = "kubernetes.io/pvc-protection"
	volumeProtection = "kubernetes.io/pv-protection"
	// defaultClassAnnotation marks the storage class of claims that name none.
	defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class"
)

// inUseProtection keeps claims and volumes until nobody uses them.
func inUseProtection(finalizer string) admission {
	return func(_ *Context, req *attributes) error {
		if m := api.Meta(req.obj); req.old == nil && !slices.Contains(m.Finalizers, finalizer) {
			m.Finalizers = api.Append(m.Finalizers, finalizer)
		}
		return nil
	}
}

// defaultStorageClass gives a claim without class the default one: the newest, then the first by name.
func defaultStorageClass(ctx *Context, req *attributes) error {
	claim, ok := req.obj.(*corev1.PersistentVolumeClaim)
	if !ok || req.old != nil || claim.Spec.StorageClassName != nil {
		return nil
	}
	if _, has := claim.Annotations[corev1.BetaStorageClassAnnotation]; has {
		return nil
	}
	var found *storagev1.StorageClass
	ctx.Lookup.Each(api.StorageClasses, "", func(o api.Object) bool {
		c := o.(*storagev1.StorageClass)
		if c.Annotations[defaultClassAnnotation] == "true" && (found == nil || found.CreationTimestamp.Before(&c.CreationTimestamp)) {
			found = c
		}
		return true
	})
	if found != nil {
		claim.Spec.StorageClassName = &found.Name
	}
	return nil
}

// defaultIngressClass does the same for ingresses.
func defaultIngressClass(ctx *Context, req *attributes) error {
	ing := req.obj.(*networkingv1.Ingress)
	if req.old != nil || ing.Spec.IngressClassName != nil || metav1.HasAnnotation(ing.ObjectMeta, "kubernetes.io/ingress.class") {
		return nil
	}
	ctx.Lookup.Each(api.IngressClasses, "", func(o api.Object) bool {
		c := o.(*networkingv1.IngressClass)
		if c.Annotations[networkingv1.AnnotationIsDefaultIngressClass] != "true" {
			return true
		}
		ing.Spec.IngressClassName = &c.Name
		return false
	})
	return nil
}

// taintNewNode keeps pods off a node until its conditions are known (admission plugin TaintNodesByCondition).
func taintNewNode(ctx *Context, req *attributes) error {
	node := req.obj.(*corev1.Node)
	if req.old != nil || ctx.Without.has(AdmitTaintNodesByCondition) {
		return nil
	}
	taint := corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}
	for _, t := range node.Spec.Taints {
		if t.MatchTaint(&taint) {
			return nil
		}
	}
	node.Spec.Taints = api.Append(node.Spec.Taints, taint)
	return nil
}
