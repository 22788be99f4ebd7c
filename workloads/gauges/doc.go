// Package gauges measures a cluster of policies.Nodes as pods come and go: what is allocated, fragmented, in use, how
// even it is, what it draws and costs. Every gauge follows the node that has changed; none looks at the whole cluster.
//
// # Power and cost are models
//
// Only nodes in use count: an empty one is taken to be switched off, or given back. Power follows the model of "Power-
// and Fragmentation-aware Online Scheduling for GPU Datacenters" (Lettich et al., 2024, on the same traces): a GPU with
// anything on it draws its maximum, any other its idle power; CPUs are sockets of 32 hardware threads, as many at their
// maximum as the allocated threads fill. The maxima are the vendors' data sheets'; idle power, and all of the models that
// the traces do not name (G2, G3), are assumptions, as are prices. See hardware.go. Only differences between schedulers
// on equal assumptions mean something.
package gauges
