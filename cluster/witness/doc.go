// Package witness holds every watch in a cluster to what came to pass, all the time, at three levels:
//
//	store        what an API server is told by its watches on the store
//	watch cache  what a client is sent by an API server: the state with which a watch begins, events, bookmarks
//	informer     what an informer tells its handlers, through all the lists and watches of its life
//
// What came to pass is what the store's members have agreed on; the promises, and how they are checked, are those of
// package watchcheck. A violation ends a scenario's run as failed; without a scenario it is a panic. The witness is an
// observer: nothing in the simulated world depends on it.
//
// # What it costs
//
// For each selection that somebody watches (all pods, the pods of one node, ...) there is a history with only the changes
// that the selection sees. So a change is written down once for each selection that it touches, found by way of the
// pod's node or the object's name, and an event costs a comparison of two pointers: the object that is told must be the
// one that was stored. A list costs a sum over what is in it.
//
// Histories forget what no watch needs any more. An API server that is behind holds on to what it has not seen, so that
// those whom it will serve can be judged.
//
// # What is not checked
//
// A watch from a revision that is forgotten is checked from the oldest that is known. Over HTTP each event is a message of
// its own, so that W4, all events of a revision in one message, is promised by the store alone. After a backup has been
// restored, a watch is judged from its next list on.
package witness
