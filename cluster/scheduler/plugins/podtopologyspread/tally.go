package podtopologyspread

import (
	"encoding/binary"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
)

// tally counts, for pods that are alike, the matching pods by node and domain, one part a constraint.
type tally struct {
	follower  framework.Follower
	namespace string
	// allKeys: only nodes with the labels of all constraints count. The system's default constraints don't ask for it, so
	// that nodes without a zone still spread by host.
	allKeys  bool
	affinity nodeaffinity.RequiredNodeAffinity
	pod      *corev1.Pod // the first of its kind, for its tolerations
	parts    []part
}

// part is a constraint's share of a tally.
type part struct {
	constraint constraint
	domains    map[string]int32 // by label value
	values     []domain
	nodes      []nodeCount // by slot
	// matching counts how many domains have a sum, so that the smallest is at hand.
	matching map[int32]int32
	smallest int32
	counted  int32 // domains with a node that counts
}

// domain is a value of the topology label.
type domain struct {
	sum   int32 // matching pods on nodes that count
	nodes int32 // nodes that count
}

// nodeCount is a node's contribution.
type nodeCount struct {
	version  int64 // of the node object that domain and counts are from; zero is no node
	domain   int32 // -1: the node has no such label
	counts   bool
	matching int32
}

// tallyLimit bounds the memory: beyond it the tallies start over.
const tallyLimit = 128

// tally returns the up-to-date tally for a pod's constraints.
func (p *PodTopologySpread) tally(c *framework.Cycle, constraints []constraint, allKeys bool) *tally {
	key := tallyKey(c.Pod.Pod, constraints, allKeys)
	t := p.tallies[string(key)]
	if t == nil {
		if len(p.tallies) >= tallyLimit {
			clear(p.tallies)
		}
		t = newTally(c.Pod.Pod, constraints, allKeys)
		p.tallies[string(key)] = t
	}
	t.follower.Follow(c.Snapshot, func(slot int32) { t.recount(c.Snapshot, slot) })
	return t
}

// tallyKey is everything that a tally depends on beside the nodes.
func tallyKey(pod *corev1.Pod, constraints []constraint, allKeys bool) []byte {
	key := helper.AppendString(make([]byte, 0, 512), pod.Namespace)
	honorNodes, honorTaints := false, false
	for i := range constraints {
		one := &constraints[i]
		key = helper.AppendString(key, one.topologyKey)
		key = helper.AppendString(key, one.selector.String())
		key = append(key, bit(one.honorNodes)<<1|bit(one.honorTaints))
		honorNodes, honorTaints = honorNodes || one.honorNodes, honorTaints || one.honorTaints
	}
	key = append(key, bit(allKeys))
	if honorTaints {
		key = helper.AppendTolerations(key, pod.Spec.Tolerations)
	}
	if !honorNodes {
		return key
	}
	key = helper.AppendMap(key, pod.Spec.NodeSelector)
	if a := pod.Spec.Affinity; a != nil && a.NodeAffinity != nil && a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		terms := a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
		key = binary.AppendUvarint(key, uint64(len(terms))+1)
		for i := range terms {
			key = helper.AppendTerm(key, &terms[i])
		}
	}
	return key
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func newTally(pod *corev1.Pod, constraints []constraint, allKeys bool) *tally {
	t := &tally{
		namespace: pod.Namespace, allKeys: allKeys, pod: pod,
		affinity: nodeaffinity.GetRequiredNodeAffinity(pod),
		parts:    make([]part, len(constraints)),
	}
	for i := range constraints {
		t.parts[i] = part{constraint: constraints[i], domains: map[string]int32{}, matching: map[int32]int32{}}
	}
	return t
}

// recount takes a node's old contribution out and puts its new one in.
func (t *tally) recount(s *framework.Snapshot, slot int32) {
	node := s.Nodes[slot]
	for i := range t.parts {
		p := &t.parts[i]
		for int(slot) >= len(p.nodes) {
			p.nodes = append(p.nodes, nodeCount{domain: -1})
		}
		was, is := p.nodes[slot], nodeCount{domain: -1}
		if node != nil {
			if is = was; was.version != node.ObjectVersion {
				is = p.place(t, node)
			}
			is.matching = countMatching(node.Pods, p.constraint.selector, t.namespace)
		}
		p.remove(was)
		p.add(is)
		p.nodes[slot] = is
	}
}

