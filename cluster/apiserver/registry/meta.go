package registry

import (
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// nameRule is what a kind's name must look like.
type nameRule struct {
	ok      func(string) bool              // quick; what it accepts is valid
	explain apivalidation.ValidateNameFunc // slow, gives the messages
}

var (
	subdomainName = nameRule{isSubdomain, apivalidation.NameIsDNSSubdomain}
	labelName     = nameRule{isLabel, apivalidation.NameIsDNSLabel}
	serviceName   = nameRule{isLabel1035, apivalidation.NameIsDNS1035Label}
	segmentName   = nameRule{isLabel, pathSegment}
)

func pathSegment(name string, prefix bool) []string {
	switch {
	case name == "." || name == "..":
		return []string{"may not be '" + name + "'"}
	case name == "":
		return nil
	}
	var msgs []string
	for _, illegal := range []byte{'/', '%'} {
		for i := range len(name) {
			if name[i] == illegal {
				msgs = append(msgs, "may not contain '"+string(illegal)+"'")
				break
			}
		}
	}
	return msgs
}

// validateMeta checks metadata. The quick check accepts what practically every object has; anything it does not know
// goes through the library, which has the messages.
func validateMeta(m *metav1.ObjectMeta, namespaced bool, rule nameRule) field.ErrorList {
	if quickMeta(m, namespaced, rule) {
		return nil
	}
	return apivalidation.ValidateObjectMeta(m, namespaced, rule.explain, field.NewPath("metadata"))
}

func quickMeta(m *metav1.ObjectMeta, namespaced bool, rule nameRule) bool {
	if m.Name == "" || !rule.ok(m.Name) || m.Generation < 0 {
		return false
	}
	if m.GenerateName != "" && !isSubdomain(m.GenerateName+"x") {
		return false
	}
	if namespaced != (m.Namespace != "") || namespaced && !isLabel(m.Namespace) {
		return false
	}
	return quickLabels(m.Labels) && quickAnnotations(m.Annotations) && quickOwners(m.OwnerReferences) && quickFinalizers(m.Finalizers)
}

func quickLabels(labels map[string]string) bool {
	for k, v := range labels { //sim:unordered all must hold
		if !isQualified(k) || !isLabelValue(v) {
			return false
		}
	}
	return true
}

func quickAnnotations(annotations map[string]string) bool {
	size := 0
	for k, v := range annotations { //sim:unordered a sum, and all must hold
		if !isQualified(k) {
			return false
		}
		size += len(k) + len(v)
	}
	return size <= apivalidation.TotalAnnotationSizeLimitB
}

func quickOwners(refs []metav1.OwnerReference) bool {
	controllers := 0
	for i := range refs {
		r := &refs[i]
		if r.APIVersion == "" || r.Kind == "" || r.Name == "" || r.UID == "" || r.Kind == "Event" {
			return false
		}
		if r.Controller != nil && *r.Controller {
			controllers++
		}
	}
	return controllers <= 1
}

func quickFinalizers(finalizers []string) bool {
	for _, f := range finalizers {
		if !isQualified(f) {
			return false
		}
		if f == metav1.FinalizerOrphanDependents || f == metav1.FinalizerDeleteDependents {
			return len(finalizers) == 1
		}
	}
	return true
}

// validateMetaUpdate checks what may change in metadata. keepMeta has restored what a client may not touch, so labels,
// annotations, owners and finalizers are what is left; unchanged maps are not looked at again.
func validateMetaUpdate(m, old *metav1.ObjectMeta) field.ErrorList {
	quick := quickLabels(m.Labels) && quickAnnotations(m.Annotations) && quickOwners(m.OwnerReferences) && quickFinalizers(m.Finalizers)
	if quick && old.DeletionTimestamp == nil && m.DeletionTimestamp == nil {
		return nil
	}
	path := field.NewPath("metadata")
	errs := apivalidation.ValidateObjectMetaUpdate(m, old, path)
	if quick {
		return errs
	}
	return append(errs, apivalidation.ValidateAnnotations(m.Annotations, path.Child("annotations"))...)
}
