// Package format is the scenario file: apiVersion fauxkube.dev/v1alpha1, kind Scenario, as values.
//
// Decoding is strict. An unknown field, a wrong type or an impossible time is an *Error that names file, line and
// field, and says what would be right. Schema is the same structure as a JSON Schema, for editors.
//
// Every step, fault and expectation has an ID, given by its name or derived from its content. Random draws, report
// rows and shrinking rest on it: taking one step away leaves the IDs, and so the draws, of all others as they were.
//
// Times of steps count from step time 0: when the API answers, and the nodes that the file names are Ready. How long
// the cluster took to get there is reported apart.
package format
