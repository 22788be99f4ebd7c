// Package watchcheck holds watches to what etcd promises about them, wherever a watch is: at the store, behind an API
// server's watch cache, in an informer.
//
//	W1 Ordered       W2 Unique        W3 Reliable
//	W4 Atomic        W5 Resumable     W6 Bookmarkable
//
// and to two of our own: W0, that what is told has happened, and W7, that the list with which a watch begins is what there
// was. The text of each is in guarantees.go, and is what an error says.
//
// # How it works
//
// A [History] is told every change as it comes to pass. A [Stream] is one watch from one revision on; whoever receives
// the watch hands it the messages as they come in: Deliver, Bookmark, Settle where everything should have come, and
// nothing where the watch ends. The stream has a place in the history, up to which everything it wants has come or was
// found missing, so that a message costs what is in it and what the stream does not want in between. It keeps no events.
//
// A history may have parts, such as the pods of one node: one for each selection that somebody watches, so that a change
// costs the streams that want it. A part has a number that stands for everything that is there, a sum over the revisions
// that wrote it, after each change; a list is compared with that of its revision. What no stream needs any more is
// forgotten by whoever owns the history.
//
// Within one revision the order is free: the promise is about revisions. Since a message may end in the middle of one, the
// stream has the revision under way open, and counts what of it has come.
//
// What a stream wants of a change is a function: it says whether the watcher sees the change at all, and whether as a
// deletion, which is how a change looks that takes an object out of a selection.
//
// The package knows nothing of stores and objects: revisions are numbers, contents are hashes.
package watchcheck
