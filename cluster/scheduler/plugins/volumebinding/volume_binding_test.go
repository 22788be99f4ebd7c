package volumebinding_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	storagehelpers "k8s.io/component-helpers/storage/volume"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/volumebinding"
)

// fixture is a node, a class that waits for its first consumer, a volume of it, and a pod with a claim.
type fixture struct {
	fakes  *testcluster.Fakes
	plugin *volumebinding.VolumeBinding
	cycle  *framework.Cycle
	node   *framework.NodeInfo
}

func newFixture(provisioner string, volumes ...string) *fixture {
	f := &fixture{fakes: testcluster.NewFakes()}
	v := f.fakes.Volumes
	v.Classes = []*storagev1.StorageClass{{ObjectMeta: metav1.ObjectMeta{Name: "late"}, Provisioner: provisioner, VolumeBindingMode: api.Ptr(storagev1.VolumeBindingWaitForFirstConsumer)}}
	for _, name := range volumes {
		pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: "1"}}
		pv.Spec.StorageClassName, pv.Spec.Capacity = "late", api.Quantities("storage", "1Gi")
		pv.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
		pv.Status.Phase = corev1.VolumeAvailable
		v.PVs = append(v.PVs, pv)
	}
	pvc := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: "data", UID: "u", ResourceVersion: "1"}}
	pvc.Spec.StorageClassName, pvc.Spec.Resources.Requests = api.Ptr("late"), api.Quantities("storage", "1Gi")
	pvc.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	v.Claims = []*corev1.PersistentVolumeClaim{pvc}

	symbols, snapshot := framework.NewSymbols(), framework.NewSnapshot()
	f.plugin = volumebinding.New(f.fakes.Handle(symbols), volumebinding.Args{})
	c := cache.New(symbols)
	c.AddNode(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}})
	c.UpdateSnapshot(snapshot)
	f.node = snapshot.Node("n")
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: "p", UID: "p"}}
	pod.Spec.NodeName = "n"
	pod.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
	f.fakes.Pods["one/p"] = pod
	f.cycle = framework.NewCycle(symbols.NewPodInfo(pod), snapshot)
	return f
}

// upToReserve runs an attempt up to Reserve.
func (f *fixture) upToReserve(t *testing.T) {
	t.Helper()
	if _, s := f.plugin.PreFilter(f.cycle); !s.IsSuccess() {
		t.Fatal(s)
	}
	if s := f.plugin.Filter(f.cycle, f.node); !s.IsSuccess() {
		t.Fatal(s)
	}
	if s := f.plugin.Reserve(f.cycle, "n"); !s.IsSuccess() {
		t.Fatal(s)
	}
}

// controller is the volume controller in one line: what the fakes are asked to write, it completes.
func (f *fixture) controller() {
	v := f.fakes.Volumes
	bound := v.Claims[0].DeepCopy()
	bound.Spec.VolumeName = "a"
	metav1.SetMetaDataAnnotation(&bound.ObjectMeta, storagehelpers.AnnBindCompleted, "yes")
	v.Claims[0] = bound
}

func TestBindsTheFirstVolumeByName(t *testing.T) {
	f := newFixture(storagehelpers.NotSupportedProvisioner, "a", "b")
	f.upToReserve(t)
	if s := f.plugin.PreFlight(f.cycle, "n"); !s.IsSuccess() {
		t.Fatal(s)
	}
	var status *framework.Status
	calls := 0
	// The binding is complete by the time of the second look.
	looks := 0
	f.fakes.After = func(then func()) {
		if looks++; looks == 2 {
			f.controller()
		}
		then()
	}
	f.plugin.PreBind(f.cycle, "n", func(s *framework.Status) { status, calls = s, calls+1 })
	if calls != 1 || !status.IsSuccess() || looks != 2 || !slices.Equal(f.fakes.Volumes.Wrote, []string{"volume a for data"}) {
		t.Error(calls, status, looks, f.fakes.Volumes.Wrote)
	}
}

func TestTwoPodsDontGetOneVolume(t *testing.T) {
	f := newFixture(storagehelpers.NotSupportedProvisioner, "a")
	f.upToReserve(t)
	other := f.fakes.Volumes.Claims[0].DeepCopy()
	other.Name, other.UID = "other", "v"
	f.fakes.Volumes.Claims = append(f.fakes.Volumes.Claims, other)
	pod := api.Shallow(f.cycle.Pod.Pod)
	pod.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "other"}}}}
	next := framework.NewCycle(framework.NewSymbols().NewPodInfo(pod), f.cycle.Snapshot)
	filter := func() string {
		f.plugin.PreFilter(next)
		return f.plugin.Filter(next, f.node).Message()
	}
	if got := filter(); got != "node(s) didn't find available persistent volumes to bind" {
		t.Error(got)
	}
	f.plugin.Unreserve(f.cycle, "n")
	if got := filter(); got != "" {
		t.Error("after Unreserve: ", got)
	}
}

func TestProvisionsAndGivesUp(t *testing.T) {
	f := newFixture("disk.example.com")
	f.upToReserve(t)
	looks := 0
	f.fakes.After = func(then func()) { looks++; then() }
	var status *framework.Status
	f.plugin.PreBind(f.cycle, "n", func(s *framework.Status) { status = s })
	if status.Message() != "binding volumes: context deadline exceeded" || looks != 600 || !slices.Equal(f.fakes.Volumes.Wrote, []string{"claim data on n"}) {
		t.Error(status, looks, f.fakes.Volumes.Wrote)
	}
}
