// Package replicaset is the ReplicaSet controller: it keeps as many pods as a ReplicaSet asks for.
//
// A sync (controller.go) goes: are the informers as new as this controller's own writes; are all creations and deletions
// it asked for seen; which pods belong to the ReplicaSet (owner reference and selector); create or delete the difference
// (at most 500 at once, creations in batches of 1, 2, 4, ...; deletions in the order of rank.go); write the status.
//
// The status counts the pods as they were listed before the sync created any. Since creations wait for the client's
// token bucket, the status of a large ReplicaSet lags: of 1000 new pods half are created by the first sync, which then
// reports none of them, and half by the second, which reports the first half when it is done.
//
// Decisions are plain functions: rank.go (which pods to delete), status.go (what to report).
package replicaset
