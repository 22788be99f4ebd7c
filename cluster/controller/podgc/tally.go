package podgc

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// tally is what a pass needs to know of pods and nodes, kept up to date event by event.
type tally struct {
	// perNode counts pods by the name of their node; nodes are those that exist.
	perNode map[string]int
	nodes   map[string]bool
	// missing are nodes that have pods and do not exist.
	missing map[string]bool
	// ended and going are the pods that have ended and those that are being deleted, by key.
	ended, going map[string]*corev1.Pod
}

func newTally() *tally {
	return &tally{
		perNode: make(map[string]int), nodes: make(map[string]bool), missing: make(map[string]bool),
		ended: make(map[string]*corev1.Pod), going: make(map[string]*corev1.Pod),
	}
}

func (s *tally) podAdded(pod *corev1.Pod) {
	if node := pod.Spec.NodeName; node != "" {
		s.perNode[node]++
		s.check(node)
	}
	s.note(pod)
}

func (s *tally) podUpdated(old, cur *corev1.Pod) {
	if old.Spec.NodeName != cur.Spec.NodeName {
		s.podDeleted(old)
		s.podAdded(cur)
		return
	}
	s.note(cur)
}

func (s *tally) podDeleted(pod *corev1.Pod) {
	if node := pod.Spec.NodeName; node != "" {
		if s.perNode[node]--; s.perNode[node] == 0 {
			delete(s.perNode, node)
		}
		s.check(node)
	}
	key := api.KeyOf(pod)
	delete(s.ended, key)
	delete(s.going, key)
}

// note files a pod under what a pass may do to it.
func (s *tally) note(pod *corev1.Pod) {
	file(s.ended, pod, hasEnded(pod))
	file(s.going, pod, pod.DeletionTimestamp != nil)
}

func file(set map[string]*corev1.Pod, pod *corev1.Pod, in bool) {
	switch {
	case in:
		set[api.KeyOf(pod)] = pod
	case len(set) > 0:
		delete(set, api.KeyOf(pod))
	}
}

func (s *tally) nodeAdded(name string) {
	s.nodes[name] = true
	s.check(name)
}

func (s *tally) nodeDeleted(name string) {
	delete(s.nodes, name)
	s.check(name)
}

func (s *tally) check(node string) {
	if s.perNode[node] > 0 && !s.nodes[node] {
		s.missing[node] = true
	} else {
		delete(s.missing, node)
	}
}

// missingNodes lists the nodes that have pods and do not exist.
func (s *tally) missingNodes() []string { return slices.Sorted(maps.Keys(s.missing)) }

// goingPods lists the pods that are being deleted.
func (s *tally) goingPods() []*corev1.Pod { return byKey(s.going) }

func byKey(set map[string]*corev1.Pod) []*corev1.Pod {
	pods := make([]*corev1.Pod, 0, len(set))
	for _, key := range slices.Sorted(maps.Keys(set)) {
		pods = append(pods, set[key])
	}
	return pods
}

// endedBeyond lists the ended pods that exceed threshold in the order in which they go.
func (s *tally) endedBeyond(threshold int) []*corev1.Pod {
	if len(s.ended) <= threshold {
		return nil
	}
	pods := byKey(s.ended)
	slices.SortFunc(pods, compareAge)
	return pods[:len(pods)-threshold]
}

// hasEnded: every phase but the three in which a pod may run counts.
func hasEnded(pod *corev1.Pod) bool {
	switch pod.Status.Phase {
	case corev1.PodPending, corev1.PodRunning, corev1.PodUnknown:
		return false
	}
	return true
}

// compareAge puts evicted pods first, then old before new, then by name.
func compareAge(a, b *corev1.Pod) int {
	if ea, eb := isEvicted(a), isEvicted(b); ea != eb {
		if ea {
			return -1
		}
		return 1
	}
	if c := a.CreationTimestamp.Time.Compare(b.CreationTimestamp.Time); c != 0 {
		return c
	}
	return cmp.Compare(a.Name, b.Name)
}

func isEvicted(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed && pod.Status.Reason == "Evicted"
}
