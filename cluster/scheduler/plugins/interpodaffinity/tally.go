package interpodaffinity

import (
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// tally holds, for pods that are alike, what counts in each topology domain.
type tally struct {
	follower framework.Follower
	in       *incoming
	// contribute adds what a node's pods count for.
	contribute func(t *tally, node *framework.NodeInfo)
	keys       []topologyKey
	byName     map[string]int32
	nodes      [][]contribution // by slot
	// entries counts the contributions of each kind: whether anything matched anywhere.
	entries [kinds]int64
	adding  int32 // slot that contribute works on
}

// kind is what a contribution counts for.
type kind uint8

const (
	existingAnti kind = iota // existing pods that keep the pod away
	affinity                 // existing pods that the pod wants to be near to
	antiAffinity             // existing pods that the pod keeps away from
	score                    // weights for and against
	kinds
)

// topologyKey is a node label that terms speak of, with its domains.
type topologyKey struct {
	name    string
	domains map[string]int32 // by label value
	sums    []sums           // by domain
	nodes   []nodeDomain     // by slot
}

type sums [kinds]int64

// nodeDomain is a node's domain, as of a version of the node object.
type nodeDomain struct {
	version int64
	domain  int32 // -1: the node has no such label
}

type contribution struct {
	key, domain int32
	kind        kind
	amount      int64
}

// tallyLimit bounds the memory: beyond it the tallies start over.
const tallyLimit = 128

// find returns the up-to-date tally of a pod.
func find(tallies map[string]*tally, c *framework.Cycle, in *incoming, contribute func(*tally, *framework.NodeInfo)) *tally {
	key := string(in.key())
	t := tallies[key]
	if t == nil {
		if len(tallies) >= tallyLimit {
			clear(tallies)
		}
		t = &tally{in: in, contribute: contribute, byName: map[string]int32{}}
		tallies[key] = t
	}
	t.follower.Follow(c.Snapshot, func(slot int32) { t.recount(c.Snapshot, slot) })
	return t
}

// recount takes a node's old contributions out and puts its new ones in.
func (t *tally) recount(s *framework.Snapshot, slot int32) {
	for int(slot) >= len(t.nodes) {
		t.nodes = append(t.nodes, nil)
	}
	for _, c := range t.nodes[slot] {
		t.count(c, -1)
	}
	t.nodes[slot] = t.nodes[slot][:0]
	if node := s.Nodes[slot]; node != nil && len(node.Pods) > 0 {
		t.adding = slot
		t.contribute(t, node)
	}
}

func (t *tally) count(c contribution, sign int64) {
	t.keys[c.key].sums[c.domain][c.kind] += sign * c.amount
	t.entries[c.kind] += sign
}

// add counts something for the domain of the node that contribute works on; a node without the label counts for nothing.
func (t *tally) add(node *framework.NodeInfo, key string, k kind, amount int64) {
	at := t.key(key)
	domain := t.domainOf(at, node)
	if domain < 0 {
		return
	}
	c := contribution{key: at, domain: domain, kind: k, amount: amount}
	t.nodes[t.adding] = append(t.nodes[t.adding], c)
	t.count(c, 1)
}

func (t *tally) key(name string) int32 {
	at, ok := t.byName[name]
	if !ok {
		at = int32(len(t.keys))
		t.byName[name] = at
		t.keys = append(t.keys, topologyKey{name: name, domains: map[string]int32{}})
	}
	return at
}

// domainOf returns the node's domain under a key, or -1.
func (t *tally) domainOf(key int32, node *framework.NodeInfo) int32 {
	k := &t.keys[key]
	for int(node.Slot) >= len(k.nodes) {
		k.nodes = append(k.nodes, nodeDomain{})
	}
	known := &k.nodes[node.Slot]
	if known.version != node.ObjectVersion {
		known.version, known.domain = node.ObjectVersion, -1
		if value, ok := node.Node.Labels[k.name]; ok {
			known.domain = k.domain(value)
		}
	}
	return known.domain
}

func (k *topologyKey) domain(value string) int32 {
	d, ok := k.domains[value]
	if !ok {
		d = int32(len(k.sums))
		k.domains[value] = d
		k.sums = append(k.sums, sums{})
	}
	return d
}
