package garbagecollector

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// recorder is a graph with what it asked for.
type recorder struct {
	*graph
	attempts, orphans, wrong []types.UID
}

func record() *recorder {
	r := &recorder{}
	r.graph = &graph{
		nodes: make(map[types.UID]*node), absent: newAbsentOwners(),
		attempt:        func(n *node) { r.attempts = append(r.attempts, n.identity.UID) },
		attemptLater:   func(n *node) { r.attempts = append(r.attempts, n.identity.UID) },
		orphan:         func(n *node) { r.orphans = append(r.orphans, n.identity.UID) },
		wrongNamespace: func(n *node, _ types.UID) { r.wrong = append(r.wrong, n.identity.UID) },
	}
	return r
}

// asked returns and forgets what was to be looked at.
func (r *recorder) asked() []types.UID {
	out := r.attempts
	r.attempts = nil
	return out
}

func object(uid string, owners ...string) *metav1.ObjectMeta {
	m := &metav1.ObjectMeta{Namespace: "demo", Name: uid, UID: types.UID(uid)}
	for _, o := range owners {
		m.OwnerReferences = append(m.OwnerReferences, metav1.OwnerReference{
			APIVersion: "v1", Kind: "ConfigMap", Name: o, UID: types.UID(o), BlockOwnerDeletion: api.Ptr(true),
		})
	}
	return m
}

func going(m *metav1.ObjectMeta, finalizer string) *metav1.ObjectMeta {
	c := *m
	c.DeletionTimestamp = api.Ptr(metav1.Unix(1, 0))
	c.Finalizers = []string{finalizer}
	return &c
}

// dependentsTwin finds who refers to uid by looking at every object.
func dependentsTwin(objects map[types.UID]*metav1.ObjectMeta, uid types.UID) []types.UID {
	var out []types.UID
	for _, m := range objects {
		if api.OwnerIndex(m, uid) >= 0 {
			out = append(out, m.UID)
		}
	}
	slices.Sort(out)
	return out
}

// pool hands out uids of which those of deleted objects are not used again, as in a cluster.
type pool struct {
	live map[types.UID]*metav1.ObjectMeta
	all  []string // every uid that some object has had or will have soon
}

// drawOwners draws references to objects that live, have lived, or will.
func (p *pool) drawOwners(t *rapid.T) []string {
	p.all = append(p.all, fmt.Sprintf("u%02d", len(p.all)))
	return rapid.SliceOfNDistinct(rapid.SampledFrom(p.all), 0, 3, rapid.ID[string]).Draw(t, "owners")
}

// event creates, changes or deletes an object and returns what it was and is.
func (p *pool) event(t *rapid.T) (old, cur *metav1.ObjectMeta) {
	if len(p.live) > 0 && rapid.IntRange(0, 2).Draw(t, "kind") > 0 {
		uids := slices.Sorted(maps.Keys(p.live))
		old = p.live[rapid.SampledFrom(uids).Draw(t, "object")]
		if rapid.Bool().Draw(t, "delete") {
			delete(p.live, old.UID)
			return old, nil
		}
		cur = object(string(old.UID), p.drawOwners(t)...)
	} else {
		owners := p.drawOwners(t)
		cur = object(p.all[len(p.all)-1], owners...)
	}
	p.live[cur.UID] = cur
	return old, cur
}

func (r *recorder) follow(old, cur *metav1.ObjectMeta) {
	if cur == nil {
		r.deleted(api.ConfigMaps, old)
	} else {
		r.observed(api.ConfigMaps, old, cur)
	}
}

func TestTheGraphKnowsWhoDependsOnWhom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, p := record(), &pool{live: map[types.UID]*metav1.ObjectMeta{}}
		for range 50 {
			r.follow(p.event(t))
			for uid := range p.live {
				var got []types.UID
				for _, dep := range r.nodes[uid].sortedDependents() {
					got = append(got, dep.identity.UID)
				}
				if want := dependentsTwin(p.live, uid); !slices.Equal(got, want) {
					t.Fatalf("%s has the dependents %v, want %v", uid, got, want)
				}
			}
		}
	})
}

func TestEveryDanglingDependentIsLookedAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, p, looked := record(), &pool{live: map[types.UID]*metav1.ObjectMeta{}}, map[types.UID]bool{}
		for range 40 {
			r.follow(p.event(t))
			for _, uid := range r.asked() {
				looked[uid] = true
			}
			for _, m := range p.live {
				for _, ref := range m.OwnerReferences {
					// Either the dependent was looked at, or its owner's virtual node was, whose denial leads to it.
					if p.live[ref.UID] == nil && !looked[m.UID] && !looked[ref.UID] {
						t.Fatalf("%s refers to %s, which does not exist, and nobody looks", m.UID, ref.UID)
					}
				}
			}
		}
	})
}

