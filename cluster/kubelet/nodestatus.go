package kubelet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// What every simulated node says of its software.
const (
	kubeletVersion = "v1.36.3"
	kernelVersion  = "6.8.0-87-generic"
	osImage        = "Ubuntu 24.04.3 LTS"
	kubeletPort    = 10250
	// maxImages is how many images a node reports: nodeStatusMaxImages.
	maxImages = 50
	// EvictionMemory is kept back of a node's memory, and a tenth of its disk: evictionHard memory.available<100Mi and
	// nodefs.available<10% (pkg/kubelet/eviction/defaults_linux.go).
	EvictionMemory        = 100 << 20
	evictionStorageTenths = 1
)

// defaults fills what a capacity leaves out: 110 pods, 100 GiB of disk, no huge pages.
func fullCapacity(c corev1.ResourceList) corev1.ResourceList {
	out := api.Quantities("pods", "110", "ephemeral-storage", "100Gi", "hugepages-1Gi", "0", "hugepages-2Mi", "0")
	for name, q := range c { //sim:unordered builds another map
		out[name] = q
	}
	return out
}

// allocatableOf is the capacity less what the kubelet keeps for evictions.
func allocatableOf(capacity corev1.ResourceList) corev1.ResourceList {
	out := corev1.ResourceList{}
	for name, q := range capacity { //sim:unordered builds another map
		out[name] = q.DeepCopy()
	}
	if m := capacity.Memory().Value(); m > EvictionMemory {
		out[corev1.ResourceMemory] = *resource.NewQuantity(m-EvictionMemory, resource.BinarySI)
	}
	if s := capacity.StorageEphemeral().Value(); s > 0 {
		out[corev1.ResourceEphemeralStorage] = *resource.NewQuantity(s-s/10*evictionStorageTenths, resource.DecimalSI)
	}
	return out
}

// machineID is a stable identifier of a machine or of one of its boots: 32 hexadecimal digits.
func machineID(parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(parts...)))
	return hex.EncodeToString(sum[:16])
}

// dashed writes 32 hexadecimal digits as a UUID.
func dashed(id string) string {
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:32]}, "-")
}

// facts are what a node's status is computed from.
type facts struct {
	capacity, allocatable corev1.ResourceList
	addresses             []corev1.NodeAddress
	info                  corev1.NodeSystemInfo
	images                []corev1.ContainerImage
	volumesInUse          []corev1.UniqueVolumeName
	// notReady are the kubelet's complaints, in the order of its checks.
	notReady                     []string
	memoryPressure, diskPressure bool
	pidPressure                  bool
	now                          metav1.Time
}

// apply returns the node's status with the facts, and the events that the changes are worth: (reason of a status event
// such as NodeReady).
func (f *facts) apply(old *corev1.NodeStatus) (corev1.NodeStatus, []string) {
	s := *old
	s.Capacity, s.Allocatable = f.capacity, f.allocatable
	s.Addresses, s.NodeInfo = f.addresses, f.info
	s.DaemonEndpoints.KubeletEndpoint.Port = kubeletPort
	s.Images, s.VolumesInUse = f.images, f.volumesInUse
	s.RuntimeHandlers, s.Features = runtimeHandlers, &nodeFeatures
	s.Conditions = append([]corev1.NodeCondition(nil), old.Conditions...)
	var events []string
	pressure := func(t corev1.NodeConditionType, under bool, yes, no wording) {
		events = append(events, f.pressure(&s, t, under, yes, no)...)
	}
	pressure(corev1.NodeMemoryPressure, f.memoryPressure,
		wording{"KubeletHasInsufficientMemory", "kubelet has insufficient memory available", "NodeHasInsufficientMemory"},
		wording{"KubeletHasSufficientMemory", "kubelet has sufficient memory available", "NodeHasSufficientMemory"})
	pressure(corev1.NodeDiskPressure, f.diskPressure,
		wording{"KubeletHasDiskPressure", "kubelet has disk pressure", "NodeHasDiskPressure"},
		wording{"KubeletHasNoDiskPressure", "kubelet has no disk pressure", "NodeHasNoDiskPressure"})
	pressure(corev1.NodePIDPressure, f.pidPressure,
		wording{"KubeletHasInsufficientPID", "kubelet has insufficient PID available", "NodeHasInsufficientPID"},
		wording{"KubeletHasSufficientPID", "kubelet has sufficient PID available", "NodeHasSufficientPID"})
	return s, append(events, f.ready(&s)...)
}

var (
	runtimeHandlers = []corev1.NodeRuntimeHandler{
		{Name: "", Features: &corev1.NodeRuntimeHandlerFeatures{RecursiveReadOnlyMounts: api.Ptr(true), UserNamespaces: api.Ptr(true)}},
		{Name: "runc", Features: &corev1.NodeRuntimeHandlerFeatures{RecursiveReadOnlyMounts: api.Ptr(true), UserNamespaces: api.Ptr(true)}},
	}
	nodeFeatures = corev1.NodeFeatures{SupplementalGroupsPolicy: api.Ptr(true)}
)

// wording is how a pressure condition speaks: its reason and message, and the event.
type wording struct{ reason, message, event string }

