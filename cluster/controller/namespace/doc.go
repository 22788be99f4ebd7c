// Package namespace is the namespace controller: it empties a namespace that is being deleted and then lets it go.
//
// Five seconds after the deletion was seen (so that every API server knows of it and nothing new appears) all pods are
// deleted, and everything else once they are gone: per kind one DELETE of the collection and one LIST of what is left.
// What remains is reported in the namespace's conditions, and the next attempt comes when it may be gone: after half of
// the longest grace period of its pods, or of 15 s where finalizers hold something. When nothing remains the finalizer
// "kubernetes" is removed from spec, which ends the namespace.
//
// Upstream takes kinds in random order; here they go in the order of the API's resource table.
package namespace
