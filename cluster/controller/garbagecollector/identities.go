package garbagecollector

import (
	"cmp"
	"container/list"
)

// partition splits dependents into those that refer to the identity and those that refer to its uid under another one. A
// dependent with several references may be in both.
func partition(dependents []*node, id *identity) (matching, others []*node) {
	for _, dep := range dependents {
		match, mismatch := false, false
		if id.Namespace != "" && id.Namespace != dep.identity.Namespace {
			mismatch = true
		} else {
			for i := range dep.owners {
				if dep.owners[i].UID == id.UID {
					same := id.matches(&dep.owners[i])
					match, mismatch = match || same, mismatch || !same
				}
			}
		}
		if match {
			matching = append(matching, dep)
		}
		if mismatch {
			others = append(others, dep)
		}
	}
	return matching, others
}

// alternative is the identity under which dependents refer to the uid of denied that comes next after it in order, or the
// first one after the last.
func alternative(dependents []*node, denied identity) (identity, bool) {
	var first, next *identity
	for _, dep := range dependents {
		for i := range dep.owners {
			ref := &dep.owners[i]
			if ref.UID != denied.UID {
				continue
			}
			id := referred(ref, dep.identity.Namespace)
			if denied.Namespace == "" && id.APIVersion == denied.APIVersion && id.Kind == denied.Kind {
				id.Namespace = "" // A kind without namespaces, as denied shows.
			}
			if id == denied {
				continue
			}
			if first == nil || compareIdentities(&id, first) < 0 {
				first = &id
			}
			if compareIdentities(&id, &denied) > 0 && (next == nil || compareIdentities(&id, next) < 0) {
				next = &id
			}
		}
	}
	switch {
	case next != nil:
		return *next, true
	case first != nil:
		return *first, true
	}
	return identity{}, false
}

// compareIdentities orders by kind, version, namespace, name and uid.
func compareIdentities(a, b *identity) int {
	return cmp.Or(
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID),
	)
}

// absentCapacity is how many absent owners are remembered (NewReferenceCache(500) upstream).
const absentCapacity = 500

// absentOwners remembers owners that are known not to exist, the least recently used of which are forgotten.
type absentOwners struct {
	order   *list.List // of identity, most recent first
	entries map[identity]*list.Element
}

func newAbsentOwners() *absentOwners {
	return &absentOwners{order: list.New(), entries: make(map[identity]*list.Element)}
}

func (a *absentOwners) add(id identity) {
	if e := a.entries[id]; e != nil {
		a.order.MoveToFront(e)
		return
	}
	a.entries[id] = a.order.PushFront(id)
	if a.order.Len() > absentCapacity {
		oldest := a.order.Remove(a.order.Back()).(identity)
		delete(a.entries, oldest)
	}
}

func (a *absentOwners) has(id identity) bool {
	e := a.entries[id]
	if e != nil {
		a.order.MoveToFront(e)
	}
	return e != nil
}
