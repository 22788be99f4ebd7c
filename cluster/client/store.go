package client

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// store holds an informer's objects by key and by the values of its indices.
type store struct {
	items   map[key]*item
	ordered *sortedItems // of all items; made by the first call that needs the order
	indices []*index
}

// item is one object's place. An update replaces its object and leaves the item where it is in every order.
type item struct {
	key    key
	object api.Object
	values [][]string // by index, the values under which the item is filed
}

// index files items under the values that a function gives for them.
type index struct {
	name    string
	values  func(api.Object) []string
	buckets map[string]*sortedItems
}

func newStore() store { return store{items: map[key]*item{}} }

func keyOf(o api.Object) key {
	m := api.Meta(o)
	return key{m.Namespace, m.Name}
}

func (s *store) get(k key) (api.Object, bool) {
	it := s.items[k]
	if it == nil {
		return nil, false
	}
	return it.object, true
}

// put stores o and returns what it replaces, nil if it is new.
func (s *store) put(k key, o api.Object) api.Object {
	it := s.items[k]
	if it == nil {
		it = &item{key: k, object: o}
		s.items[k] = it
		if s.ordered != nil {
			s.ordered.insert(it)
		}
		s.file(it)
		return nil
	}
	old := it.object
	it.object = o
	s.file(it)
	return old
}

// remove forgets an object and returns it, nil if it was not there.
func (s *store) remove(k key) api.Object {
	it := s.items[k]
	if it == nil {
		return nil
	}
	delete(s.items, k)
	if s.ordered != nil {
		s.ordered.remove(it)
	}
	for i, x := range s.indices {
		if i < len(it.values) {
			x.refile(it, it.values[i], nil)
		}
	}
	return it.object
}

// file brings the item's index entries up to date.
func (s *store) file(it *item) {
	for i, x := range s.indices {
		if i == len(it.values) {
			it.values = append(it.values, nil)
		}
		values := x.values(it.object)
		if slices.Equal(values, it.values[i]) {
			continue
		}
		x.refile(it, it.values[i], values)
		it.values[i] = values
	}
}

func (x *index) refile(it *item, old, new []string) {
	for _, v := range old {
		if slices.Contains(new, v) {
			continue
		}
		bucket := x.buckets[v]
		bucket.remove(it)
		if bucket.len() == 0 {
			delete(x.buckets, v)
		}
	}
	for _, v := range new {
		if slices.Contains(old, v) {
			continue
		}
		bucket := x.buckets[v]
		if bucket == nil {
			bucket = &sortedItems{}
			x.buckets[v] = bucket
		}
		bucket.insert(it)
	}
}

// addIndex files all present and future items under the values of fn.
func (s *store) addIndex(name string, fn func(api.Object) []string) {
	x := &index{name: name, values: fn, buckets: map[string]*sortedItems{}}
	s.indices = append(s.indices, x)
	for _, it := range s.items { //sim:unordered buckets sort what is put into them
		s.file(it)
	}
}

func (s *store) index(name string) *index {
	for _, x := range s.indices {
		if x.name == name {
			return x
		}
	}
	return nil
}

// all returns the order of all items, making it on first use.
func (s *store) all() *sortedItems {
	if s.ordered == nil {
		items := slices.SortedFunc(maps.Values(s.items), func(a, b *item) int { return compareKeys(a.key, b.key) })
		s.ordered = &sortedItems{few: items}
		if len(items) > sliceLimit {
			s.ordered.grow()
		}
	}
	return s.ordered
}

// list returns the objects of a namespace ("" is all of them) that the selector matches (nil is all), in order.
func (s *store) list(namespace string, selector labels.Selector) []api.Object {
	everything := selector == nil || selector.Empty()
	all := s.all()
	var objects []api.Object
	if namespace == "" && everything {
		objects = make([]api.Object, 0, all.len())
	}
	all.from(key{namespace: namespace}, func(it *item) bool {
		if namespace != "" && it.key.namespace != namespace {
			return false
		}
		if everything || selector.Matches(labels.Set(it.object.GetLabels())) {
			objects = append(objects, it.object)
		}
		return true
	})
	return objects
}

func (b *sortedItems) objects() []api.Object {
	objects := make([]api.Object, 0, b.len())
	b.from(key{}, func(it *item) bool {
		objects = append(objects, it.object)
		return true
	})
	return objects
}
