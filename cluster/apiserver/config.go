package apiserver

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/fairness"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/cluster/witness"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Config says how one API server runs.
type Config struct {
	Network *network.Network
	// Address is where it listens; its port is what the kubernetes service's endpoints name.
	Address network.Address
	// Etcd are the client addresses of the store's members.
	Etcd []network.Address
	// AdvertiseIP is the address that the kubernetes service's endpoints show; "" leaves the endpoints alone.
	AdvertiseIP string
	// Fairness configures priority and fairness; nil means upstream's defaults.
	Fairness *fairness.Config
	// Metrics receives the server's metrics; nil keeps them to itself.
	Metrics *metrics.Registry
	// Audit is told each write request when it completes; may be nil.
	Audit func(AuditRecord)
	// OnChange is told after the server's cache has taken over a change of an object, and with the key "" after it was
	// filled anew; for observers, which read the cache by Server.Get and Server.Each. May be nil.
	OnChange func(s *Server, r *api.Resource, key string)
	// Witness checks what the server's watches tell, those on the store and those that it serves; nil checks nothing.
	Witness *witness.Witness
	// Detector finds modified stored objects; share one among the servers of a test. nil is off.
	Detector *storage.Detector
	// CompactionInterval is how often the store's history is cut (--etcd-compaction-interval); 0 means 5 minutes,
	// negative never.
	CompactionInterval time.Duration
	// WithoutAdmission are the admission plugins that are switched off (--disable-admission-plugins).
	WithoutAdmission registry.Admission
	// Gates are feature gates that are not at their default. GenericWorkload serves PodGroups.
	Gates map[string]bool
	// Bare leaves out everything that the server does by itself besides serving: bootstrapping of namespaces, priority
	// classes and the kubernetes service.
	Bare bool
}

// Limits and periods of kube-apiserver v1.36.
const (
	// requestTimeout is --request-timeout.
	requestTimeout = 60 * time.Second
	// queueTimeout is how long a request may wait for its seats: a quarter of its deadline
	// (server/filters/priority-and-fairness.go).
	queueTimeout = requestTimeout / 4
	// maxRequestBytes is the limit on bodies of writes (server.Config.MaxRequestBodyBytes).
	maxRequestBytes = 3 << 20
	// minWatchTimeout is --min-request-timeout: a watch without a timeout of its own lasts 1 to 2 times as long.
	minWatchTimeout = 1800 * time.Second
	// freshTimeout is how long a read waits for the cache to catch up (cacher blockTimeout).
	freshTimeout = 3 * time.Second
	// tooLargeRetrySeconds is the advice to a client that asked for a revision of the future.
	tooLargeRetrySeconds = 1
	// progressPeriod is the least time between two requests to the store for its progress.
	progressPeriod = 100 * time.Millisecond
	// compactionInterval is --etcd-compaction-interval.
	compactionInterval = 5 * time.Minute
	// generateNameAttempts is how many names are tried (registry/generic maxNameGenerationCreateAttempts).
	generateNameAttempts = 8
	// slowWatcherBudget is how long a watcher may stay behind with full buffers (cacher time_budget.go, at most).
	slowWatcherBudget = 100 * time.Millisecond
)

// self is who the server is towards itself: its own writes go through the same pipeline.
var self = &api.User{Name: "system:apiserver", Groups: []string{"system:masters", "system:authenticated"}}

// userAgent is how the server's own requests appear in audit logs.
const userAgent = "kube-apiserver/v1.36.3"
