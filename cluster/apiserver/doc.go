// Package apiserver is kube-apiserver: the pipeline that a request goes through between the network and the store.
//
//	network -> flow control -> decode -> [ read: cache or store ] -> encode -> network
//	                                  -> [ write: admission, strategy (registry) -> store ]
//
// Several servers run side by side behind a load balancer. Each has a watch cache of its own for every resource, fed by a
// watch on the store, so two servers may answer differently within the limits of what their reads promise:
//
//	get and list, resourceVersion unset   consistent. A get asks the store. A list asks the store for its revision only,
//	                                      waits until the cache has reached it (prompting progress notifications), and
//	                                      reads the store itself where the cache does not get there within 3 s
//	"0"                                   whatever the cache has, even of a minute ago
//	a revision                            at least that new; the cache waits 3 s, then "Too large resource version"
//	exact, or a continue token            that very revision: from the cache's history if it reaches back, else the store
//	watch                                 from the cache, after a revision; 410 "too old" where the history begins later.
//	                                      WatchList (sendInitialEvents) streams the state first, consistent like a list
//
// # How it is built
//
// A request is a state machine: a call (or a watching) that is handed from callback to callback by the network, the cores
// (every step charges its cost to the machine) and the store. Nothing here is a task. Sub-packages are side-effect-free
// cores: fairness decides who is served, watchcache holds and filters, storage writes conditionally, registry knows the
// kinds. This package connects them:
//
//	server.go    what runs; calls and streams come in
//	call.go      the life of a unary request: seats, time-out, charge, answer, metrics, audit
//	read.go      get and list
//	write.go     the conditional writes of all verbs; operation.go is one such write, delete_collection.go many
//	watching.go  the life of a watch
//	cacher.go    a resource's cache and its watch on the store; fresh.go lets readers wait for it
//	compactor.go the store's history, cut every five minutes by one of the servers
//	bootstrap*.go what a new cluster finds: namespaces, priority classes, the kubernetes service
//
// # What is left out
//
// Authentication and authorisation (the user of a request is believed, everybody may do everything), aggregation,
// custom resources, server-side apply, encodings. Bodies travel by reference, with the size that they would have.
package apiserver
