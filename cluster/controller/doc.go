// Package controller holds what the controllers of kube-controller-manager share.
//
// A controller watches some kinds through shared informers, turns each change into keys of a work queue, and lets a few
// worker tasks make the world resemble what the objects ask for, one key at a time. Each lives in a package of its own
// below this one and is split the same way: decisions are plain functions from a state to actions, tested without a
// cluster; one file (sync.go or controller.go) reads the informers, asks those functions, and writes through the API.
//
// Here are the parts that upstream keeps in pkg/controller for all of them:
//
//   - env.go: what a controller is given when it starts, and the table entry the manager starts it from;
//   - worker.go: the loop around a work queue, with upstream's rules for retries;
//   - expectations.go: how a controller waits to see its own creations and deletions before it counts again;
//   - consistency.go: how a sync waits until its informers are as new as the controller's own writes;
//   - claim.go: adoption and release of objects by owner reference and selector;
//   - batch.go: several requests at once, and the slow start of creations;
//   - podcontrol.go: creating and deleting pods, with their Events; pods.go: indices and filters over pods;
//   - patch.go: typed patches with the preconditions that the real ones carry.
//
// # Time and cost
//
// Conditions carry wall time of the process's machine, cut to seconds as the API's encodings cut it. Waiting uses the
// monotonic clock. A sync charges its CPU cost (operation "kcm.<controller>.sync") after it has read its informers and
// before it writes.
//
// The package may change without notice; it is not part of the promised surface.
package controller
