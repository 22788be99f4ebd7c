// Package store is work for a store alone: clients that write, read, watch, and hold leases, at a rate of their own,
// whatever the store is able to do. Every answer and every event is checked (package cluster/etcd/check).
//
// Each client stands on a machine of its own and draws its requests from its own stream: from the table in requests.go,
// on a handful of keys, so that they get in each other's way. Arrivals are independent of answers, up to a number of
// requests under way.
//
// One more client is a slow watcher: its process stops every now and then, so that its watches fall behind, and
// compactions pass them.
//
// The load keeps, for each window of time, what was answered and how fast: what a report shows beside the faults.
package store
