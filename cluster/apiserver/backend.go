package apiserver

import (
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/etcd/watch"
)

// backend is the store as the server uses it. Callbacks run later, in events of the server's process.
type backend interface {
	storage.Client
	Compact(revision int64, done func(error))
	Watch(r *watch.Request, to receiver) storeWatch
}

// receiver takes what a watch on the store tells.
type receiver interface {
	Events(r *watch.Response)
	// Closed is the last call; the watch does not resume by itself after it.
	Closed(err error)
}

// storeWatch is a watch on the store.
type storeWatch interface {
	Cancel()
	RequestProgress()
}
