// Package noderesources fits pods' requests into what nodes have left, and ranks nodes by it.
//
//	NodeResourcesFit                 Filter: every request fits beside those of the pods that are there
//	                                 Score: LeastAllocated, MostAllocated or RequestedToCapacityRatio
//	NodeResourcesBalancedAllocation  Score: the pod should even out the use of the node's resources
//
// Both read the snapshot's columns; the form that reads a NodeInfo is the definition and the twin in tests.
package noderesources
