// Package nodeipam is the node IPAM controller: it gives every node a range of pod addresses of its own, spec.podCIDR.
//
// Ranges are cut from the cluster's range one after another, starting again at the front when the end is reached; those
// of deleted nodes are used again (cidrs.go). Real clusters run it with --allocate-node-cidrs.
package nodeipam
