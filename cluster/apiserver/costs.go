package apiserver

import "github.com/fauxkube/fauxkube/sim/host"

// ops are the operations that the server charges, by name. What they cost stands in the simulation's cost table.
type ops struct {
	decode      host.Op // per request, and per byte of its body: HTTP/2, authentication, routing, audit, decoding
	admission   host.Op // per decision of a write, and per byte of the object: admission, strategy, validation, storage encoding
	encode      host.Op // per answer, and per byte
	list        host.Op // per object that a list has looked at
	cacheDecode host.Op // per change from the store, and per byte: decoding, cache, dispatch
	watchEncode host.Op // per byte of an event, once for all its watchers
	watchSend   host.Op // per event and watcher: filter, frame, write
	watchStart  host.Op // per watch
}

func newOps(p *host.Process) ops {
	return ops{
		decode:      p.Op("apiserver.decode"),
		admission:   p.Op("apiserver.admission"),
		encode:      p.Op("apiserver.encode"),
		list:        p.Op("apiserver.list"),
		cacheDecode: p.Op("apiserver.cache.decode"),
		watchEncode: p.Op("apiserver.watch.encode"),
		watchSend:   p.Op("apiserver.watch.send"),
		watchStart:  p.Op("apiserver.watch.start"),
	}
}
