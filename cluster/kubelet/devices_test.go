package kubelet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/api/gpu"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
)

// gpuWorld has one node with two GPUs, and hears who uses them.
func gpuWorld(t testing.TB) *world {
	t.Helper()
	w := newWorldOf(t, sim.Config{Seed: 7}, nil, 1, api.Quantities("cpu", "64", "memory", "64Gi", "nvidia.com/gpu", "2"))
	w.eventually(30*time.Second, "the node is ready", func() bool { o := w.node("node-0"); return o != nil && api.IsNodeReady(o) })
	return w
}

// sharing is a pod on the node that asks for GPUs by annotation; index may be empty.
func sharing(name string, r gpu.Request, index string) *corev1.Pod {
	p := bound(name, "node-0")
	p.Annotations = r.Annotations()
	if index != "" {
		p.Annotations[gpu.AnnotationIndex] = index
	}
	return p
}

func whole(name, count string) *corev1.Pod {
	c := corev1.Container{Name: "c", Image: "nginx:1.25"}
	c.Resources.Requests = api.Quantities("nvidia.com/gpu", count)
	c.Resources.Limits = c.Resources.Requests
	return bound(name, "node-0", c)
}

// uses are the devices of a pod's sandbox, as the runtime was told.
func (w *world) uses(name string) (devices []runtime.Device) {
	for _, u := range w.devices {
		if u.Name == "default/"+name {
			if devices = nil; u.Taken {
				devices = u.Devices
			}
		}
	}
	return devices
}

func (w *world) failed(name string) bool {
	p := w.pod(name)
	return p != nil && p.Status.Phase == corev1.PodFailed
}

// rejected waits for a refusal and checks how it reads.
func (w *world) rejected(name, message string) {
	w.Helper()
	w.eventually(10*time.Second, name+" is rejected", func() bool { return w.failed(name) })
	s := w.pod(name).Status
	if s.Reason != "UnexpectedAdmissionError" || s.Message != "Pod was rejected: "+message {
		w.Errorf("%s: %s: %s", name, s.Reason, s.Message)
	}
	w.run(2 * time.Second)
	if !contains(w.events(name), "UnexpectedAdmissionError: "+message) {
		w.Errorf("%s: events %q", name, w.events(name))
	}
}

func (w *world) starts(pods ...*corev1.Pod) {
	w.Helper()
	for _, p := range pods {
		w.create(p)
		w.eventually(30*time.Second, p.Name+" runs", func() bool { return w.running(p.Name) })
	}
}

func TestPodsGetTheirGPUs(t *testing.T) {
	w := gpuWorld(t)
	if n := w.node("node-0"); n.Status.Capacity.Name("nvidia.com/gpu", "").Value() != 2 || n.Status.Allocatable.Name("nvidia.com/gpu", "").Value() != 2 {
		t.Errorf("capacity %v, allocatable %v", n.Status.Capacity, n.Status.Allocatable)
	}
	w.starts(sharing("named", gpu.Request{GPUs: 1, Milli: 300}, "1"), sharing("tight", gpu.Request{GPUs: 1, Milli: 500}, ""), whole("whole", "1"))
	for name, want := range map[string][]runtime.Device{"named": {{Index: 1, Milli: 300}}, "tight": {{Index: 1, Milli: 500}}, "whole": {{Index: 0, Milli: 1000}}} {
		if got := w.uses(name); !slices.Equal(got, want) {
			t.Errorf("%s uses %v, want %v", name, got, want)
		}
	}
	w.create(sharing("late", gpu.Request{GPUs: 1, Milli: 300}, "1"))
	w.rejected("late", "Allocate failed due to requested number of devices unavailable for alibabacloud.com/gpu-milli. Requested: 300, Available: 200, which is unexpected")
	w.create(whole("more", "1"))
	w.rejected("more", "Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. Requested: 1, Available: 0, which is unexpected")
	w.create(sharing("beyond", gpu.Request{GPUs: 1, Milli: 100}, "2"))
	w.rejected("beyond", "Allocate failed due to annotation alibabacloud.com/gpu-index: no GPU 2: there are 2, which is unexpected")
	w.delete("named")
	w.eventually(30*time.Second, "named is gone", func() bool { return w.pod("named") == nil })
	w.starts(sharing("next", gpu.Request{GPUs: 1, Milli: 500}, "1"))
}

