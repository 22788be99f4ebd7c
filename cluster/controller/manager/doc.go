// Package manager is kube-controller-manager: the process in which the controllers run.
//
// Of several replicas one leads, by the Lease kube-system/kube-controller-manager. The leader builds every controller of the
// table, starts the informers they share, and leads until it cannot renew the Lease; then the process exits, as upstream's
// does, and whoever supervises it starts it again with nothing in memory.
//
// Clients are part of the model. Each controller has a clientset of its own, under its own service account, with its own token
// bucket of 20 requests a second and a burst of 30; reads, writes and Events of one controller share it in order of arrival. The
// informers use a client without a limit, and the leader election another.
//
// Controllers of upstream's manager that are not here do nothing: DaemonSets, StatefulSets, Jobs, volumes, quotas and
// certificates have none yet.
package manager
