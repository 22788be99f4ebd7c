// Package storage keeps API objects in the store: one key an object, one revision a change.
//
// A value in the store is a *Stored: a reference to an immutable object that nobody serialises, with the size that
// upstream's encoding would have. Upstream leaves the resource version out of what it stores and fills it in from the key's
// revision whenever it decodes; here that happens once: the first reader of a revision stamps the object, and from then on
// every member, API server, cache and watcher shares that one object.
//
// Everything is a state machine on callbacks, since thousands of requests are in flight at once:
//
//	Write   the loop of upstream's GuaranteedUpdate, Create and Delete in one: decide on the object at hand (from the
//	        cache, if there is one), write under the condition that its revision is still the stored one, and decide again
//	        on what the store really has if it is not. A refusal based on a cached object is checked against the store
//	        before anybody hears of it.
//	List    pages through a range at one revision, filtering as it goes.
//	Leases  shares one store lease among the objects that expire within about a minute of each other.
//
// A write whose answer is lost may still take effect, as over a real network: that is told as an error like any other.
package storage
