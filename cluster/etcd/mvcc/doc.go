// Package mvcc is the keyspace of one store member: every key with all its revisions since the last compaction, as
// etcd v3.6 keeps it. It is a side-effect-free core: requests go in, responses and changes come out; it knows no
// clock, no disk and no network.
//
// # How it is laid out
//
// An index finds each key's newest [Record], by the key and in order of keys. A record is one revision of one key and points
// to the record that it replaced, so that the history of a key is a list from new to old. A second structure, the log, holds the
// records in order of revision; watchers that are behind read it. Both share the records, and a record's KeyValue is
// handed out by pointer and never modified, so that a read copies nothing.
//
//	index: a -> [a@7] -> [a@3]            log:  b@2  a@3  c@4 (deleted)  b@6  a@7
//	       b -> [b@6] -> [b@2]
//	       c -> [c@4, tombstone]
//
// A write knows its predecessor from the same operation that stores it; a read at an old revision walks the list,
// which is as long as the key was written often since the last compaction.
//
// Compaction at revision r visits the log up to r once: what a record up to r replaced can no longer be read, so the
// link is cut there and the garbage collector does the rest; a tombstone below r leaves the index. As in etcd v3.6 a
// tombstone at exactly r stays, since a watcher may still start at r.
//
// A [Snapshot] copies one pointer a key and shares the rest: the order of keys, which is copied as it changes, the log, and
// the records. Since compaction of one cuts lists of the other, they also share a floor, below which neither answers reads.
//
// # The files
//
//	types, request  what is stored, asked and answered; check refuses what cannot be, whatever is stored
//	store           writes; range reads; txn decides, checks, then does
//	index, history  the newest record of each key; all records by revision
//	compact         what can go
//	snapshot, export  the state at one revision, for followers and for files
//	hash, size      what members compare, and what it would take on a disk
//
// The twin in the tests keeps every state of every revision in a map of its own, and is slow and short.
//
// # Rejected
//
// An index from key to revisions beside a table from revision to value, as etcd has it over a B+ tree file: three
// lookups a put instead of one, and twice the memory. A slice of revisions per key: cheap to search, but a snapshot
// would have to copy every slice.
package mvcc
