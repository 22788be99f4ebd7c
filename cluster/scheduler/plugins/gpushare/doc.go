// Package gpushare places pods on single GPUs, whole or shared. How nodes offer GPUs and how pods ask for them says package api/gpu.
//
// One plugin does everything from the filter to the binding, under one name for each policy of package policies, whose code decides
// here as it does in the published protocol:
//
//	PreFilter   reads what the pod asks for; nodes that have changed are looked at again
//	Filter      enough GPUs of an acceptable model with enough left
//	Score       the policy's, and its normalisation
//	Reserve     the policy chooses the GPUs
//	Bind        the Binding carries their numbers as an annotation, which the API server copies to the pod
//
// GPUShare is the same without a policy: other plugins score, and a share gets the tightest GPU that fits. Only one of
// them can be enabled in a profile. Since it binds, it must be asked before DefaultBinder, to which it leaves pods without GPUs;
// package config sees to that.
//
// # State
//
// What is left of each GPU follows the scheduler's snapshot, node by changed node: the pods on it, assumed ones included, with
// the GPUs of their annotations, or, between Reserve and the annotation's coming back from the API, with those reserved. A pod that
// somebody else bound without an annotation is taken to have got what its kubelet chooses (gpu.Choose, in order of creation).
// Should that be wrong, the kubelet refuses the next pod rather than giving more of a GPU than there is.
//
// # FGD's workload
//
// FGD keeps nodes fit for a target workload. Where the configuration names none, it is what pods have asked for so far, taken
// anew whenever their number has grown by a tenth.
package gpushare
