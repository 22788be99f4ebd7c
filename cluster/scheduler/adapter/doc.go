// Package adapter runs scheduler plugins that are written against k8s.io/kube-scheduler/framework, unchanged.
//
//	config.Options{OutOfTree: map[string]config.Factory{"ZoneCap": adapter.Factory(example.New)}}
//
// Plugins see nodes, pods and the cycle's state through the real interfaces (node.go, state.go), and are asked at the extension points that
// they implement. What they ask of their Handle comes from the scheduler around them (handle.go): the snapshot, nominated pods, the profile's
// filters, activation. A simulated scheduler has no client set, informer factory, event recorder or API dispatcher; a plugin that asks for
// one is refused by name when it is built, or ends the run if it asks later.
//
// A plugin must take nothing from outside: no clock, randomness, goroutines or map order. PreBind, Bind and Permit take no time of their
// own. Package example holds such a plugin.
package adapter
