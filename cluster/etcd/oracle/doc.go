// Package oracle holds the store of the simulation against the original: etcd v3.6 itself, embedded, on loopback.
// It is a module of its own, so that whoever uses Fauxkube does not build etcd, and it has tests only.
//
// A test draws operations one at a time, as etcd's own requests, from the state that the ones before have left. Each is
// given to three stores: the real server, a simulated member alone, and three simulated members that are asked in turn.
// Every answer is turned back into etcd's own form and must read the same, header revision, error text and code
// included. Watches run beside the operations and must tell the same events; where a test waits for them after each
// operation, the same responses.
//
// The real server lives through many sequences, since its start costs more than a hundred operations: each sequence
// begins with an empty keyspace, without leases, compacted up to the present revision. After a difference all three stores
// are thrown away.
//
// What is not compared is in one table, differences_test.go, with the reasons.
package oracle
