package kubelet

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/api/gpu"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim/failpoints"
)

// BugOvercommit is a planted bug: the device manager gives out what it does not have.
const BugOvercommit = "kubelet/gpu-overcommit"

// deviceManager gives pods the node's GPUs (pkg/kubelet/cm/devicemanager, with shares beside whole devices).
type deviceManager struct {
	kubelet  *Kubelet
	resource corev1.ResourceName
	count    int
	reckless bool // BugOvercommit
}

// holding is what a pod holds: so many thousandths of each of some GPUs.
type holding struct {
	indexes []int
	milli   int64
}

func newDeviceManager(k *Kubelet) deviceManager {
	d := deviceManager{kubelet: k}
	if d.resource, d.count = gpu.CountOf(k.config.Capacity); d.count > 0 {
		d.reckless = failpoints.Planted(k.process, BugOvercommit)
	}
	return d
}

// allocate gives a pod the GPUs that its annotation names, or where it names none, what gpu.Choose says. One that has some
// already, from before a restart of the kubelet, keeps them.
func (d *deviceManager) allocate(pod *corev1.Pod) *rejection {
	request, err := gpu.RequestOf(pod)
	if err != nil {
		return unexpected(err)
	}
	if request.GPUs == 0 {
		return nil
	}
	if d.count == 0 {
		if _, annotated := pod.Annotations[gpu.AnnotationMilli]; annotated || pod.Annotations[gpu.AnnotationCount] != "" {
			return unexpected(fmt.Errorf("cannot allocate unregistered device %s", gpu.MilliResource))
		}
		return nil // An extended resource that the node has never heard of does not count.
	}
	if _, has := d.kubelet.machine.checkpoint[pod.UID]; has {
		return nil
	}
	d.releaseInactive()
	indexes, err := d.find(pod, request)
	if err != nil {
		return unexpected(err)
	}
	d.kubelet.machine.checkpoint[pod.UID] = holding{indexes, request.Milli}
	return nil
}

// unexpected is upstream's word for an allocation that the scheduler should not have led to (pkg/kubelet/cm/admission).
func unexpected(err error) *rejection {
	return &rejection{"UnexpectedAdmissionError", fmt.Sprintf("Allocate failed due to %v, which is unexpected", err)}
}

// find returns GPUs for a request, or says what is short: whole devices, or thousandths of the GPU that has most of them.
func (d *deviceManager) find(pod *corev1.Pod, r gpu.Request) ([]int, error) {
	named, err := gpu.Indexes(pod)
	if err != nil {
		return nil, err
	}
	left := d.left()
	if named == nil {
		if chosen := gpu.Choose(left, r); chosen != nil {
			return chosen, nil
		}
		for i := range left {
			named = append(named, i)
		}
	} else if len(named) != r.GPUs {
		return nil, fmt.Errorf("annotation %s names %d GPUs for a request of %d", gpu.AnnotationIndex, len(named), r.GPUs)
	}
	var enough []int
	most := int64(0)
	for _, i := range named {
		if i >= d.count {
			return nil, fmt.Errorf("annotation %s: no GPU %d: there are %d", gpu.AnnotationIndex, i, d.count)
		}
		if most = max(most, left[i]); left[i] >= r.Milli {
			enough = append(enough, i)
		}
	}
	resource := r.Resource(d.resource)
	switch {
	case len(enough) >= r.GPUs:
		return enough, nil
	case d.reckless:
		return named[:min(r.GPUs, len(named))], nil
	case r.GPUs == 1 && resource == gpu.MilliResource:
		return nil, unavailable(resource, r.Milli, most)
	}
	return nil, unavailable(resource, int64(r.GPUs), int64(len(enough)))
}

func unavailable(resource corev1.ResourceName, requested, available int64) error {
	return fmt.Errorf("requested number of devices unavailable for %s. Requested: %d, Available: %d", resource, requested, available)
}

// left is how much of each GPU nobody holds.
func (d *deviceManager) left() []int64 {
	left := make([]int64, d.count)
	for i := range left {
		left[i] = gpu.Whole
	}
	for _, h := range d.kubelet.machine.checkpoint { //sim:unordered sums
		for _, i := range h.indexes {
			left[i] -= h.milli
		}
	}
	return left
}

// of lists what a pod's containers may use.
func (d *deviceManager) of(uid types.UID) []runtime.Device {
	h := d.kubelet.machine.checkpoint[uid]
	var devices []runtime.Device
	for _, i := range h.indexes {
		devices = append(devices, runtime.Device{Index: i, Milli: h.milli})
	}
	return devices
}

func (d *deviceManager) release(uid types.UID) { delete(d.kubelet.machine.checkpoint, uid) }

// releaseInactive takes back what pods hold that have ended or are gone: upstream does so as well when it needs devices, not before.
func (d *deviceManager) releaseInactive() {
	for uid := range d.kubelet.machine.checkpoint { //sim:unordered each is looked at by itself
		if !d.active(uid) {
			d.release(uid)
		}
	}
}

// active reports whether a pod may still use its devices. Upstream does not ask the runtime: there, what is left of a pod
// that was deleted while the kubelet was down can meet the next pod on a device.
func (d *deviceManager) active(uid types.UID) bool {
	k := d.kubelet
	if w := k.workers[uid]; w != nil {
		return !w.terminated
	}
	if pod := k.source.pods[uid]; pod != nil && !api.IsPodTerminal(pod) {
		return true
	}
	for _, s := range k.runtime.Status(uid).Sandboxes {
		if s.Ready {
			return true
		}
	}
	return false
}
