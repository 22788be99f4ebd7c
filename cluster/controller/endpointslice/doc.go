// Package endpointslice is the EndpointSlice controller: for every Service with a selector it keeps EndpointSlices that
// list the addresses of the selected pods.
//
// A sync reads the Service, its pods and its slices, and plans (plan.go) which slices to create, update and delete so that
// few writes are needed: endpoints stay where they are, slices that change anyway are filled up first, to 100 endpoints. One set
// of slices exists per IP family and per set of ports, since a named port may be another number on every pod.
//
// The controller remembers the generations it wrote (tracker.go) and does not plan from a cache that is older.
//
// Hints for the field trafficDistribution are set (hints.go); those of the deprecated annotation
// service.kubernetes.io/topology-mode are not modelled.
package endpointslice
