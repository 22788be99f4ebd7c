package client

import (
	"cmp"
	"slices"

	"github.com/tidwall/btree"
)

// key names an object in one informer. As a pair it needs no string to be built for a look-up.
type key struct{ namespace, name string }

func compareKeys(a, b key) int {
	return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
}

// sliceLimit is the size beyond which a sorted set moves from a slice to a tree: at it, inserting moves 2 KiB on
// average, about what a descent of the tree costs.
const sliceLimit = 512

// sortedItems is a set of items in order of their keys. Most sets are the pods of one node or one ReplicaSet: a
// short slice. A few hold everything: a tree.
type sortedItems struct {
	few  []*item
	many *btree.BTreeG[*item]
}

func itemLess(a, b *item) bool { return compareKeys(a.key, b.key) < 0 }

func compareItem(a *item, k key) int { return compareKeys(a.key, k) }

func (s *sortedItems) len() int {
	if s.many != nil {
		return s.many.Len()
	}
	return len(s.few)
}

// insert adds an item that is not in the set.
func (s *sortedItems) insert(it *item) {
	if s.many != nil {
		s.many.Set(it)
		return
	}
	at, _ := slices.BinarySearchFunc(s.few, it.key, compareItem)
	s.few = slices.Insert(s.few, at, it)
	if len(s.few) > sliceLimit {
		s.grow()
	}
}

// grow moves the set into a tree.
func (s *sortedItems) grow() {
	s.many = btree.NewBTreeGOptions(itemLess, btree.Options{NoLocks: true})
	for _, it := range s.few {
		s.many.Load(it)
	}
	s.few = nil
}

// remove takes an item out.
func (s *sortedItems) remove(it *item) {
	if s.many != nil {
		s.many.Delete(it)
		return
	}
	if at, found := slices.BinarySearchFunc(s.few, it.key, compareItem); found {
		s.few = slices.Delete(s.few, at, at+1)
	}
}

// from visits the items from k on, in order, until visit returns false. visit must not change the set.
func (s *sortedItems) from(k key, visit func(*item) bool) {
	if s.many != nil {
		s.many.Ascend(&item{key: k}, visit)
		return
	}
	at, _ := slices.BinarySearchFunc(s.few, k, compareItem)
	for _, it := range s.few[at:] {
		if !visit(it) {
			return
		}
	}
}