// pressure sets one condition: its reason and message change only with its status.
func (f *facts) pressure(s *corev1.NodeStatus, t corev1.NodeConditionType, under bool, yes, no wording) []string {
	c := nodeCondition(s, t)
	if c == nil {
		s.Conditions = append(s.Conditions, corev1.NodeCondition{Type: t, Status: corev1.ConditionUnknown})
		c = &s.Conditions[len(s.Conditions)-1]
	}
	c.LastHeartbeatTime = f.now
	status, words := corev1.ConditionFalse, no
	if under {
		status, words = corev1.ConditionTrue, yes
	}
	if c.Status == status {
		return nil
	}
	c.Status, c.Reason, c.Message, c.LastTransitionTime = status, words.reason, words.message, f.now
	return []string{words.event}
}

func nodeCondition(s *corev1.NodeStatus, t corev1.NodeConditionType) *corev1.NodeCondition {
	for i := range s.Conditions {
		if s.Conditions[i].Type == t {
			return &s.Conditions[i]
		}
	}
	return nil
}

// ready sets the Ready condition, the last of a new node.
func (f *facts) ready(s *corev1.NodeStatus) []string {
	next := corev1.NodeCondition{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
		Message: "kubelet is posting ready status", LastHeartbeatTime: f.now, LastTransitionTime: f.now,
	}
	if len(f.notReady) > 0 {
		next.Status, next.Reason, next.Message = corev1.ConditionFalse, "KubeletNotReady", aggregate(f.notReady)
	}
	c := nodeCondition(s, corev1.NodeReady)
	if c == nil {
		s.Conditions = append(s.Conditions, next)
		return nil
	}
	same := c.Status == next.Status
	if same {
		next.LastTransitionTime = c.LastTransitionTime
	}
	*c = next
	switch {
	case same:
		return nil
	case next.Status == corev1.ConditionTrue:
		return []string{"NodeReady"}
	}
	return []string{"NodeNotReady"}
}

// aggregate joins messages as utilerrors.Aggregate does.
func aggregate(messages []string) string {
	if len(messages) == 1 {
		return messages[0]
	}
	return "[" + strings.Join(messages, ", ") + "]"
}

// nodeStatusChanged compares all but the heartbeat times.
func nodeStatusChanged(a, b *corev1.NodeStatus) bool {
	if len(a.Conditions) != len(b.Conditions) {
		return true
	}
	for i := range a.Conditions {
		is := nodeCondition(b, a.Conditions[i].Type)
		if is == nil {
			return true
		}
		x, y := a.Conditions[i], *is
		x.LastHeartbeatTime, y.LastHeartbeatTime = metav1.Time{}, metav1.Time{}
		if x.Status != y.Status || x.Reason != y.Reason || x.Message != y.Message || !x.LastTransitionTime.Equal(&y.LastTransitionTime) {
			return true
		}
	}
	if sharesRest(a, b) {
		return false
	}
	x, y := *a, *b
	x.Conditions, y.Conditions = nil, nil
	return !equality.Semantic.DeepEqual(&x, &y)
}

// sharesRest reports that all but the conditions is equal because the very same maps and slices are in both, as when
// nothing has happened since the status was sent.
func sharesRest(a, b *corev1.NodeStatus) bool {
	return sameMap(a.Capacity, b.Capacity) && sameMap(a.Allocatable, b.Allocatable) &&
		a.Phase == b.Phase && slices.Equal(a.Addresses, b.Addresses) && a.DaemonEndpoints == b.DaemonEndpoints && a.NodeInfo == b.NodeInfo &&
		len(a.Images)+len(b.Images)+len(a.VolumesInUse)+len(b.VolumesInUse)+len(a.VolumesAttached)+len(b.VolumesAttached) == 0 &&
		a.Config == b.Config && a.Features == b.Features && slices.Equal(a.RuntimeHandlers, b.RuntimeHandlers) && slices.Equal(a.DeclaredFeatures, b.DeclaredFeatures)
}

func sameMap(a, b corev1.ResourceList) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}

// imageList is what a node reports of its images.
func imageList(images []runtime.ImageStatus) []corev1.ContainerImage {
	if len(images) > maxImages {
		images = images[:maxImages]
	}
	out := make([]corev1.ContainerImage, len(images))
	for i, image := range images {
		out[i] = corev1.ContainerImage{Names: []string{runtime.Reference(image.Name), image.Name}, SizeBytes: image.Bytes}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// systemInfo describes the machine's boot-th boot.
func systemInfo(node string, boot uint32) corev1.NodeSystemInfo {
	return corev1.NodeSystemInfo{
		MachineID: machineID("machine/", node), SystemUUID: dashed(machineID("system/", node)), BootID: dashed(machineID("boot/", node, "/", boot)),
		KernelVersion: kernelVersion, OSImage: osImage, ContainerRuntimeVersion: "containerd://" + runtime.Version,
		KubeletVersion: kubeletVersion, OperatingSystem: "linux", Architecture: "amd64",
	}
}

// labelsOf are the labels that a kubelet gives its node; own ones win.
func labelsOf(node string, own map[string]string) map[string]string {
	out := map[string]string{
		corev1.LabelHostname: node, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
		"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
	}
	for k, v := range own { //sim:unordered builds another map
		out[k] = v
	}
	return out
}