// lacksKey reports whether a node has not the labels of all constraints.
func (t *tally) lacksKey(slot int32) bool {
	for i := range t.parts {
		if t.parts[i].nodes[slot].domain < 0 {
			return true
		}
	}
	return false
}

// place finds a node's domain and whether the node counts.
func (p *part) place(t *tally, node *framework.NodeInfo) nodeCount {
	n := nodeCount{version: node.ObjectVersion, domain: -1}
	if value, ok := node.Node.Labels[p.constraint.topologyKey]; ok {
		n.domain = p.domain(value)
	}
	n.counts = (!t.allKeys || t.hasKeys(node.Node.Labels)) && includes(&p.constraint, t.pod, t.affinity, node.Node)
	return n
}

func (t *tally) hasKeys(nodeLabels map[string]string) bool {
	for i := range t.parts {
		if _, ok := nodeLabels[t.parts[i].constraint.topologyKey]; !ok {
			return false
		}
	}
	return true
}

// includes reports whether a constraint counts a node: by default only nodes on which the pod could run by its node affinity.
func includes(c *constraint, pod *corev1.Pod, affinity nodeaffinity.RequiredNodeAffinity, node *corev1.Node) bool {
	if c.honorNodes {
		if match, _ := affinity.Match(node); !match {
			return false
		}
	}
	return !c.honorTaints || helper.FindUntolerated(node.Spec.Taints, pod.Spec.Tolerations) == nil
}

func (p *part) domain(value string) int32 {
	d, ok := p.domains[value]
	if !ok {
		d = int32(len(p.values))
		p.domains[value] = d
		p.values = append(p.values, domain{})
	}
	return d
}

// countMatching counts the pods of the namespace that the selector matches; those on their way out don't count.
func countMatching(pods []*framework.PodInfo, selector labels.Selector, namespace string) int32 {
	if selector.Empty() {
		return 0
	}
	var n int32
	for _, p := range pods {
		if p.Pod.DeletionTimestamp == nil && p.Pod.Namespace == namespace && selector.Matches(labels.Set(p.Pod.Labels)) {
			n++
		}
	}
	return n
}

func (p *part) add(n nodeCount) {
	if !n.counts || n.domain < 0 {
		return
	}
	d := &p.values[n.domain]
	p.leave(d)
	d.nodes++
	d.sum += n.matching
	p.enter(d)
}

func (p *part) remove(n nodeCount) {
	if !n.counts || n.domain < 0 {
		return
	}
	d := &p.values[n.domain]
	p.leave(d)
	d.nodes--
	d.sum -= n.matching
	p.enter(d)
}

// leave takes a domain out of the count of sums, enter puts it in.
func (p *part) leave(d *domain) {
	if d.nodes == 0 {
		return
	}
	p.counted--
	if p.matching[d.sum]--; p.matching[d.sum] == 0 {
		delete(p.matching, d.sum)
	}
}

func (p *part) enter(d *domain) {
	if d.nodes == 0 {
		return
	}
	p.counted++
	p.matching[d.sum]++
	if p.counted == 1 || d.sum < p.smallest {
		p.smallest = d.sum
	}
}

// min returns the smallest sum of all domains, with the domain changed counted as having now in place of its own sum. Without
// any domain it is as large as can be.
func (p *part) min(changed int32, now int32) int32 {
	if p.counted == 0 {
		return noDomains
	}
	for p.matching[p.smallest] == 0 {
		p.smallest++
	}
	if changed < 0 || p.values[changed].nodes == 0 {
		return p.smallest
	}
	own := p.values[changed].sum
	if own != p.smallest || p.matching[own] > 1 {
		return min(p.smallest, now)
	}
	if p.counted == 1 {
		return now
	}
	others := own + 1
	for p.matching[others] == 0 {
		others++
	}
	return min(others, now)
}

// noDomains is upstream's minimum over nothing.
const noDomains = 1<<31 - 1
