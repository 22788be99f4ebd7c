package manager

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

const (
	// UserAgent is how the process calls itself.
	UserAgent = "kube-controller-manager/v1.36.3"
	// Rates of a controller's client (--kube-api-qps, --kube-api-burst).
	defaultQPSMilli = 20_000
	defaultBurst    = 30
	// restartDelay is how long an exited process stays down: the kubelet sees it at its next relist, after a second at
	// most, and starts it at once the first time.
	restartDelay = time.Second
)

// defaultClusterCIDR has room for 16384 nodes of 254 pods.
var defaultClusterCIDR = netip.MustParsePrefix("10.128.0.0/10")

// Config describes a kube-controller-manager.
type Config struct {
	Network *network.Network
	// Server is the API server's address, or that of the load balancer before several.
	Server  network.Address
	Metrics *metrics.Registry
	// Identity tells replicas apart; "" is the machine's name with a suffix for the incarnation.
	Identity string
	// QPSMilli and Burst limit each controller's client; 0 is 20 a second and 30.
	QPSMilli int64
	Burst    int
	// ClusterCIDR is where nodes get their pod ranges from; the zero value is 10.128.0.0/10.
	ClusterCIDR netip.Prefix
	// Gates are the API servers' feature gates that are not at their default.
	Gates map[string]bool
	// Disabled names controllers that do not run.
	Disabled []string
	// NoLeaderElection starts the controllers at once, for clusters and tests with one replica.
	NoLeaderElection bool
}

// Manager is one running kube-controller-manager.
type Manager struct {
	process  *host.Process
	config   Config
	election *client.LeaderElection
	started  bool
}

// Start runs a kube-controller-manager in the current incarnation of p. Call it from the function that p was spawned with,
// so that it runs again after a restart.
func Start(p *host.Process, c Config) *Manager {
	m := &Manager{process: p, config: c.withDefaults(p)}
	if c.NoLeaderElection {
		m.startControllers()
		return m
	}
	elector := m.newClient(client.Config{Timeout: client.DefaultRenewDeadline / 2, UserAgent: UserAgent + " leader-election"})
	m.election = client.RunLeaderElection(p, elector, client.LeaderConfig{
		Namespace: "kube-system", Name: "kube-controller-manager", Identity: m.config.Identity,
		OnStartedLeading: m.startControllers,
		OnStoppedLeading: func() { p.Restart(restartDelay) },
		Recorder:         client.NewRecorder(m.newClient(client.Config{}), p, "kube-controller-manager", ""),
		Metrics:          c.Metrics,
	})
	return m
}

func (c Config) withDefaults(p *host.Process) Config {
	if c.QPSMilli == 0 {
		c.QPSMilli = defaultQPSMilli
	}
	if c.Burst == 0 {
		c.Burst = defaultBurst
	}
	if !c.ClusterCIDR.IsValid() {
		c.ClusterCIDR = defaultClusterCIDR
	}
	if c.Identity == "" {
		// Upstream appends a random UUID, so that a restarted process does not take its predecessor's Lease for its own.
		draws := p.Stream(p.Name() + "/identity")
		c.Identity = fmt.Sprintf("%s_%016x-%d", p.Machine().Name(), draws.Uint64(purposeIdentity), p.Incarnation())
	}
	return c
}

// purposeIdentity draws what tells incarnations apart.
const purposeIdentity sim.Purpose = 0

// Leading reports whether the controllers run here.
func (m *Manager) Leading() bool { return m.started }

// Election is the leader election that this replica takes part in, nil without one.
func (m *Manager) Election() *client.LeaderElection { return m.election }

// startControllers builds and starts every controller that is not disabled.
func (m *Manager) startControllers() {
	m.started = true
	env := &controller.Env{
		Process: m.process,
		NewClient: func(account string) *client.Client {
			return m.controllerClient(account, 1, 1)
		},
		NewScaledClient: m.controllerClient,
		Informers:       client.NewInformers(m.newClient(client.Config{})),
		Metrics:         m.config.Metrics,
		Gates:           m.config.Gates,
	}
	for _, e := range Table(m.config.ClusterCIDR) {
		if !slices.Contains(m.config.Disabled, e.Name) {
			e.New().Start(env)
		}
	}
	env.Informers.Start()
}

// controllerClient is a clientset of a service account with a token bucket of its own.
func (m *Manager) controllerClient(account string, qpsFactor int64, burstFactor int) *client.Client {
	return m.newClient(client.Config{
		User:    controller.User(account),
		Limiter: client.NewTokenBucket(m.process, m.config.QPSMilli*qpsFactor, m.config.Burst*burstFactor),
	})
}

// newClient fills in what all clients of the process have in common.
func (m *Manager) newClient(c client.Config) *client.Client {
	c.Network, c.Server, c.Metrics = m.config.Network, m.config.Server, m.config.Metrics
	if c.UserAgent == "" {
		c.UserAgent = UserAgent
	}
	if c.User == nil {
		c.User = &api.User{Name: "system:kube-controller-manager", Groups: []string{"system:authenticated"}}
	}
	return client.New(m.process, c)
}
