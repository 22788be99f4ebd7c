package api

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ControllerOf returns the object's managing controller's reference, or nil. The pointer is into the object.
func ControllerOf(m *metav1.ObjectMeta) *metav1.OwnerReference {
	for i := range m.OwnerReferences {
		if c := m.OwnerReferences[i].Controller; c != nil && *c {
			return &m.OwnerReferences[i]
		}
	}
	return nil
}

// ControllerRef builds the reference by which owner controls an object, as metav1.NewControllerRef does.
func ControllerRef(owner Object) metav1.OwnerReference {
	r, m := ResourceOf(owner), Meta(owner)
	return metav1.OwnerReference{
		APIVersion: r.APIVersion(), Kind: r.Kind, Name: m.Name, UID: m.UID,
		Controller: Ptr(true), BlockOwnerDeletion: Ptr(true),
	}
}

// IsControlledBy reports whether the managing controller of m has the uid.
func IsControlledBy(m *metav1.ObjectMeta, uid types.UID) bool {
	ref := ControllerOf(m)
	return ref != nil && ref.UID == uid
}

// OwnerIndex returns the position of the owner with uid in m's references, or -1.
func OwnerIndex(m *metav1.ObjectMeta, uid types.UID) int {
	for i := range m.OwnerReferences {
		if m.OwnerReferences[i].UID == uid {
			return i
		}
	}
	return -1
}
