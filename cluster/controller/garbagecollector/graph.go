package garbagecollector

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// identity says which object is meant: by uid, and by the coordinates under which it can be asked for.
type identity struct {
	APIVersion, Kind, Namespace, Name string
	UID                               types.UID
}

func identityOf(r *api.Resource, m *metav1.ObjectMeta) identity {
	return identity{APIVersion: r.APIVersion(), Kind: r.Kind, Namespace: m.Namespace, Name: m.Name, UID: m.UID}
}

// referred is the identity that a reference from an object in namespace means, taken for a namespaced owner.
func referred(ref *metav1.OwnerReference, namespace string) identity {
	return identity{APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: namespace, Name: ref.Name, UID: ref.UID}
}

// matches reports whether the reference has the identity's coordinates, namespace aside.
func (id *identity) matches(ref *metav1.OwnerReference) bool {
	return id.UID == ref.UID && id.Name == ref.Name && id.Kind == ref.Kind && id.APIVersion == ref.APIVersion
}

// node is an object in the graph.
type node struct {
	identity   identity
	owners     []metav1.OwnerReference
	dependents map[types.UID]*node
	// virtual: known from references only.
	virtual bool
	// beingDeleted: has a deletion timestamp. deletingDependents: waits for its dependents besides.
	beingDeleted, deletingDependents bool
}

// sortedDependents lists the dependents in order of uid.
func (n *node) sortedDependents() []*node {
	out := make([]*node, 0, len(n.dependents))
	for _, uid := range slices.Sorted(maps.Keys(n.dependents)) {
		out = append(out, n.dependents[uid])
	}
	return out
}

// blockingDependents are the dependents that n must wait for when it is deleted in the foreground.
func (n *node) blockingDependents() []*node {
	var out []*node
	for _, dep := range n.sortedDependents() {
		for i := range dep.owners {
			if ref := &dep.owners[i]; ref.UID == n.identity.UID && isTrue(ref.BlockOwnerDeletion) {
				out = append(out, dep)
			}
		}
	}
	return out
}

func isTrue(b *bool) bool { return b != nil && *b }

// graph is every object and who depends on whom.
type graph struct {
	nodes  map[types.UID]*node
	absent *absentOwners
	// attempt and orphan receive the nodes that have to be looked at; wrongNamespace the dependents whose owner was
	// seen in another namespace.
	attempt, orphan func(*node)
	attemptLater    func(*node)
	wrongNamespace  func(dependent *node, owner types.UID)
}

// observed takes over an object that an informer shows, for the first time or changed; old is nil in the first case.
func (g *graph) observed(r *api.Resource, old, cur *metav1.ObjectMeta) {
	n := g.nodes[cur.UID]
	if n == nil {
		n = &node{
			identity: identityOf(r, cur), owners: cur.OwnerReferences, dependents: make(map[types.UID]*node),
			beingDeleted: cur.DeletionTimestamp != nil, deletingDependents: waitsForDependents(cur),
		}
		g.nodes[cur.UID] = n
		g.link(n, n.owners)
	} else {
		g.confirm(n, identityOf(r, cur))
		g.relink(n, cur.OwnerReferences)
		n.beingDeleted = n.beingDeleted || cur.DeletionTimestamp != nil
	}
	g.transition(n, old, cur)
}

// confirm makes a virtual node real. Dependents that took it for something else are looked at again.
func (g *graph) confirm(n *node, seen identity) {
	if !n.virtual {
		return
	}
	n.virtual = false
	if n.identity == seen {
		return
	}
	_, others := partition(n.sortedDependents(), &seen)
	n.identity = seen
	for _, dep := range others {
		if seen.Namespace != "" && dep.identity.Namespace != seen.Namespace {
			g.wrongNamespace(dep, seen.UID)
		}
		g.attempt(dep)
	}
}

// transition queues a node whose deletion begins to wait for its dependents.
func (g *graph) transition(n *node, old, cur *metav1.ObjectMeta) {
	if begins(old, cur, metav1.FinalizerOrphanDependents) {
		g.orphan(n)
		return
	}
	if begins(old, cur, metav1.FinalizerDeleteDependents) {
		n.deletingDependents = true
		for _, dep := range n.sortedDependents() {
			g.attempt(dep)
		}
		g.attempt(n)
	}
}

func waitsForDependents(m *metav1.ObjectMeta) bool {
	return m.DeletionTimestamp != nil && api.HasFinalizer(m, metav1.FinalizerDeleteDependents)
}

// begins reports whether cur is being deleted with the finalizer and old was not.
func begins(old, cur *metav1.ObjectMeta, finalizer string) bool {
	waits := func(m *metav1.ObjectMeta) bool { return m.DeletionTimestamp != nil && api.HasFinalizer(m, finalizer) }
	return waits(cur) && (old == nil || !waits(old))
}

