package apiserver

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/fairness"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Server is one kube-apiserver in one incarnation of its process.
type Server struct {
	process  *host.Process
	config   Config
	etcd     backend
	store    *storage.Store
	fairness *fairness.Controller
	bugs     bugs
	cachers  []*cacher // by the ID of the resource under which objects are stored
	ops      ops
	kinds    kinds
	draws    *sim.Stream
	metrics  serverMetrics

	unary, watch network.Method
	deadlines    fifo // of calls, for the request time-out
	queued       fifo // of calls and watches that wait for seats
	watchCounts  watchCounts
	freeWrites   []*writeCall
	// uids and suffixes draw for decisions.
	uids     func() types.UID
	suffixes func() uint64
}

// Purposes of the server's draws.
const (
	purposeUID sim.Purpose = iota
	purposeSuffix
	purposeWatchTimeout
	purposeBackoff
)

// kinds are the server's events. Their payloads are what their handlers work on.
type kinds struct {
	decoded, decided, encoded    sim.Kind
	listed                       sim.Kind
	released                     sim.Kind
	requestTimeout, queueTimeout sim.Kind
	cacheDecoded, cacheListed    sim.Kind
	cacheRetry, cacheStart       sim.Kind
	bookmarks, fresh, progress   sim.Kind
	watchStarted, watchEncoded   sim.Kind
	watchSent, watchEnd          sim.Kind
	watchSlow                    sim.Kind
	adjust, compact, compacted   sim.Kind
	recompact                    sim.Kind
	bootstrap, endpoints         sim.Kind
	namespaceWait, repair        sim.Kind
}

func newKinds(p *host.Process) kinds {
	return kinds{
		decoded:        p.Kind("apiserver.decoded", func(_ uint64, ref any) { ref.(*call).decoded() }),
		decided:        p.Kind("apiserver.decided", func(_ uint64, ref any) { ref.(*operation).decideNow() }),
		encoded:        p.Kind("apiserver.encoded", func(_ uint64, ref any) { ref.(*call).encoded() }),
		listed:         p.Kind("apiserver.listed", func(_ uint64, ref any) { ref.(*listCall).listed() }),
		released:       p.Kind("apiserver.released", func(_ uint64, ref any) { ref.(*call).release() }),
		requestTimeout: p.Kind("apiserver.requestTimeout", func(_ uint64, ref any) { ref.(*Server).expireCalls() }),
		queueTimeout:   p.Kind("apiserver.queueTimeout", func(_ uint64, ref any) { ref.(*Server).expireQueued() }),
		cacheDecoded:   p.Kind("apiserver.cacheDecoded", func(_ uint64, ref any) { ref.(*session).decoded() }),
		cacheListed:    p.Kind("apiserver.cacheListed", func(_ uint64, ref any) { ref.(*session).replace() }),
		cacheRetry:     p.Kind("apiserver.cacheRetry", func(_ uint64, ref any) { ref.(*session).open() }),
		cacheStart:     p.Kind("apiserver.cacheStart", func(_ uint64, ref any) { ref.(*cacher).start() }),
		bookmarks:      p.Kind("apiserver.bookmarks", func(_ uint64, ref any) { ref.(*cacher).sendBookmarks() }),
		fresh:          p.Kind("apiserver.freshTimeout", func(_ uint64, ref any) { ref.(*cacher).expireReaders() }),
		progress:       p.Kind("apiserver.progress", func(_ uint64, ref any) { ref.(*cacher).requestProgress() }),
		watchStarted:   p.Kind("apiserver.watchStarted", func(_ uint64, ref any) { ref.(*watching).begin() }),
		watchEncoded:   p.Kind("apiserver.watchEncoded", func(_ uint64, ref any) { ref.(*watching).encoded() }),
		watchSent:      p.Kind("apiserver.watchSent", func(_ uint64, ref any) { ref.(*watching).send() }),
		watchEnd:       p.Kind("apiserver.watchEnd", func(_ uint64, ref any) { ref.(*watching).close(nil) }),
		watchSlow:      p.Kind("apiserver.watchSlow", func(_ uint64, ref any) { ref.(*watching).checkSlow() }),
		adjust:         p.Kind("apiserver.adjust", func(_ uint64, ref any) { ref.(*Server).adjustSeats() }),
		compact:        p.Kind("apiserver.compact", func(_ uint64, ref any) { ref.(*compactor).compact() }),
		compacted:      p.Kind("apiserver.compacted", func(_ uint64, ref any) { ref.(*compactor).tellCaches() }),
		recompact:      p.Kind("apiserver.compactWatch", func(_ uint64, ref any) { ref.(*compactor).watch() }),
		bootstrap:      p.Kind("apiserver.bootstrap", func(_ uint64, ref any) { ref.(*bootstrap).run() }),
		endpoints:      p.Kind("apiserver.endpoints", func(_ uint64, ref any) { ref.(*endpointReconciler).run() }),
		namespaceWait:  p.Kind("apiserver.namespaceWait", func(_ uint64, ref any) { ref.(*operation).lookUpNamespace() }),
		repair:         p.Kind("apiserver.repair", func(_ uint64, ref any) { ref.(*Server).repairAddresses() }),
	}
}

