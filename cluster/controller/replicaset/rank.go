package replicaset

import (
	"math/bits"
	"sort"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// podsToDelete picks n of the active pods. related are the pods of all ReplicaSets of the same owner: a pod goes sooner,
// the more of those are on its node.
func podsToDelete(active, related []*corev1.Pod, n int, now time.Time) []*corev1.Pod {
	if n >= len(active) {
		return active
	}
	r := newRanking(active, related, now)
	// Not stable and not total, as upstream's: equal pods go in the order that this algorithm leaves them in.
	sort.Sort(r)
	out := make([]*corev1.Pod, n)
	for i := range out {
		out[i] = r[i].pod
	}
	return out
}

// ranking sorts pods so that those to be deleted first come first.
type ranking []candidate

// candidate is a pod with everything that its rank depends on, computed once.
type candidate struct {
	pod               *corev1.Pod
	assigned, ready   bool
	phase             int
	cost              int64
	onNode            int
	readySince        rankedTime
	created           rankedTime
	restarts, sidecar int32
}

// rankedTime is a time with its logarithmic age, by which times are compared so that small differences of age do not
// always hit the same pods (the feature LogarithmicScaleDown).
type rankedTime struct {
	time.Time
	age int
}

func newRanking(active, related []*corev1.Pod, now time.Time) ranking {
	perNode := make(map[string]int)
	for _, p := range related {
		if api.IsPodActive(p) {
			perNode[p.Spec.NodeName]++
		}
	}
	r := make(ranking, len(active))
	for i, p := range active {
		r[i] = newCandidate(p, perNode[p.Spec.NodeName], now)
	}
	return r
}

func newCandidate(p *corev1.Pod, onNode int, now time.Time) candidate {
	c := candidate{
		pod: p, assigned: p.Spec.NodeName != "", phase: phaseOrder(p.Status.Phase), cost: deletionCost(p), onNode: onNode,
		created: rankTime(p.CreationTimestamp.Time, now),
	}
	if ready := api.PodCondition(p, corev1.PodReady); ready != nil && ready.Status == corev1.ConditionTrue {
		c.ready = true
		c.readySince = rankTime(ready.LastTransitionTime.Time, now)
	}
	c.restarts, c.sidecar = restarts(p)
	return c
}

// phaseOrder: pending pods go before those of unknown phase and those before running ones. Upstream's map knows no other
// phase, which puts them with the pending.
func phaseOrder(phase corev1.PodPhase) int {
	switch phase {
	case corev1.PodUnknown:
		return 1
	case corev1.PodRunning:
		return 2
	}
	return 0
}

// deletionCost reads the pod-deletion-cost annotation; what is no number costs nothing.
func deletionCost(p *corev1.Pod) int64 {
	s, ok := p.Annotations[corev1.PodDeletionCost]
	if !ok || s != "0" && len(s) > 0 && (s[0] == '0' || s[0] == '+') {
		return 0 // Leading zeros and plus signs are no valid cost (pkg/apis/core/helper).
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0
	}
	return n
}

// restarts are the most restarts of a container and of a restartable init container.
func restarts(p *corev1.Pod) (regular, sidecar int32) {
	for i := range p.Status.ContainerStatuses {
		regular = max(regular, p.Status.ContainerStatuses[i].RestartCount)
	}
	for i := range p.Status.InitContainerStatuses {
		if s := &p.Status.InitContainerStatuses[i]; isSidecar(p, s.Name) {
			sidecar = max(sidecar, s.RestartCount)
		}
	}
	return regular, sidecar
}

func isSidecar(p *corev1.Pod, container string) bool {
	for i := range p.Spec.InitContainers {
		c := &p.Spec.InitContainers[i]
		if c.Name == container {
			return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		}
	}
	return false
}

// rankTime computes the age's logarithm to base 2, in whole numbers; -1 is no age at all.
func rankTime(t, now time.Time) rankedTime {
	r := rankedTime{Time: t, age: -1}
	if age := now.Sub(t); age > 0 {
		r.age = bits.Len64(uint64(age)) - 1
	}
	return r
}

func (r ranking) Len() int      { return len(r) }
func (r ranking) Swap(i, j int) { r[i], r[j] = r[j], r[i] }

// Less reports whether pod i is to be deleted before pod j: by assignment, phase, readiness, deletion cost, company on
// the node, time since ready, restarts and age, in this order (ActivePodsWithRanks in pkg/controller).
func (r ranking) Less(i, j int) bool {
	a, b := &r[i], &r[j]
	switch {
	case a.assigned != b.assigned:
		return b.assigned
	case a.phase != b.phase:
		return a.phase < b.phase
	case a.ready != b.ready:
		return b.ready
	case a.cost != b.cost:
		return a.cost < b.cost
	case a.onNode != b.onNode:
		return a.onNode > b.onNode
	case a.ready && !a.readySince.Equal(b.readySince.Time):
		return younger(a, b, a.readySince, b.readySince)
	case a.restarts != b.restarts:
		return a.restarts > b.restarts
	case a.sidecar != b.sidecar:
		return a.sidecar > b.sidecar
	case !a.created.Equal(b.created.Time):
		return younger(a, b, a.created, b.created)
	}
	return false
}

// younger compares two different times. A time that is not set counts as the latest. Times of one logarithmic age are
// told apart by the pods' uids, which is as good as at random.
func younger(a, b *candidate, ta, tb rankedTime) bool {
	switch {
	case ta.IsZero() || tb.IsZero():
		return ta.IsZero()
	case ta.age == tb.age:
		return a.pod.UID < b.pod.UID
	}
	return ta.age < tb.age
}
