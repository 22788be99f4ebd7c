// Package deployment is the Deployment controller: it turns a Deployment into ReplicaSets, one per pod template, and
// moves replicas from old ones to the new one within the bounds of the update strategy.
//
// One sync of one Deployment reads as its table of contents in controller.go:
//
//  1. claim the ReplicaSets that belong to it;
//  2. note in the conditions that it was paused or resumed;
//  3. where its size was changed, or while it is paused: scale (scale.go), in proportion if several ReplicaSets have pods;
//  4. otherwise roll out: rolling.go or recreate.go, creating the new ReplicaSet (newreplicaset.go) if there is none;
//  5. delete ReplicaSets beyond the history limit (history.go) and write the status (status.go, progress.go).
//
// Each step ends the sync once it has written something that the next step would have to see: the change comes back
// through an informer and starts another sync. Like upstream, a sync does not continue from the object that a status
// write returns, so that a second status write within one sync meets a conflict and is retried; recordings show these.
//
// Decisions are functions of Deployment and ReplicaSets alone: limits.go, revision.go, scale.go, rolling.go, history.go,
// status.go and progress.go never touch a client.
package deployment
