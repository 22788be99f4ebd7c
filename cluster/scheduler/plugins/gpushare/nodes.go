package gpushare

import (
	"cmp"
	"slices"

	"github.com/fauxkube/fauxkube/cluster/api/gpu"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// follow looks again at the nodes that have changed.
func (p *Plugin) follow(s *framework.Snapshot) {
	p.follower.Follow(s, func(slot int32) {
		info := s.Nodes[slot]
		if info == nil || info.Node == nil {
			p.table.Set(int(slot), nil)
			return
		}
		for _, pod := range info.Pods {
			if _, reserved := p.reserved[pod.Pod.UID]; reserved && pod.Pod.Annotations[gpu.AnnotationIndex] != "" {
				delete(p.reserved, pod.Pod.UID)
			}
		}
		p.table.Set(int(slot), p.nodeOf(info))
	})
}

// nodeOf is what a node has left.
func (p *Plugin) nodeOf(info *framework.NodeInfo) *policies.Node {
	_, count := gpu.CountOf(info.Node.Status.Allocatable)
	n := &policies.Node{
		Name: info.Node.Name, Model: gpu.ModelOf(info.Node.Labels), GPULeft: make([]int64, count),
		CPULeft:    info.Allocatable.At(framework.ColumnCPU) - info.Requested.At(framework.ColumnCPU),
		MemoryLeft: info.Allocatable.At(framework.ColumnMemory) - info.Requested.At(framework.ColumnMemory),
	}
	for i := range n.GPULeft {
		n.GPULeft[i] = gpu.Whole
	}
	var unknown []*framework.PodInfo
	for _, pod := range info.Pods {
		request, err := gpu.RequestOf(pod.Pod)
		if p.learner != nil && err == nil {
			asked := podOf(pod, request)
			p.learner.meet(pod.Pod.UID, &asked)
		}
		if err != nil || request.GPUs == 0 {
			continue
		}
		if indexes := p.indexesOf(pod, count); indexes != nil {
			place(n, request, indexes)
		} else {
			unknown = append(unknown, pod)
		}
	}
	placeUnknown(n, unknown)
	return n
}

// indexesOf are the GPUs that a pod on a node of so many has, as far as anybody has said.
func (p *Plugin) indexesOf(pod *framework.PodInfo, count int) []int {
	if indexes, reserved := p.reserved[pod.Pod.UID]; reserved {
		return indexes
	}
	indexes, err := gpu.Indexes(pod.Pod)
	if err != nil || slices.ContainsFunc(indexes, func(i int) bool { return i >= count }) {
		return nil // The kubelet refuses it.
	}
	return indexes
}

// placeUnknown gives pods without an index what their kubelet is expected to.
func placeUnknown(n *policies.Node, pods []*framework.PodInfo) {
	slices.SortStableFunc(pods, func(a, b *framework.PodInfo) int {
		return cmp.Or(a.Pod.CreationTimestamp.Compare(b.Pod.CreationTimestamp.Time), cmp.Compare(a.Pod.UID, b.Pod.UID))
	})
	for _, pod := range pods {
		request, _ := gpu.RequestOf(pod.Pod)
		place(n, request, gpu.Choose(n.GPULeft, request))
	}
}

// place takes GPUs; CPU and memory have been counted by the scheduler.
func place(n *policies.Node, r gpu.Request, indexes []int) {
	n.Place(&policies.Pod{GPUs: r.GPUs, GPUMilli: r.Milli}, indexes)
}
