package apiserver

import (
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/etcd/watch"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Start runs an API server in the process, from inside its start function. It listens at once; requests that need a cache
// are told to come back until that is filled.
func Start(p *host.Process, c Config) *Server {
	return start(p, c, etcdBackend{etcd.NewClient(p, c.Network, c.Etcd)})
}

// etcdBackend is the store's client as a backend.
type etcdBackend struct{ *etcd.Client }

func (b etcdBackend) Watch(r *watch.Request, to receiver) storeWatch { return b.Client.Watch(r, to) }
