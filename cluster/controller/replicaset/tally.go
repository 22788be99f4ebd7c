package replicaset

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// tally counts the pods of each ReplicaSet as they change, so that a sync that has nothing to delete or to adopt need not
// look at all of them: of ten thousand pods each one's start is a sync. A test holds it equal to counting by list.
type tally struct {
	owners map[types.UID]*owned
}

// owned are the pods that one ReplicaSet controls, as counted for one generation of it.
type owned struct {
	generation int64
	selector   labels.Selector
	template   map[string]string
	// pods is as what each pod is counted.
	pods   map[types.UID]mark
	counts counts
	// strays do not match the selector, so that they have to be released.
	strays int32
}

// mark is as what a pod counts: a set of the bits below.
type mark uint8

const (
	isActive mark = 1 << iota
	isLabelled
	isReady
	isTerminating
	isStray
)

func newTally() *tally { return &tally{owners: make(map[types.UID]*owned)} }

// of returns the counts of a ReplicaSet, or nil where they are not of its present generation.
func (s *tally) of(rs *appsv1.ReplicaSet) *owned {
	if o := s.owners[rs.UID]; o != nil && o.generation == rs.Generation {
		return o
	}
	return nil
}

// start counts the pods that a ReplicaSet controls and keeps the counts from then on.
func (s *tally) start(rs *appsv1.ReplicaSet, pods []*corev1.Pod) *owned {
	o := &owned{
		generation: rs.Generation, selector: api.Selector(rs.Spec.Selector), template: rs.Spec.Template.Labels,
		pods: make(map[types.UID]mark, len(pods)),
	}
	for _, p := range pods {
		o.set(p.UID, o.markOf(p))
	}
	s.owners[rs.UID] = o
	return o
}

// forget drops a ReplicaSet that is gone.
func (s *tally) forget(uid types.UID) { delete(s.owners, uid) }

// changed takes over a change of a pod; old is nil for a new one, cur for one that is gone. The last state of a pod that
// is gone may be one that no event has shown before.
func (s *tally) changed(old, cur *corev1.Pod) {
	was, is := s.ownerOf(old), s.ownerOf(cur)
	if was != nil && (was != is || old.UID != cur.UID) {
		was.set(old.UID, 0)
		delete(was.pods, old.UID)
	}
	if is != nil {
		is.set(cur.UID, is.markOf(cur))
	}
}

func (s *tally) ownerOf(p *corev1.Pod) *owned {
	if p == nil {
		return nil
	}
	ref := api.ControllerOf(&p.ObjectMeta)
	if ref == nil || ref.Kind != api.ReplicaSets.Kind {
		return nil
	}
	return s.owners[ref.UID]
}

func (o *owned) markOf(p *corev1.Pod) mark {
	var m mark
	if !o.selector.Matches(labels.Set(p.Labels)) {
		m = isStray
	}
	switch {
	case api.IsPodTerminal(p):
		return m
	case p.DeletionTimestamp != nil:
		return m | isTerminating
	}
	m |= isActive
	if api.MatchesSet(o.template, p.Labels) {
		m |= isLabelled
	}
	if api.IsPodReady(p) {
		m |= isReady
	}
	return m
}

// set counts a pod as m and no longer as what it was.
func (o *owned) set(uid types.UID, m mark) {
	old := o.pods[uid]
	o.pods[uid] = m
	adjust := func(n *int32, bit mark) {
		if m&bit != 0 {
			*n++
		}
		if old&bit != 0 {
			*n--
		}
	}
	adjust(&o.counts.active, isActive)
	adjust(&o.counts.labelled, isLabelled)
	adjust(&o.counts.ready, isReady)
	adjust(&o.counts.available, isReady) // Without minReadySeconds, for which nobody asks here, the same.
	adjust(&o.counts.terminating, isTerminating)
	adjust(&o.strays, isStray)
}
