// Package api is the vocabulary that every component of the simulated cluster shares: the API as values.
//
// A component never sees a URL, a JSON body or a socket. It builds a Request that names a Resource, a verb and
// perhaps an object; the API server answers with a Response, a status error, or a stream of WatchBatch values. The
// objects inside are the real k8s.io/api types, and this package adds only what those types leave out:
//
//   - resources.go: the table of served resources, one *Resource per kind, and lookup by kind, plural or short name;
//   - request.go: Request, Response, List, WatchEvent, and path.go, which renders a request as its REST path;
//   - scheme.go: the runtime.Scheme, and strict decoding of manifests;
//   - meta.go, copy.go: keys, resource versions, the shallow copies by which a shared object is changed;
//   - size.go: the modelled size of an object, which is its size in upstream's storage encoding;
//   - selectors.go: label and field selectors as the API spells them;
//   - pods.go, owners.go, hash.go, names.go, quantity.go: rules of Kubernetes that several components must agree on,
//     such as the hash behind pod-template-hash.
//
// # Sharing
//
// An object handed to anybody is immutable from then on. Whoever wants a changed one copies the structs on the path
// from the root to the change and shares everything behind other pointers, slices and maps:
//
//	pod := api.Shallow(old)                      // copies ObjectMeta, Spec and Status values, shares what they point to
//	pod.Labels = api.With(pod.Labels, "a", "b")  // a new map
//
// Nothing here reads a clock, draws at random or performs input or output. The package may change without notice; it
// is not part of the promised surface.
package api
