// Package kubeproxy is the service proxy of a node: it turns Services and EndpointSlices into a table that answers where
// a connection to a service goes.
//
// The story of a change:
//
//	proxy.go      an informer brings it; a sync is asked for, at most one a second (minSyncPeriod)
//	table.go      the sync takes the table for exactly the objects that this proxy has seen
//	categorize.go which endpoints serve a port: ready ones, on this node only where the policy says Local, terminating
//	              ones when nothing else is left
//	lookup.go     a connection asks the table: session affinity, else a draw
//
// A table follows from nothing but the versions of the Services and EndpointSlices that it was made of. So all proxies
// of a simulation share one cache of tables, keyed by a fingerprint of those versions: a thousand proxies that have seen
// the same objects hold one table, while each syncs at its own time and may lag behind the others. What depends on the
// node (its name for the policy Local, its zone for hints) is decided at lookup.
//
// The original also syncs every 30 s (syncPeriod) to repair rules that somebody else has changed. Nobody does here, so
// such a sync would change nothing and is left out.
//
// Metrics: kubeproxy_sync_proxy_rules_duration_seconds and kubeproxy_network_programming_duration_seconds (from the
// endpoint's change, as the annotation endpoints.kubernetes.io/last-change-trigger-time says, to the applied table).
// CPU is charged as kubeproxy.sync, per service port that changed.
//
// Not modelled: health-check node ports, load-balancer source ranges, headless services (they have no virtual address).
//
// This package is internal to the cluster and may change.
package kubeproxy
