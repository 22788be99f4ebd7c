// Package registry is what the API server knows about each kind: how an object is defaulted, validated, changed,
// deleted and shown. It decides; the server stores.
//
// # One entry per resource
//
// Table holds one declarative Entry per *api.Resource. An entry names its hooks (defaulting, preparation, validation,
// selectable fields, columns); the generic order in which they run is the same for every kind and is that of upstream:
//
//	create:  copy -> defaults -> system fields, name -> admission that changes -> prepare -> validate -> admission that refuses
//	update:  (patch ->) copy -> defaults -> metadata kept -> admission -> prepare -> validate -> unchanged? emptied finalizers?
//	delete:  preconditions -> grace period -> finalizers -> write, remove, both or nothing
//
// create.go, update.go, patch.go, delete.go, scale.go, binding.go and eviction.go hold one verb each. The kinds are in
// the files kind_*.go, admission plugins in admission_*.go.
//
// # Pure functions
//
// Everything that a decision depends on besides its objects is in a Context: the time, uids and suffixes drawn by the
// server, who asks, and a Lookup that reads other objects from the server's cache. Nothing here performs input or
// output, so a decision can be repeated when a conditional write loses its race. An Outcome says what the server should
// do. Where another object must change first (a quota's usage, a disruption budget's count), the outcome carries that
// conditional write in Before.
//
// # Copies
//
// Objects that come in belong to their senders and objects that are stored belong to everybody, so neither is ever
// written to. Frequent kinds (Pod, Event, Lease, Node, EndpointSlice, ReplicaSet) are copied along the path of a change
// only; for the rest an entry asks for a deep copy first, and its hooks may then write freely (Entry.deep).
//
// # What is left out
//
// Server-side apply and managedFields (left empty everywhere), custom resources, and feature gates other than
// v1.36's defaults.
package registry
