// Package kubectl is a subset of kubectl as a simulated program: it parses the arguments, talks to the API server
// through cluster/client, and writes what kubectl writes.
//
// Served are: apply, create, delete, scale, set image, patch, label, annotate, taint, cordon, uncordon, drain,
// rollout restart/undo/pause/resume/status/history, wait, and evict, which kubectl lacks: a single eviction. Arguments are
// checked when a scenario is loaded, before anything runs.
//
// What kubectl computes on the client is computed here too: the last-applied annotation and the three-way patch of
// apply, the template and annotations that undo restores, the selection of pods that drain evicts and its retries
// when a disruption budget refuses.
package kubectl