// link makes n a dependent of its owners, virtual ones where an owner was not seen.
func (g *graph) link(n *node, owners []metav1.OwnerReference) {
	suspicious := false
	for i := range owners {
		ref := &owners[i]
		owner := g.nodes[ref.UID]
		if owner == nil {
			owner = &node{identity: referred(ref, n.identity.Namespace), dependents: make(map[types.UID]*node), virtual: true}
			g.nodes[ref.UID] = owner
			owner.dependents[n.identity.UID] = n
			g.attempt(owner)
			continue
		}
		owner.dependents[n.identity.UID] = n
		if !suspicious {
			suspicious = g.isSuspicious(n, owner, ref)
		}
	}
	if suspicious {
		g.attempt(n)
	}
}

// isSuspicious reports whether n's reference may not mean the owner with that uid.
func (g *graph) isSuspicious(n, owner *node, ref *metav1.OwnerReference) bool {
	otherNamespace := owner.identity.Namespace != n.identity.Namespace
	switch {
	case owner.identity.Namespace != "" && otherNamespace:
		if !owner.virtual {
			g.wrongNamespace(n, ref.UID)
		}
		return true
	case !owner.identity.matches(ref):
		return true
	}
	// A virtual owner without a namespace may be a missing namespaced one that an object without namespace named wrongly.
	return owner.identity.Namespace == "" && otherNamespace && owner.virtual
}

// relink replaces a node's references.
func (g *graph) relink(n *node, owners []metav1.OwnerReference) {
	added, removed, unblocked := compare(n.owners, owners)
	if len(added) == 0 && len(removed) == 0 && equality.Semantic.DeepEqual(n.owners, owners) {
		return
	}
	for _, ref := range unblocked {
		if owner := g.nodes[ref.UID]; owner != nil {
			g.attempt(owner)
		}
	}
	n.owners = owners
	g.link(n, added)
	g.unlink(n, removed)
}

func (g *graph) unlink(n *node, owners []metav1.OwnerReference) {
	for i := range owners {
		if owner := g.nodes[owners[i].UID]; owner != nil {
			delete(owner.dependents, n.identity.UID)
		}
	}
}

// compare finds the references that came and went, and those that block no longer.
func compare(old, cur []metav1.OwnerReference) (added, removed, unblocked []metav1.OwnerReference) {
	find := func(refs []metav1.OwnerReference, uid types.UID) *metav1.OwnerReference {
		for i := range refs {
			if refs[i].UID == uid {
				return &refs[i]
			}
		}
		return nil
	}
	for _, ref := range cur {
		if find(old, ref.UID) == nil {
			added = append(added, ref)
		}
	}
	for _, ref := range old {
		now := find(cur, ref.UID)
		if now == nil {
			removed = append(removed, ref)
		}
		if isTrue(ref.BlockOwnerDeletion) && (now == nil || !isTrue(now.BlockOwnerDeletion)) {
			unblocked = append(unblocked, ref)
		}
	}
	return added, removed, unblocked
}

// deleted takes over that an informer saw the object go.
func (g *graph) deleted(r *api.Resource, m *metav1.ObjectMeta) {
	if n := g.nodes[m.UID]; n != nil {
		n.virtual = false
		g.remove(n, identityOf(r, m))
	}
}

// denied takes over that the API server knows no object of this identity, which was asked for because of a node.
func (g *graph) denied(id identity) {
	n := g.nodes[id.UID]
	if n == nil {
		return
	}
	switch matching, others := partition(n.sortedDependents(), &id); {
	case n.virtual && len(others) > 0:
		g.deny(id, matching)
		if n.identity == id {
			g.tryOther(n, others, id)
		}
	case !n.virtual && n.identity != id:
		g.deny(id, matching)
	default:
		g.remove(n, id)
	}
}

// deny records that an identity does not exist and looks at the dependents that refer to it.
func (g *graph) deny(id identity, dependents []*node) {
	if len(dependents) > 0 {
		g.absent.add(id)
	}
	for _, dep := range dependents {
		g.attempt(dep)
	}
}

// tryOther gives a virtual node, whose identity was denied, the next one that its dependents believe in.
func (g *graph) tryOther(n *node, dependents []*node, denied identity) {
	if other, ok := alternative(dependents, denied); ok {
		n.identity = other
		g.attemptLater(n)
	}
}

// remove takes a node out of the graph and looks at those whom that concerns: its dependents, and owners that waited
// for it.
func (g *graph) remove(n *node, id identity) {
	delete(g.nodes, n.identity.UID)
	g.unlink(n, n.owners)
	if len(n.dependents) > 0 {
		g.absent.add(id)
	}
	for _, dep := range n.sortedDependents() {
		g.attempt(dep)
	}
	for i := range n.owners {
		if owner := g.nodes[n.owners[i].UID]; owner != nil && owner.deletingDependents {
			g.attempt(owner)
		}
	}
}