func start(p *host.Process, c Config, etcd backend) *Server {
	s := &Server{
		process: p, config: c, ops: newOps(p), kinds: newKinds(p), draws: p.Stream("apiserver/" + p.Name()),
		watchCounts: newWatchCounts(), etcd: etcd, bugs: plantedIn(p),
	}
	s.uids, s.suffixes = s.newUID, s.random
	if c.Metrics == nil {
		s.config.Metrics = metrics.NewRegistry()
	}
	s.metrics = newServerMetrics(s.config.Metrics)
	limits := fairness.Defaults()
	if c.Fairness != nil {
		limits = *c.Fairness
	}
	s.fairness = fairness.New(limits, s.now())
	s.deadlines = fifo{server: s, kind: s.kinds.requestTimeout, after: requestTimeout}
	s.queued = fifo{server: s, kind: s.kinds.queueTimeout, after: queueTimeout}
	s.store = storage.New(s.etcd, s.now, c.Detector)
	s.startCaches()
	s.unary, s.watch = c.Network.Method(api.MethodUnary), c.Network.Method(api.MethodWatch)
	c.Network.Listen(p, c.Address, s)
	p.At(fairness.AdjustmentPeriod, 0, s.kinds.adjust, 0, s)
	startCompactor(s)
	if !c.Bare {
		startBootstrap(s)
		p.At(repairPeriod, 0, s.kinds.repair, 0, s)
	}
	return s
}

func (s *Server) startCaches() {
	s.cachers = make([]*cacher, len(api.Resources()))
	for _, e := range registry.Table() {
		if e.Storage == e.Resource && e.Resource.Served(s.config.Gates) {
			s.cachers[e.Resource.ID] = newCacher(s, e)
		}
	}
	for _, c := range s.cachers {
		if c != nil {
			c.start()
		}
	}
}

// now is the server's monotonic clock.
func (s *Server) now() int64 { return int64(s.process.Monotonic()) }

// cacherOf is the cache of what a resource is stored as.
func (s *Server) cacherOf(e *registry.Entry) *cacher { return s.cachers[e.Storage.ID] }

// Ready reports whether every cache is filled, as /readyz does.
func (s *Server) Ready() bool {
	for _, c := range s.cachers {
		if c != nil && !c.ready {
			return false
		}
	}
	return true
}

// Process is the process that the server runs in.
func (s *Server) Process() *host.Process { return s.process }

// Levels is the state of priority and fairness.
func (s *Server) Levels() []fairness.LevelState { return s.fairness.Levels() }

// ServeCall takes a unary request.
func (s *Server) ServeCall(rpc *network.ServerCall) {
	if rpc.Method() != s.unary {
		panic(fmt.Sprintf("apiserver: call of method %d", rpc.Method()))
	}
	newCall(s, rpc, rpc.Payload().(*api.Request)).arrive()
}

// ServeStream takes a watch.
func (s *Server) ServeStream(st *network.ServerStream) {
	if st.Method() != s.watch {
		panic(fmt.Sprintf("apiserver: stream of method %d", st.Method()))
	}
	w := &watching{server: s, stream: st, request: st.Payload().(*api.Request)}
	w.arrive()
}

func (s *Server) adjustSeats() {
	s.fairness.Adjust(s.now())
	s.process.At(fairness.AdjustmentPeriod, 0, s.kinds.adjust, 0, s)
}
