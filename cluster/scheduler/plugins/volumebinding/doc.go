// Package volumebinding chooses volumes for the claims of pods, together with the node: a claim whose class waits for its first consumer is
// bound to a volume that the node can reach, or provisioned there.
//
//	PreFilter   sort the pod's claims: bound, to be bound now, too early
//	Filter      can the node reach the bound volumes; are there volumes for the others, or can they be provisioned
//	Reserve     take the chosen volumes, in memory
//	PreBind     write the choice, and wait until the volume controller has bound everything
//
// What Reserve took is remembered until the informer shows a newer version of the object (assumed.go), so that the next pod doesn't take it
// as well. Among volumes of equal size upstream takes any; here it is the first by name.
package volumebinding
