package cluster

import (
	"strings"

	"github.com/tidwall/btree"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/witness"
	"github.com/fauxkube/fauxkube/sim"
)

// Store shows the committed state of the cluster: what any member of etcd has applied first, whatever caches believe.
// It is an observer: no component can reach it.
type Store struct {
	canonical   *etcd.Canonical
	kinds       []objects // by resource ID
	keys        int
	subscribers []func(Commit)
	// witness is told of each change before anybody else.
	witness *witness.Witness
}

// objects are those of one kind: by key, and in order of keys. Both lead to one place, so that the change of an object
// that exists, as most are, leaves the order alone.
type objects struct {
	places map[string]*place
	order  btree.Map[string, *place]
}

type place struct{ object api.Object }

// set returns what was there before, nil if nothing was.
func (o *objects) set(key string, object api.Object) (old api.Object) {
	p := o.places[key]
	if p == nil {
		if o.places == nil {
			o.places = map[string]*place{}
		}
		p = &place{}
		o.places[key] = p
		o.order.Set(key, p)
	}
	old, p.object = p.object, object
	return old
}

func (o *objects) remove(key string) {
	delete(o.places, key)
	o.order.Delete(key)
}

// Commit is one revision of the store.
type Commit struct {
	Revision int64
	At       sim.Time
	Changes  []Change
}

// Change is what a revision did to one object: Old is nil where it was created, New where it was deleted.
type Change struct {
	Resource *api.Resource
	// Key is namespace/name, or name.
	Key      string
	Old, New api.Object
}

func newStore(s *sim.Simulation) *Store {
	store := &Store{canonical: etcd.NewCanonical(s), kinds: make([]objects, len(api.Resources()))}
	store.canonical.Subscribe(store.commit)
	return store
}

// begin takes another history in the place of the present one: that of a store which begins with a backup.
func (s *Store) begin(canonical *etcd.Canonical, b *Backup, now sim.Time) {
	s.canonical = canonical
	canonical.Subscribe(s.commit)
	s.replace(b, now)
}

// replace takes over what a backup holds, and tells the difference to what was there as one commit.
func (s *Store) replace(b *Backup, now sim.Time) {
	before := s.kinds
	s.kinds, s.keys = make([]objects, len(before)), 0
	commit := Commit{Revision: b.Revision(), At: now}
	for _, kv := range b.Keys.Living() {
		s.keys++
		object, r, key := objectOf(kv)
		if r == nil {
			continue
		}
		change := Change{Resource: r, Key: key, New: object}
		if p := before[r.ID].places[key]; p != nil {
			change.Old = p.object
			before[r.ID].remove(key)
		}
		s.kinds[r.ID].set(key, object)
		commit.Changes = append(commit.Changes, change)
	}
	for _, r := range api.Resources() {
		before[r.ID].order.Scan(func(key string, p *place) bool {
			commit.Changes = append(commit.Changes, Change{Resource: r, Key: key, Old: p.object})
			return true
		})
	}
	s.witness.Reset(b.Revision())
	for _, f := range s.subscribers {
		f(commit)
	}
}

// commit takes over one revision.
func (s *Store) commit(c etcd.Commit) {
	var changes []Change
	s.witness.Advance(c.Revision)
	for i := range c.Events {
		change, ok := s.apply(&c.Events[i])
		if !ok {
			continue
		}
		s.witness.Change(change.Resource, change.Old, change.New)
		if len(s.subscribers) > 0 {
			changes = append(changes, change)
		}
	}
	commit := Commit{Revision: c.Revision, At: c.Time, Changes: changes}
	for _, f := range s.subscribers {
		f(commit)
	}
}

// apply takes over one change; false for keys that hold no object of the API, such as allocators and the API servers'
// own leases.
func (s *Store) apply(e *etcd.Event) (Change, bool) {
	if e.Type == etcd.Delete {
		s.keys--
		old, r, key := objectOf(e.PrevKV)
		if r == nil {
			return Change{}, false
		}
		s.kinds[r.ID].remove(key)
		return Change{Resource: r, Key: key, Old: old}, true
	}
	if e.PrevKV == nil {
		s.keys++
	}
	object, r, key := objectOf(e.KV)
	if r == nil {
		return Change{}, false
	}
	old := s.kinds[r.ID].set(key, object)
	return Change{Resource: r, Key: key, Old: old, New: object}, true
}

// objectOf is the object in a key value, with its resource and key; a nil resource where it holds none.
func objectOf(kv *etcd.KeyValue) (api.Object, *api.Resource, string) {
	if kv == nil {
		return nil, nil, ""
	}
	stored, ok := kv.Value.(*storage.Stored)
	if !ok {
		return nil, nil, ""
	}
	object := stored.At(kv.ModRevision)
	r := api.ResourceOf(object)
	if r == nil {
		return nil, nil, ""
	}
	// The same kind may lie elsewhere for other purposes: /registry/masterleases holds Endpoints.
	key, ok := strings.CutPrefix(kv.Key, registry.For(r).KeyPrefix)
	m := api.Meta(object)
	if !ok || !strings.HasSuffix(key, m.Name) || len(key) != api.KeyLength(m.Namespace, m.Name) {
		return nil, nil, ""
	}
	return object, r, key
}

// Get returns an object by its key, namespace/name or name. It is shared: do not change it.
func (s *Store) Get(r *api.Resource, key string) (api.Object, bool) {
	p := s.kinds[r.ID].places[key]
	if p == nil {
		return nil, false
	}
	return p.object, true
}

// List returns the objects of a namespace ("" is all) that the selector matches (nil is all), sorted by key.
func (s *Store) List(r *api.Resource, namespace string, selector labels.Selector) []api.Object {
	var found []api.Object
	take := func(_ string, p *place) bool {
		o := p.object
		if namespace != "" && o.GetNamespace() != namespace {
			return false
		}
		if selector == nil || selector.Empty() || selector.Matches(labels.Set(o.GetLabels())) {
			found = append(found, o)
		}
		return true
	}
	if namespace == "" {
		s.kinds[r.ID].order.Scan(take)
	} else {
		s.kinds[r.ID].order.Ascend(namespace+"/", take)
	}
	return found
}

// Count counts the objects of a kind.
func (s *Store) Count(r *api.Resource) int { return len(s.kinds[r.ID].places) }

// Revision is the newest committed revision.
func (s *Store) Revision() int64 { return s.canonical.Revision() }

// Keys counts the keys of the store.
func (s *Store) Keys() int { return s.keys }

// OnCommit calls f at each commit, in order. f must not act on the simulated world.
func (s *Store) OnCommit(f func(Commit)) { s.subscribers = append(s.subscribers, f) }
