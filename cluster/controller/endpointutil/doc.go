// Package endpointutil holds what the EndpointSlice and the Endpoints controllers have in common: which changes of a pod
// matter to which Services, which pods belong to endpoints under which port, and since when a change has been waiting to
// be published. Upstream has it in k8s.io/endpointslice/util.
package endpointutil
