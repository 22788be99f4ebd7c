package cluster

import (
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/controller/manager"
	"github.com/fauxkube/fauxkube/cluster/kubelet"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/sim/disk"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// startControlPlane places the control plane: machine cp-<i> holds member i, API server i, a scheduler and a
// controller manager, as far as there are that many.
func (c *Cluster) startControlPlane() {
	plane := c.topology.ControlPlane
	for i := range plane.hosts() {
		c.hosts = append(c.hosts, host.NewMachine(c.simulation, host.Config{
			Name: fmt.Sprintf("cp-%d", i), Zone: plane.zone(i), Region: plane.Region, Cores: plane.Cores,
			Disk: disk.Config{SyncLatency: c.topology.fsyncLatency()},
		}))
	}
	c.startEtcd()
	if plane.StoreOnly {
		return
	}
	c.startAPIServers()
	c.startExtenders()
	for i := range plane.hosts() {
		c.startControllers(c.hosts[i])
	}
	if !plane.Headless {
		for i := range plane.hosts() {
			c.startControlPlaneKubelet(i)
		}
	}
}

func address(machine string, port int) network.Address {
	return network.Address(fmt.Sprintf("%s:%d", machine, port))
}

func (c *Cluster) startAPIServers() {
	var backends []network.Address
	without, err := registry.ParseAdmission(c.topology.ControlPlane.DisableAdmissionPlugins)
	if err != nil {
		panic(err) // Topology.Check has seen it.
	}
	c.servers = make([]*apiserver.Server, c.topology.ControlPlane.APIServers)
	for i := range c.topology.ControlPlane.APIServers {
		machine := c.hosts[i]
		at := address(machine.Name(), 6443)
		backends = append(backends, at)
		registry := c.metrics.With("apiserver", machine.Name())
		ip := controlPlaneIP(i)
		view := &View{cluster: c, server: i}
		c.views = append(c.views, view)
		c.apiservers = append(c.apiservers, machine.Spawn("kube-apiserver", func(p *host.Process) {
			c.startBackground(p)
			c.servers[i] = apiserver.Start(p, apiserver.Config{
				Network: c.network, Address: at, Etcd: c.etcdEndpoints(i), AdvertiseIP: ip, Gates: c.topology.Gates,
				Metrics: registry, Audit: c.topology.Audit, Detector: c.detector, Witness: c.witness, WithoutAdmission: without,
				OnChange: func(_ *apiserver.Server, r *api.Resource, key string) { view.changed(r, key) },
			})
		}))
	}
	c.network.Balance(apiAddress, backends...)
}

// etcdEndpoints lists the members for one API server: its own machine's first, as kubeadm's stacked etcd has it, with
// the others to fail over to.
func (c *Cluster) etcdEndpoints(i int) []network.Address {
	var endpoints []network.Address
	for k := range c.seats {
		endpoints = append(endpoints, c.seats[(i+k)%len(c.seats)].peer.ClientAddress)
	}
	return endpoints
}

func (c *Cluster) startControllers(machine *host.Machine) {
	rate := c.topology.Clients
	c.schedulers = append(c.schedulers, machine.Spawn("kube-scheduler", func(p *host.Process) {
		c.startBackground(p)
		config := scheduler.Config{
			Network: c.network, Server: apiAddress, Host: machine.Name(), Identity: identity(p), Metrics: c.metrics.With("instance", machine.Name()),
			QPSMilli: rate["kube-scheduler"].QPSMilli, Burst: rate["kube-scheduler"].Burst,
			Explain: c.topology.Explain, Explained: c.topology.Explained, Stopwatch: c.topology.Stopwatch,
		}
		if c.topology.Scheduler != nil {
			c.topology.Scheduler.Apply(&config)
		}
		scheduler.Start(p, config)
	}))
	c.managers = append(c.managers, machine.Spawn("kube-controller-manager", func(p *host.Process) {
		c.startBackground(p)
		manager.Start(p, manager.Config{
			Network: c.network, Server: apiAddress, Metrics: c.metrics.With("instance", machine.Name()), Identity: identity(p), Gates: c.topology.Gates,
			QPSMilli: rate["kube-controller-manager"].QPSMilli, Burst: rate["kube-controller-manager"].Burst,
		})
	}))
}

// identity is a lock holder's: the host's name and something that tells incarnations apart.
func identity(p *host.Process) string {
	return fmt.Sprintf("%s_%08x-%04x", p.Machine().Name(), uint32(p.Stream("identity/"+p.Name()).Uint64(0)), p.Incarnation())
}

func controlPlaneIP(i int) string { return fmt.Sprintf("192.168.0.%d", 10+i) }

// startControlPlaneKubelet makes a control-plane machine a node that runs its processes as static pods.
func (c *Cluster) startControlPlaneKubelet(i int) {
	machine := c.hosts[i]
	kubelet.Spawn(machine, kubelet.Config{
		NodeName: machine.Name(), Network: c.network, Server: apiAddress, Metrics: c.metrics, NodeIP: controlPlaneIP(i),
		Capacity: controlPlaneCapacity(c.topology.ControlPlane), Labels: located(map[string]string{controlPlaneLabel: ""}, machine.Zone(), machine.Region()),
		Taints: controlPlaneTaints, StaticPods: c.staticPods(i), Runtime: runtime.Config{Catalogue: c.catalogue},
	})
}
