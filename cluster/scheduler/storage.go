package scheduler

import (
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// storage is the scheduler as its plugins see volumes: framework.Storage.
type storage Scheduler

// Indices of the informers.
const (
	byClass = "class"
	byNode  = "node"
)

// watchStorage indexes volumes and attachments, and tells the queue of every change.
func (s *Scheduler) watchStorage() {
	k := &s.known
	k.volumes.AddIndex(byClass, func(o api.Object) []string { return []string{o.(*corev1.PersistentVolume).Spec.StorageClassName} })
	k.attachments.AddIndex(byNode, func(o api.Object) []string { return []string{o.(*storagev1.VolumeAttachment).Spec.NodeName} })
	s.moveOn(k.volumes, framework.PersistentVolume)
	s.moveOn(k.claims, framework.PersistentVolumeClaim)
	s.moveOn(k.classes, framework.StorageClass)
	s.moveOn(k.csiNodes, framework.CSINode)
	s.moveOn(k.drivers, framework.CSIDriver)
	s.moveOn(k.attachments, framework.VolumeAttachment)
}

// moveOn brings back pods that a change of a resource may help.
func (s *Scheduler) moveOn(i *client.Informer, resource framework.EventResource) {
	move := func(action framework.ActionType, before, after any) {
		s.chargeEvent()
		s.queue.Move(framework.ClusterEvent{Resource: resource, Action: action}, before, after, nil)
	}
	i.OnEvent(client.Handler{
		Add:    func(o api.Object) { move(framework.Add, nil, o) },
		Update: func(before, after api.Object) { move(framework.Update, before, after) },
		Delete: func(o api.Object) { move(framework.Delete, o, nil) },
	})
}

func (v *storage) PersistentVolumeClaim(namespace, name string) *corev1.PersistentVolumeClaim {
	return get[*corev1.PersistentVolumeClaim](v.known.claims, namespace, name)
}

func (v *storage) PersistentVolume(name string) *corev1.PersistentVolume {
	return get[*corev1.PersistentVolume](v.known.volumes, "", name)
}

func (v *storage) PersistentVolumes(class string) []*corev1.PersistentVolume {
	return api.Items[*corev1.PersistentVolume](v.known.volumes.ByIndex(byClass, class))
}

func (v *storage) StorageClass(name string) *storagev1.StorageClass {
	return get[*storagev1.StorageClass](v.known.classes, "", name)
}

func (v *storage) CSINode(name string) *storagev1.CSINode {
	return get[*storagev1.CSINode](v.known.csiNodes, "", name)
}

func (v *storage) CSIDriver(name string) *storagev1.CSIDriver {
	return get[*storagev1.CSIDriver](v.known.drivers, "", name)
}

func (v *storage) VolumeAttachments(node string) []*storagev1.VolumeAttachment {
	return api.Items[*storagev1.VolumeAttachment](v.known.attachments.ByIndex(byNode, node))
}

func (v *storage) UpdateVolume(pv *corev1.PersistentVolume, done func(*corev1.PersistentVolume, error)) {
	update(v, api.PersistentVolumes, "", pv.Name, pv, done)
}

func (v *storage) UpdateClaim(pvc *corev1.PersistentVolumeClaim, done func(*corev1.PersistentVolumeClaim, error)) {
	update(v, api.PersistentVolumeClaims, pvc.Namespace, pvc.Name, pvc, done)
}

func update[T api.Object](v *storage, r *api.Resource, namespace, name string, object T, done func(T, error)) {
	v.client.Start(&api.Request{Verb: api.VerbUpdate, Resource: r, Namespace: namespace, Name: name, Object: object}, func(answer *api.Response, err error) {
		if err != nil {
			done(object, err)
			return
		}
		done(answer.Object.(T), nil)
	})
}
