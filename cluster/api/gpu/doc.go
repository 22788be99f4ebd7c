// Package gpu says how nodes offer GPUs and how pods ask for them, whole or shared. It is a part of the API: nothing but names and
// what they mean.
//
// # Nodes
//
// A node's GPUs are counted by one of the extended resources that Resources lists, as a device plugin reports them:
// nvidia.com/gpu, amd.com/gpu, or alibabacloud.com/gpu-count. They are numbered from 0 and are all of one model, which the label
// alibabacloud.com/gpu-card-model names, or nvidia.com/gpu.product, as NVIDIA's feature discovery sets it.
//
// # Pods
//
// A pod asks in one of two ways:
//
//	resources.requests: {nvidia.com/gpu: 2}       two whole GPUs, as anywhere in Kubernetes
//	alibabacloud.com/gpu-count: "1"               annotations, as the openb traces' simulator and open-gpu-share have them:
//	alibabacloud.com/gpu-milli: "300"             so many GPUs, and so many thousandths of each (1000 unless given)
//	alibabacloud.com/gpu-card-model: V100M16|T4   and which models will do; any unless given, in both ways
//
// kube-scheduler counts extended resources by itself, but knows of no single device; it takes no notice of the annotations. A plugin
// that does (cluster/scheduler/plugins/gpushare) writes down which devices the pod is to have:
//
//	alibabacloud.com/gpu-index: "0-3"
//
// The annotation comes with the Binding, whose annotations the API server copies to the pod, so that a pod is never bound
// without it. The kubelet gives the pod those devices, or refuses it; a pod without an index gets what Choose says.
//
// Rejected: an extended resource for thousandths, as some device plugins have it. Node-wide sums can't say whether
// any single GPU has enough left, which is all that sharing is about. Dynamic resource allocation: the plugin of the default profile
// passes pods without claims only, and traces don't come with claims.
package gpu