// Devices of a pod that was refused for another reason are free.
func TestARefusedPodHoldsNoGPU(t *testing.T) {
	w := gpuWorld(t)
	c := whole("big", "2")
	c.Spec.Containers[0].Resources.Requests = api.Quantities("nvidia.com/gpu", "2", "cpu", "100")
	w.create(c)
	w.eventually(10*time.Second, "it is rejected", func() bool { return w.failed("big") })
	if reason := w.pod("big").Status.Reason; reason != "OutOfcpu" {
		t.Error(reason)
	}
	w.starts(whole("small", "2"))
}

// A restarted kubelet knows from its checkpoint who has which GPU, although the pods do not say so.
func TestGPUsSurviveARestart(t *testing.T) {
	w := gpuWorld(t)
	w.starts(sharing("a", gpu.Request{GPUs: 1, Milli: 600}, ""), sharing("b", gpu.Request{GPUs: 1, Milli: 600}, ""))
	w.delete("a")
	w.eventually(30*time.Second, "a is gone", func() bool { return w.pod("a") == nil })
	w.nodes[0].Process.Kill()
	w.run(time.Second)
	w.nodes[0].Process.Restart(0)
	w.run(30 * time.Second)
	if !w.running("b") || !slices.Equal(w.uses("b"), []runtime.Device{{Index: 1, Milli: 600}}) {
		t.Errorf("b uses %v", w.uses("b"))
	}
	w.create(sharing("c", gpu.Request{GPUs: 1, Milli: 600}, "1"))
	w.rejected("c", "Allocate failed due to requested number of devices unavailable for alibabacloud.com/gpu-milli. Requested: 600, Available: 400, which is unexpected")
	w.starts(sharing("d", gpu.Request{GPUs: 1, Milli: 600}, ""))
	if !slices.Equal(w.uses("d"), []runtime.Device{{Index: 0, Milli: 600}}) {
		t.Errorf("d uses %v", w.uses("d"))
	}
}

// A pod that has ended leaves its GPU to others, before anybody deletes it.
func TestAPodThatHasEndedHoldsNoGPU(t *testing.T) {
	w := newWorldOf(t, sim.Config{Seed: 7}, map[string]runtime.Image{"job": {RunFor: 2 * time.Second}}, 1, api.Quantities("cpu", "4", "memory", "8Gi", "nvidia.com/gpu", "1"))
	w.eventually(30*time.Second, "the node is ready", func() bool { o := w.node("node-0"); return o != nil && api.IsNodeReady(o) })
	job := whole("job", "1")
	job.Spec.Containers[0].Image, job.Spec.RestartPolicy = "job", corev1.RestartPolicyNever
	w.create(job)
	w.eventually(30*time.Second, "the job has ended", func() bool { p := w.pod("job"); return p != nil && p.Status.Phase == corev1.PodSucceeded })
	w.run(3 * time.Second)
	w.starts(whole("next", "1"))
}

func TestSillyAnnotationsAreRejected(t *testing.T) {
	w := gpuWorld(t)
	p := sharing("p", gpu.Request{GPUs: 1, Milli: 300}, "0")
	p.Annotations[gpu.AnnotationMilli] = "lots"
	w.create(p)
	w.eventually(10*time.Second, "it is rejected", func() bool { return w.failed("p") })
	if m := w.pod("p").Status.Message; !strings.Contains(m, `annotation alibabacloud.com/gpu-milli: want a whole number from 0 to 1000, got "lots"`) {
		t.Error(m)
	}
}
