// Package objects makes API objects as a whole cluster's users would: one after the other, at the times of an arrival
// process, each a copy of a template with a size and a lifetime of its own, and deletes them when their time is over.
//
// A pod's lifetime begins when it runs, so that waiting for a place does not shorten it; that of any other object when
// it was created. Requests go through the operator's client and take the time that requests take; one that fails is
// counted and not repeated, as nobody would know whether it had taken effect.
//
// All draws of one load come from one stream, named after the load: see package generators.
package objects
