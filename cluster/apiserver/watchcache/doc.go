// Package watchcache is one API server's copy of one resource: the current objects, the recent changes, and the watchers
// that hear of the next ones. It is a side-effect-free core: changes of the store go in, in order of revision; lists and
// watch events come out. It knows no network and no store; time comes in as an argument.
//
// # What it holds
//
//	entries   key -> object           current state, also ordered by key and, for pods, indexed by spec.nodeName
//	history   a ring of changes       100 slots, doubling up to 102,400 while they hold less than 75 s
//	watchers  by what can match them  everything, one namespace, one name, one index value
//
// A change costs what it touches: one map access for the entry, one ring slot, and the watchers whose scope or index value
// it can match. A watcher gets ADDED, MODIFIED or DELETED by whether the old and the new object pass its selector; what
// leaves a selector is delivered as DELETED with its old content and the change's revision.
//
// A list at an exact past revision is the current state with the younger changes undone, which the ring allows as far as
// it reaches. Upstream keeps a copy-on-write snapshot of the tree per change instead (ListFromCacheSnapshot); the revisions
// that can be served are the same, and writes pay nothing for it.
//
// # Guarantees to a watcher
//
// Events come in order of revision, each at most once, none older than where the watch began, and none is skipped: a
// watcher that cannot keep up, or whose cache starts again from a list, is ended instead (etcd's documented watch
// guarantees, as far as a cache can keep them). The tests hold the package against a twin that keeps every change for ever
// and filters it for each watcher.
//
// Objects are shared with every other holder and never modified.
package watchcache
