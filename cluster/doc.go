// Package cluster puts a whole Kubernetes together on simulated machines.
//
// New takes a Topology and places, on machines of a simulation: the store's members and the API servers on the
// control-plane hosts, a load balancer before the API servers, on each control-plane host a scheduler and a controller
// manager of which the elected one works, and on every node a kubelet, a container runtime and a kube-proxy. From
// then on everything happens through the simulation.
//
//	s := sim.New(sim.Config{Seed: 1})
//	defer s.Close()
//	c, err := cluster.New(s, cluster.Topology{NodePools: []cluster.NodePool{{Name: "web", Count: 3}}})
//	...
//	err = s.Run(sim.Time(time.Minute))
//
// Whoever acts on the cluster does so as an operator would: through Kubectl, a client on a workstation outside of the
// cluster, or by pulling the plug of a Node or a control-plane machine. Whoever looks at it does so through Store,
// which shows what is committed, whatever any cache believes.
//
// # What may change
//
// New, Topology, Cluster, Node and Store are the package's promise. The packages below it may change.
package cluster
