package interpodaffinity

import (
	"math"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// scoreState is what an attempt scores by.
type scoreState struct{ tally *tally }

// PreScore leaves out pods for which nothing counts anywhere.
func (p *InterPodAffinity) PreScore(c *framework.Cycle, _ []int32) *framework.Status {
	pod := c.Pod
	own := len(pod.PreferredAffinity)+len(pod.PreferredAntiAffinity) > 0
	if !own && (p.ignoreOthers || len(c.Snapshot.WithAffinity) == 0) {
		return skip
	}
	in := p.incoming(pod)
	in.preferredAffinity, in.preferredAnti = p.resolveWeighted(pod.PreferredAffinity), p.resolveWeighted(pod.PreferredAntiAffinity)
	t := find(p.scoreTallies, c, in, p.contributePreferred)
	if t.entries[score] == 0 {
		return skip
	}
	c.Write(p.scoreState, &scoreState{t})
	return nil
}

// contributePreferred counts a node's pods for the preferred terms of both sides, and for the required affinity of those that are
// there. Without preferences of its own the pod cares only for pods that have some.
func (p *InterPodAffinity) contributePreferred(t *tally, node *framework.NodeInfo) {
	pods := node.PodsWithAffinity
	if len(t.in.preferredAffinity)+len(t.in.preferredAnti) > 0 {
		pods = node.Pods
	}
	for _, existing := range pods {
		for i := range t.in.preferredAffinity {
			t.prefer(node, &t.in.preferredAffinity[i].AffinityTerm, matches(&t.in.preferredAffinity[i], existing), int64(t.in.preferredAffinity[i].Weight))
		}
		for i := range t.in.preferredAnti {
			t.prefer(node, &t.in.preferredAnti[i].AffinityTerm, matches(&t.in.preferredAnti[i], existing), -int64(t.in.preferredAnti[i].Weight))
		}
		if p.hardWeight > 0 {
			for i := range existing.RequiredAffinity {
				term := &existing.RequiredAffinity[i]
				t.prefer(node, term, term.Matches(t.in.pod.Pod, t.in.namespaceLabels), p.hardWeight)
			}
		}
		for i := range existing.PreferredAffinity {
			term := &existing.PreferredAffinity[i]
			t.prefer(node, &term.AffinityTerm, term.Matches(t.in.pod.Pod, t.in.namespaceLabels), int64(term.Weight))
		}
		for i := range existing.PreferredAntiAffinity {
			term := &existing.PreferredAntiAffinity[i]
			t.prefer(node, &term.AffinityTerm, term.Matches(t.in.pod.Pod, t.in.namespaceLabels), -int64(term.Weight))
		}
	}
}

func matches(own *framework.WeightedAffinityTerm, existing *framework.PodInfo) bool {
	return own.Matches(existing.Pod, nil)
}

func (t *tally) prefer(node *framework.NodeInfo, term *framework.AffinityTerm, matches bool, weight int64) {
	if matches {
		t.add(node, term.TopologyKey, score, weight)
	}
}

// Score sums what counts in the node's domains; it may be negative until NormalizeScore.
func (p *InterPodAffinity) Score(c *framework.Cycle, node *framework.NodeInfo) (int64, *framework.Status) {
	t := framework.StateOf[scoreState](c, p.scoreState).tally
	var sum int64
	for key := range t.keys {
		if domain := t.domainOf(int32(key), node); domain >= 0 {
			sum += t.keys[key].sums[domain][score]
		}
	}
	return sum, nil
}

// NormalizeScore spreads the sums over 0..100, the smallest to the largest; equal sums are worth nothing.
func (p *InterPodAffinity) NormalizeScore(_ *framework.Cycle, _ []int32, scores []int64) *framework.Status {
	smallest, largest := int64(math.MaxInt64), int64(math.MinInt64)
	for _, score := range scores {
		smallest, largest = min(smallest, score), max(largest, score)
	}
	spread := largest - smallest
	for i, score := range scores {
		scores[i] = 0
		if spread > 0 {
			scores[i] = int64(framework.MaxNodeScore * (float64(score-smallest) / float64(spread)))
		}
	}
	return nil
}
