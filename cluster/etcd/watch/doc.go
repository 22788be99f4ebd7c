// Package watch tells watchers what changes in a keyspace. It is a side-effect-free core: changes go in, responses go
// to sinks; when to synchronise and where a sink leads is the member's business.
//
// # The life of a watcher
//
//	          start > newest                        start <= newest
//	               |                                      |
//	               v         sink full                    v
//	notify ->  synced  ------------------> blocked -> unsynced  <- Sync, every 100 ms
//	               ^                          |           |
//	               +---- nothing missed ------+           |
//	               +---------- caught up -----------------+
//
// A synced watcher hears of each change when it is applied. One whose sink is full is blocked with the response that
// did not fit; nobody waits for it. When the sink has room again it continues from the log, which holds everything
// since the last compaction; if compaction has passed it, it is cancelled with the compacted revision.
//
// The guarantees are etcd's: ordered (revisions never decrease), unique (no event twice), reliable (no event is left
// out), atomic (the events of one revision are in one response, unless fragmented), resumable (a watch from revision r
// has everything from r on) and bookmarkable (after a progress notification at r nothing up to r follows).
//
// # What makes it fast
//
// Watchers that ask the same question form a group, which collects the events of one batch of changes once and hands
// one shared, immutable response to each. A change finds its groups through a table of single keys and through
// the borders of all watched ranges, sorted, each with the groups that cover what follows; it is rebuilt when the set
// of ranges has changed, which is rare.
package watch
