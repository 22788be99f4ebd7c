// Package expect compiles and evaluates the CEL expressions of a scenario.
//
// An expression sees the cluster through a View: the store's committed state, or an API server's cache.
//
//	get(kind, 'namespace/name')       one object ('name' alone for kinds without namespaces)
//	exists(kind, 'namespace/name')    whether it is there
//	list(kind, namespace, selector)   objects, sorted by key; '' means all namespaces, all labels
//	events()                          all Events
//	metric(name), metric(name, 'label=value,...')   a counter, gauge or histogram's count, summed over its series
//	quantity('100m')                  a quantity as a number
//	now, since('step')                the wall time, and the simulated time since the end of a step
//
// Fields are checked when the expression is compiled, against the real types of k8s.io/api: kinds are written as
// literals for that. An optional number, string or flag that is absent reads as zero; an optional structure as one
// with nothing in it. Quantities read as numbers of their base unit, times as CEL timestamps, numbers-or-strings as
// what they are.
//
// Reading an object that does not exist is an *AbsentError: `eventually` and waits count it as not yet, `always` as
// violated.
package expect
