package apiserver

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/sim/network"
)

const (
	// bootstrapRetry is how long after a failed attempt the next one follows.
	bootstrapRetry = time.Second
	// bootstrapPeriod is how often system namespaces are looked after (controlplane/controller/systemnamespaces).
	bootstrapPeriod = time.Minute
)

// bootstrap creates what every cluster has, one object after the other, and looks every minute whether it is still there.
type bootstrap struct {
	server *Server
	wanted []api.Object
	at     int
}

func startBootstrap(s *Server) {
	b := &bootstrap{server: s, wanted: registry.SystemObjects(portOf(s.config.Address))}
	b.run()
	startEndpoints(s)
}

// portOf is the port of an address, 6443 if it has none.
func portOf(a network.Address) int32 {
	port := int32(0)
	for _, digit := range string(a)[min(len(a.Host())+1, len(a)):] {
		port = port*10 + (digit - '0')
	}
	if port == 0 {
		return 6443
	}
	return port
}

// run goes on with the next object that is missing.
func (b *bootstrap) run() {
	s := b.server
	for ; b.at < len(b.wanted); b.at++ {
		if obj := b.wanted[b.at]; !b.has(obj) {
			b.create(obj)
			return
		}
	}
	b.at = 0
	s.process.At(bootstrapPeriod, 0, s.kinds.bootstrap, 0, b)
}

func (b *bootstrap) has(obj api.Object) bool {
	m := api.Meta(obj)
	return b.server.Get(api.ResourceOf(obj), m.Namespace, m.Name) != nil
}

func (b *bootstrap) create(obj api.Object) {
	s, r := b.server, api.ResourceOf(obj)
	if !s.cacherOf(registry.For(r)).ready {
		s.process.At(bootstrapRetry, 0, s.kinds.bootstrap, 0, b)
		return
	}
	s.do(&api.Request{Verb: api.VerbCreate, Resource: r, Namespace: api.Meta(obj).Namespace, Object: obj}, func(_ api.Object, err error) {
		if err != nil && !apierrors.IsAlreadyExists(err) {
			s.process.At(bootstrapRetry, 0, s.kinds.bootstrap, 0, b)
			return
		}
		b.at++
		b.run()
	})
}
