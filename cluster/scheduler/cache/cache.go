package cache

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// Cache holds nodes and assigned pods. Not safe for concurrent use: one process, one thread.
type Cache struct {
	// Groups follows the pods of PodGroups, if it is not nil.
	Groups *PodGroups

	symbols *framework.Symbols
	pods    map[types.UID]podState
	assumed map[types.UID]struct{}
	nodes   map[string]*node
	newest  *node // head of the list in order of generation
	tree    nodeTree
	images  map[string]*image

	generation int64
	freeSlots  []int32
	usedSlots  int32
}

type podState struct {
	info *framework.PodInfo
	node string
}

// node is a list element: a node's info with what only the cache knows of it.
type node struct {
	name         string
	info         framework.NodeInfo
	images       []*image // in the order the node reports them
	newer, older *node
}

// New returns an empty cache.
func New(symbols *framework.Symbols) *Cache {
	return &Cache{
		symbols: symbols,
		pods:    map[types.UID]podState{},
		assumed: map[types.UID]struct{}{},
		nodes:   map[string]*node{},
		tree:    newNodeTree(),
		images:  map[string]*image{},
	}
}

// Counts returns the numbers that scheduler_cache_size reports.
func (c *Cache) Counts() (nodes, pods, assumed int) { return len(c.nodes), len(c.pods), len(c.assumed) }

// AssumePod counts an unassigned pod as running on a node.
func (c *Cache) AssumePod(info *framework.PodInfo) error {
	pod := info.Pod
	if _, known := c.pods[pod.UID]; known {
		return fmt.Errorf("pod %v(%v/%v) is in the cache, so can't be assumed", pod.UID, pod.Namespace, pod.Name)
	}
	c.addPod(info)
	c.assumed[pod.UID] = struct{}{}
	c.Groups.move(pod, assumed)
	return nil
}

// ForgetPod takes an assumed pod off its node. A pod that the cache no longer knows is no error.
func (c *Cache) ForgetPod(pod *corev1.Pod) error {
	state, known := c.pods[pod.UID]
	if !known {
		return nil
	}
	if state.node != pod.Spec.NodeName {
		return fmt.Errorf("pod %v(%v/%v) was assumed on %v but assigned to %v", pod.UID, pod.Namespace, pod.Name, pod.Spec.NodeName, state.node)
	}
	if !c.IsAssumed(pod) {
		return fmt.Errorf("pod %v(%v/%v) wasn't assumed so cannot be forgotten", pod.UID, pod.Namespace, pod.Name)
	}
	c.removePod(state)
	c.Groups.move(pod, unscheduled)
	return nil
}

// IsAssumed reports whether a pod was assumed and neither confirmed nor forgotten.
func (c *Cache) IsAssumed(pod *corev1.Pod) bool {
	_, assumed := c.assumed[pod.UID]
	return assumed
}

// Pod returns the cached version of a pod: for an assumed one, with its node. Nil if unknown.
func (c *Cache) Pod(pod *corev1.Pod) *corev1.Pod {
	if state, known := c.pods[pod.UID]; known {
		return state.info.Pod
	}
	return nil
}

// AddPod takes in a pod that the API server says is assigned. If it was assumed, it is confirmed, wherever it now is.
func (c *Cache) AddPod(pod *corev1.Pod) error {
	state, known := c.pods[pod.UID]
	switch {
	case !known:
		c.addPod(c.symbols.NewPodInfo(pod))
	case c.IsAssumed(pod):
		c.removePod(state)
		c.addPod(c.symbols.With(state.info, pod))
	default:
		return fmt.Errorf("pod %v(%v/%v) was already in added state", pod.UID, pod.Namespace, pod.Name)
	}
	c.Groups.set(pod, assigned, true)
	return nil
}

// UpdatePod replaces an assigned pod by its newer version.
func (c *Cache) UpdatePod(pod *corev1.Pod) error {
	state, known := c.pods[pod.UID]
	if !known {
		return fmt.Errorf("pod %v(%v/%v) is not added to scheduler cache, so cannot be updated", pod.UID, pod.Namespace, pod.Name)
	}
	if c.IsAssumed(pod) {
		return fmt.Errorf("assumed pod %v(%v/%v) should not be updated", pod.UID, pod.Namespace, pod.Name)
	}
	if state.node != pod.Spec.NodeName {
		panic(fmt.Sprintf("scheduler cache: pod %s/%s moved from node %s to %s", pod.Namespace, pod.Name, state.node, pod.Spec.NodeName))
	}
	c.removePod(state)
	c.addPod(c.symbols.With(state.info, pod))
	return nil
}

// RemovePod takes a deleted pod off its node.
func (c *Cache) RemovePod(pod *corev1.Pod) error {
	state, known := c.pods[pod.UID]
	if !known {
		return fmt.Errorf("pod %v(%v/%v) is not found in scheduler cache, so cannot be removed from it", pod.UID, pod.Namespace, pod.Name)
	}
	c.removePod(state)
	c.Groups.Remove(pod)
	return nil
}

func (c *Cache) addPod(info *framework.PodInfo) {
	name := info.Pod.Spec.NodeName
	n := c.node(name)
	n.info.AddPod(info)
	c.touch(n)
	c.pods[info.Pod.UID] = podState{info: info, node: name}
}

func (c *Cache) removePod(state podState) {
	n := c.nodes[state.node]
	if n == nil {
		panic(fmt.Sprintf("scheduler cache: pod %s/%s is on node %s, which is not in the cache", state.info.Pod.Namespace, state.info.Pod.Name, state.node))
	}
	if !n.info.RemovePodInfo(state.info) {
		panic(fmt.Sprintf("scheduler cache: pod %s/%s is not among those of node %s", state.info.Pod.Namespace, state.info.Pod.Name, state.node))
	}
	delete(c.pods, state.info.Pod.UID)
	delete(c.assumed, state.info.Pod.UID)
	c.touchOrDrop(n)
}
