package volumebinding

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// assumed shows volumes and claims as they will be once what Reserve chose is written. An assumed version counts as long as the informer's
// is the one that it was made from.
type assumed struct {
	storage framework.Storage
	volumes map[string]*corev1.PersistentVolume
	claims  map[string]*corev1.PersistentVolumeClaim // "namespace/name"
}

func newAssumed(s framework.Storage) *assumed {
	return &assumed{storage: s, volumes: map[string]*corev1.PersistentVolume{}, claims: map[string]*corev1.PersistentVolumeClaim{}}
}

func keyOf(pvc *corev1.PersistentVolumeClaim) string { return pvc.Namespace + "/" + pvc.Name }

func (a *assumed) volume(name string) *corev1.PersistentVolume {
	return a.asAssumed(a.storage.PersistentVolume(name))
}

func (a *assumed) asAssumed(known *corev1.PersistentVolume) *corev1.PersistentVolume {
	if known == nil {
		return nil
	}
	if v := a.volumes[known.Name]; v != nil {
		if v.ResourceVersion == known.ResourceVersion {
			return v
		}
		delete(a.volumes, known.Name)
	}
	return known
}

// ofClass returns the volumes of a class.
func (a *assumed) ofClass(class string) []*corev1.PersistentVolume {
	known := a.storage.PersistentVolumes(class)
	list := make([]*corev1.PersistentVolume, len(known))
	for i := range known {
		list[i] = a.asAssumed(known[i])
	}
	return list
}

func (a *assumed) claim(namespace, name string) *corev1.PersistentVolumeClaim {
	known := a.storage.PersistentVolumeClaim(namespace, name)
	if known == nil {
		return nil
	}
	if c := a.claims[keyOf(known)]; c != nil {
		if c.ResourceVersion == known.ResourceVersion {
			return c
		}
		delete(a.claims, keyOf(known))
	}
	return known
}

func (a *assumed) assumeVolume(pv *corev1.PersistentVolume) error {
	known := a.storage.PersistentVolume(pv.Name)
	if known == nil {
		return fmt.Errorf("persistentvolumes %q not found", pv.Name)
	}
	if known.ResourceVersion != pv.ResourceVersion {
		return fmt.Errorf("%q is out of sync (stored: %s, assume: %s)", pv.Name, known.ResourceVersion, pv.ResourceVersion)
	}
	a.volumes[pv.Name] = pv
	return nil
}

func (a *assumed) assumeClaim(pvc *corev1.PersistentVolumeClaim) error {
	known := a.storage.PersistentVolumeClaim(pvc.Namespace, pvc.Name)
	if known == nil {
		return fmt.Errorf("persistentvolumeclaims %q not found", keyOf(pvc))
	}
	if known.ResourceVersion != pvc.ResourceVersion {
		return fmt.Errorf("%q is out of sync (stored: %s, assume: %s)", keyOf(pvc), known.ResourceVersion, pvc.ResourceVersion)
	}
	a.claims[keyOf(pvc)] = pvc
	return nil
}

// revert forgets assumed versions; those that have been written since are newer and stay.
func (a *assumed) revert(bindings []binding, provisions []*corev1.PersistentVolumeClaim) {
	for _, b := range bindings {
		if v := a.volumes[b.pv.Name]; v != nil && v.ResourceVersion == b.pv.ResourceVersion {
			delete(a.volumes, b.pv.Name)
		}
	}
	for _, pvc := range provisions {
		if c := a.claims[keyOf(pvc)]; c != nil && c.ResourceVersion == pvc.ResourceVersion {
			delete(a.claims, keyOf(pvc))
		}
	}
}
