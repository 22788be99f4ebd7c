package observe

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
)

// PhaseCount is how many pods are in a phase.
type PhaseCount struct {
	Phase string
	Count int
}

// Phases counts pods by phase.
type Phases struct {
	counts map[corev1.PodPhase]int
}

// NewPhases counts from nothing: it must see every commit.
func NewPhases() *Phases { return &Phases{counts: map[corev1.PodPhase]int{}} }

// Commit takes over a commit.
func (p *Phases) Commit(c *cluster.Commit) {
	for i := range c.Changes {
		if c.Changes[i].Resource != api.Pods {
			continue
		}
		if old, ok := c.Changes[i].Old.(*corev1.Pod); ok {
			p.counts[old.Status.Phase]--
		}
		if pod, ok := c.Changes[i].New.(*corev1.Pod); ok {
			p.counts[pod.Status.Phase]++
		}
	}
}

// Counts lists the phases that some pod is in, in the order of a pod's life.
func (p *Phases) Counts() []PhaseCount {
	var counts []PhaseCount
	for _, phase := range []corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed, corev1.PodUnknown} {
		if n := p.counts[phase]; n > 0 {
			counts = append(counts, PhaseCount{string(phase), n})
		}
	}
	return counts
}

// Total counts all pods.
func (p *Phases) Total() (n int) {
	for _, count := range p.counts { //sim:unordered a sum
		n += count
	}
	return n
}
