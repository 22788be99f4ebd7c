package manager

import (
	"net/netip"

	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/cluster/controller/deployment"
	"github.com/fauxkube/fauxkube/cluster/controller/disruption"
	"github.com/fauxkube/fauxkube/cluster/controller/endpoints"
	"github.com/fauxkube/fauxkube/cluster/controller/endpointslice"
	"github.com/fauxkube/fauxkube/cluster/controller/garbagecollector"
	"github.com/fauxkube/fauxkube/cluster/controller/namespace"
	"github.com/fauxkube/fauxkube/cluster/controller/nodeipam"
	"github.com/fauxkube/fauxkube/cluster/controller/nodelifecycle"
	"github.com/fauxkube/fauxkube/cluster/controller/podgc"
	"github.com/fauxkube/fauxkube/cluster/controller/replicaset"
	"github.com/fauxkube/fauxkube/cluster/controller/rootca"
	"github.com/fauxkube/fauxkube/cluster/controller/serviceaccount"
	"github.com/fauxkube/fauxkube/cluster/controller/tainteviction"
)

// Table lists the controllers under their upstream names, in upstream's order of registration
// (cmd/kube-controller-manager/app NewControllerDescriptors), which is the order in which they start. clusterCIDR is what
// nodes get their pod ranges from.
func Table(clusterCIDR netip.Prefix) []controller.Entry {
	return []controller.Entry{
		{Name: "endpoints-controller", New: endpoints.New},
		{Name: "endpointslice-controller", New: endpointslice.New},
		{Name: "pod-garbage-collector-controller", New: podgc.New},
		{Name: "namespace-controller", New: namespace.New},
		{Name: "serviceaccount-controller", New: serviceaccount.New},
		{Name: "garbage-collector-controller", New: garbagecollector.New},
		{Name: "deployment-controller", New: deployment.New},
		{Name: "replicaset-controller", New: replicaset.New},
		{Name: "disruption-controller", New: disruption.New},
		{Name: "node-ipam-controller", New: nodeipam.New(clusterCIDR)},
		{Name: "node-lifecycle-controller", New: nodelifecycle.New},
		{Name: "root-ca-certificate-publisher-controller", New: rootca.New},
		{Name: "taint-eviction-controller", New: tainteviction.New},
	}
}
