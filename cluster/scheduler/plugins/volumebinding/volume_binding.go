package volumebinding

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/component-helpers/storage/ephemeral"
	storagehelpers "k8s.io/component-helpers/storage/volume"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// Args are VolumeBindingArgs.
type Args struct {
	// BindTimeoutSeconds is how long PreBind waits for the volume controller; nil is 600.
	BindTimeoutSeconds *int64
}

const defaultBindTimeoutSeconds = 600 // pkg/scheduler/apis/config/v1/defaults.go

// VolumeBinding is a PreFilter, Filter, Reserve and PreBind plugin.
type VolumeBinding struct {
	helper.SignedByVolumes
	handle  *framework.Handle
	assumed *assumed
	timeout time.Duration
	key     framework.StateKey
}

// New returns the plugin.
func New(h *framework.Handle, args Args) *VolumeBinding {
	seconds := int64(defaultBindTimeoutSeconds)
	if args.BindTimeoutSeconds != nil {
		seconds = *args.BindTimeoutSeconds
	}
	return &VolumeBinding{handle: h, assumed: newAssumed(h.Storage), timeout: time.Duration(seconds) * time.Second, key: h.NewStateKey()}
}

func (*VolumeBinding) Name() string { return names.VolumeBinding }

// state is what one attempt knows of the pod's claims.
type state struct {
	bound   []*corev1.PersistentVolumeClaim
	waiting []*corev1.PersistentVolumeClaim // to be bound with the node
	// candidates are the volumes that waiting claims may get, by class.
	candidates map[string][]*corev1.PersistentVolume
	byNode     map[string]*choice
	allBound   bool
}

// choice is what a node would give the pod's waiting claims.
type choice struct {
	bindings   []binding
	provisions []*corev1.PersistentVolumeClaim
}

// binding is a volume for a claim.
type binding struct {
	pvc *corev1.PersistentVolumeClaim
	pv  *corev1.PersistentVolume
}

var skip = framework.NewStatus(framework.Skip)

func refuse(reasons ...string) *framework.Status {
	return framework.Rejection(names.VolumeBinding, framework.UnschedulableAndUnresolvable, reasons...)
}

// PreFilter sorts the pod's claims. Claims that should have been bound before any pod must be.
func (p *VolumeBinding) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	pod := c.Pod.Pod
	if !helper.HasClaims(pod) {
		return nil, skip
	}
	if why := p.illegal(pod); why != "" {
		return nil, refuse(why)
	}
	s := &state{byNode: map[string]*choice{}, candidates: map[string][]*corev1.PersistentVolume{}}
	early := false
	for i := range pod.Spec.Volumes {
		name, _ := helper.ClaimOf(pod, &pod.Spec.Volumes[i])
		if name == "" {
			continue
		}
		pvc := p.assumed.claim(pod.Namespace, name)
		if isBound(pvc) {
			s.bound = append(s.bound, pvc)
			continue
		}
		delayed, err := storagehelpers.IsDelayBindingMode(pvc, classes{p.handle.Storage})
		if err != nil {
			return nil, framework.AsStatus(err)
		}
		if delayed && pvc.Spec.VolumeName == "" {
			s.waiting = append(s.waiting, pvc)
		} else {
			early = true
		}
	}
	if early {
		return nil, refuse("pod has unbound immediate PersistentVolumeClaims")
	}
	for _, pvc := range s.waiting {
		class := storagehelpers.GetPersistentVolumeClaimClass(pvc)
		s.candidates[class] = p.assumed.ofClass(class)
	}
	c.Write(p.key, s)
	return nil, nil
}

// illegal says why a pod's claims let it run nowhere; empty if they don't.
func (p *VolumeBinding) illegal(pod *corev1.Pod) string {
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		if v.PersistentVolumeClaim == nil && v.Ephemeral == nil {
			continue
		}
		name, isEphemeral := helper.ClaimOf(pod, v)
		pvc := p.handle.Storage.PersistentVolumeClaim(pod.Namespace, name)
		switch {
		case pvc == nil && isEphemeral:
			return fmt.Sprintf("waiting for ephemeral volume controller to create the persistentvolumeclaim %q", name)
		case pvc == nil:
			return helper.NotFound("persistentvolumeclaim", name)
		case pvc.Status.Phase == corev1.ClaimLost:
			return fmt.Sprintf("persistentvolumeclaim %q bound to non-existent persistentvolume %q", pvc.Name, pvc.Spec.VolumeName)
		case pvc.DeletionTimestamp != nil:
			return fmt.Sprintf("persistentvolumeclaim %q is being deleted", pvc.Name)
		case isEphemeral:
			if err := ephemeral.VolumeIsForPod(pod, pvc); err != nil {
				return err.Error()
			}
		}
	}
	return ""
}

// isBound reports whether the volume controller has finished with a claim.
func isBound(pvc *corev1.PersistentVolumeClaim) bool {
	_, completed := pvc.Annotations[storagehelpers.AnnBindCompleted]
	return pvc.Spec.VolumeName != "" && completed
}

// classes shows storage classes to component-helpers.
type classes struct{ storage framework.Storage }

func (c classes) Get(name string) (*storagev1.StorageClass, error) {
	if class := c.storage.StorageClass(name); class != nil {
		return class, nil
	}
	return nil, apierrors.NewNotFound(storagev1.Resource("storageclass"), name)
}

func (c classes) List(labels.Selector) ([]*storagev1.StorageClass, error) { return nil, nil }
