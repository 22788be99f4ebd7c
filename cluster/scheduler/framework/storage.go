package framework

import (
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
)

// Storage is what plugins about volumes see and write. Objects are shared and immutable; lists are in key order. CSIStorageCapacity is no
// resource of this API server: a driver that publishes capacities has none.
type Storage interface {
	PersistentVolumeClaim(namespace, name string) *corev1.PersistentVolumeClaim
	PersistentVolume(name string) *corev1.PersistentVolume
	// PersistentVolumes returns the volumes of a class.
	PersistentVolumes(class string) []*corev1.PersistentVolume
	StorageClass(name string) *storagev1.StorageClass
	CSINode(name string) *storagev1.CSINode
	CSIDriver(name string) *storagev1.CSIDriver
	// VolumeAttachments returns those of a node.
	VolumeAttachments(node string) []*storagev1.VolumeAttachment

	// UpdateVolume and UpdateClaim write; done is called when the API server has answered.
	UpdateVolume(pv *corev1.PersistentVolume, done func(*corev1.PersistentVolume, error))
	UpdateClaim(pvc *corev1.PersistentVolumeClaim, done func(*corev1.PersistentVolumeClaim, error))
}

// NoStorage is a cluster without volumes, classes and drivers.
type NoStorage struct{}

func (NoStorage) PersistentVolumeClaim(string, string) *corev1.PersistentVolumeClaim { return nil }
func (NoStorage) PersistentVolume(string) *corev1.PersistentVolume                   { return nil }
func (NoStorage) PersistentVolumes(string) []*corev1.PersistentVolume                { return nil }
func (NoStorage) StorageClass(string) *storagev1.StorageClass                        { return nil }
func (NoStorage) CSINode(string) *storagev1.CSINode                                  { return nil }
func (NoStorage) CSIDriver(string) *storagev1.CSIDriver                              { return nil }
func (NoStorage) VolumeAttachments(string) []*storagev1.VolumeAttachment             { return nil }

func (NoStorage) UpdateVolume(pv *corev1.PersistentVolume, done func(*corev1.PersistentVolume, error)) {
	done(pv, nil)
}

func (NoStorage) UpdateClaim(pvc *corev1.PersistentVolumeClaim, done func(*corev1.PersistentVolumeClaim, error)) {
	done(pvc, nil)
}