func TestDeletingAnOwnerLeadsToItsDependents(t *testing.T) {
	r := record()
	r.observed(api.ConfigMaps, nil, object("owner"))
	r.observed(api.ConfigMaps, nil, object("b", "owner"))
	r.observed(api.ConfigMaps, nil, object("a", "owner"))
	if got := r.asked(); len(got) != 0 {
		t.Errorf("owners are there: %v", got)
	}
	r.deleted(api.ConfigMaps, object("owner"))
	if got := r.asked(); fmt.Sprint(got) != "[a b]" {
		t.Errorf("got %v", got)
	}
	if !r.absent.has(identityOf(api.ConfigMaps, object("owner"))) {
		t.Error("the owner is known to be absent, so that nobody asks for it")
	}
}

func TestForegroundDeletionLooksAtDependentsAndThenAtTheOwner(t *testing.T) {
	r := record()
	owner := object("owner")
	r.observed(api.ConfigMaps, nil, owner)
	r.observed(api.ConfigMaps, nil, object("dep", "owner"))
	waiting := going(owner, metav1.FinalizerDeleteDependents)
	r.observed(api.ConfigMaps, owner, waiting)
	if got := r.asked(); fmt.Sprint(got) != "[dep owner]" {
		t.Errorf("got %v", got)
	}
	r.observed(api.ConfigMaps, waiting, waiting)
	if got := r.asked(); len(got) != 0 {
		t.Errorf("it waits already: %v", got)
	}
	r.deleted(api.ConfigMaps, object("dep", "owner"))
	if got := r.asked(); fmt.Sprint(got) != "[owner]" {
		t.Errorf("the last dependent is gone: %v", got)
	}
}

func TestADependentThatStopsBlockingWakesItsOwner(t *testing.T) {
	r := record()
	r.observed(api.ConfigMaps, nil, object("owner"))
	blocking := object("dep", "owner")
	r.observed(api.ConfigMaps, nil, blocking)
	free := object("dep", "owner")
	free.OwnerReferences[0].BlockOwnerDeletion = api.Ptr(false)
	r.observed(api.ConfigMaps, blocking, free)
	if got := r.asked(); fmt.Sprint(got) != "[owner]" {
		t.Errorf("got %v", got)
	}
}

func TestOrphaningIsAskedForOnce(t *testing.T) {
	r := record()
	owner := object("owner")
	r.observed(api.ConfigMaps, nil, owner)
	leaving := going(owner, metav1.FinalizerOrphanDependents)
	r.observed(api.ConfigMaps, owner, leaving)
	r.observed(api.ConfigMaps, leaving, leaving)
	if fmt.Sprint(r.orphans) != "[owner]" {
		t.Errorf("got %v", r.orphans)
	}
}

func TestAnOwnerThatWasNeverSeenIsAskedFor(t *testing.T) {
	r := record()
	r.observed(api.ConfigMaps, nil, object("dep", "ghost"))
	if got := r.asked(); fmt.Sprint(got) != "[ghost]" || !r.nodes["ghost"].virtual {
		t.Errorf("got %v", got)
	}
	r.denied(r.nodes["ghost"].identity)
	if got := r.asked(); fmt.Sprint(got) != "[dep]" {
		t.Errorf("its dependent is looked at: %v", got)
	}
	if r.nodes["ghost"] != nil {
		t.Error("what does not exist leaves the graph")
	}
}

func TestAnOwnerSeenUnderAnotherNameIsNotTheirs(t *testing.T) {
	r := record()
	r.observed(api.ConfigMaps, nil, object("dep", "owner"))
	r.asked()
	renamed := object("owner")
	renamed.Name = "somebody"
	r.observed(api.ConfigMaps, nil, renamed)
	if got := r.asked(); fmt.Sprint(got) != "[dep]" || r.nodes["owner"].virtual {
		t.Errorf("got %v", got)
	}
	elsewhere := object("other", "owner")
	elsewhere.Namespace = "else"
	elsewhere.OwnerReferences[0].Name = "somebody"
	r.observed(api.ConfigMaps, nil, elsewhere)
	if fmt.Sprint(r.wrong) != "[other]" {
		t.Errorf("an owner of another namespace is reported: %v", r.wrong)
	}
}

func TestDeniedIdentitiesGiveWayToOtherSpellings(t *testing.T) {
	r := record()
	good, bad := object("good", "owner"), object("bad", "owner")
	bad.OwnerReferences[0].Name = "misspelt"
	r.observed(api.ConfigMaps, nil, bad)
	r.observed(api.ConfigMaps, nil, good)
	r.asked()
	r.denied(r.nodes["owner"].identity) // misspelt does not exist
	if got := r.asked(); fmt.Sprint(got) != "[bad owner]" || r.nodes["owner"].identity.Name != "owner" {
		t.Errorf("got %v, now asked for as %q", got, r.nodes["owner"].identity.Name)
	}
}

func TestAbsentOwnersAreForgottenInOrderOfUse(t *testing.T) {
	a := newAbsentOwners()
	for i := range absentCapacity {
		a.add(identity{Name: fmt.Sprint(i)})
	}
	a.has(identity{Name: "0"})
	a.add(identity{Name: "one more"})
	if !a.has(identity{Name: "0"}) || a.has(identity{Name: "1"}) || len(a.entries) != absentCapacity {
		t.Error("the least recently used one goes")
	}
}
